// One execution: the way it took through the states, and all that is known of each.

import { get, link, photo, post } from "./api.js";
import { confirmed, duration, h, id, json, kind, moment, pill, symbol, toast, word } from "./dom.js";
import { draw, visitLine } from "./graph.js";
import { legend } from "./overview.js";

export const title = "Execution";
export const freshens = ["upload", "execution", "counts"];

export async function render({ parameters, refresh }) {
  const execution = await get("execution", { name: parameters.name });
  const byState = Map.groupBy(execution.visits, (visit) => visit.state);
  const taken = new Set(execution.taken.map((pair) => pair.join("\n")));
  const chosen = byState.has(parameters.state) || execution.graph.states.some((each) => each.name === parameters.state)
    ? parameters.state : interesting(execution.visits);
  const choose = (state) => {
    history.replaceState(null, "", link("execution", { name: parameters.name, state }));
    refresh();
  };
  return h("article", { class: "execution" },
    head(execution, refresh),
    h("div", { class: "split" },
      h("section", { class: "card" }, h("h2", { class: "hidden" }, "The way through the states"),
        h("div", { class: "canvas", tabindex: "0", role: "region", "aria-label": "State machine" }, draw(execution.graph, {
          state: (name) => byState.has(name) ? { status: byState.get(name).at(-1).status, line: visitLine(byState.get(name)) } : null,
          edge: (source, target) => taken.has(`${source}\n${target}`) ? 1 : 0,
          chosen, choose, label: "The states of this execution; choose one to see what happened in it",
        })), legend()),
      h("section", { class: "card details", "aria-live": "polite" }, details(execution, chosen, byState.get(chosen) ?? []))),
    timeline(execution, chosen, choose),
    h("section", { class: "card" },
      folded("input", "Input of the execution", json(execution.input, "Input")),
      folded("output", "Output of the execution", json(execution.output, "Output")),
      execution.row && folded("row", "Row of the uploads table", json(execution.row, "Row"))));
}

/** What a person wants to see first: what failed, what runs, else where it ended. */
function interesting(visits) {
  const found = (status) => visits.find((visit) => visit.status === status);
  return (found("caught") ?? found("failed") ?? found("running") ?? found("aborted") ?? visits.at(-1))?.state;
}

const folded = (key, words, content, open = false) => h("details", { "data-key": key, open }, h("summary", {}, words), content);

function head(execution, refresh) {
  const ended = execution.stopped ?? Date.now();
  const stop = async () => {
    if (!await confirmed("Stop this execution? Its photo is undone, and the rider is told that it failed.", "Stop it")) return;
    try {
      await post("stop", { name: execution.name });
      toast("Stopped.");
    } catch (error) {
      toast(error.message, true);
    }
    refresh();
  };
  const row = execution.row;
  return h("header", { class: "head" },
    row && h("span", { class: "pictures" }, ["thumbnail", "avatar"].filter((each) => row[each]).map((each) =>
      h("img", { src: photo(row.userId, row.uploadId, each), alt: `The rider's ${each}`, width: 64, height: 64, loading: "lazy" }))),
    h("div", {},
      h("p", { class: "faint" }, h("a", { href: link("executions") }, "Executions"), " /"),
      h("h1", { class: "id" }, execution.name),
      h("p", { class: "facts" }, pill(execution.status), execution.outcome && ["photo ", pill(execution.outcome)],
        execution.reason && h("code", {}, execution.reason),
        h("span", {}, "rider ", id(execution.userId, execution.userId && link("uploads", { search: execution.userId }))),
        row && h("span", {}, h("a", { href: link("upload", { user: row.userId, upload: row.uploadId }) }, "upload")),
        h("span", {}, "started ", moment(execution.started)), h("span", {}, "took ", duration(ended - execution.started))),
      execution.error && h("p", { class: "error" }, h("b", {}, execution.error), " ", cause(execution.cause))),
    execution.status === "RUNNING" && h("button", { class: "danger", onclick: stop, "data-key": "stop" }, "Stop"));
}

/** The message within a Cause: Lambda gives JSON. */
function cause(text) {
  try {
    return JSON.parse(text).errorMessage ?? text;
  } catch {
    return text ?? "";
  }
}

function details(execution, name, visits) {
  const state = execution.graph.states.find((each) => each.name === name);
  if (!state) return h("p", { class: "faint" }, "Choose a state.");
  return [
    h("h2", {}, name), h("p", { class: "faint" }, [state.type, state.resource].filter(Boolean).join(" · ")),
    state.comment && h("p", {}, state.comment),
    visits.length ? visits.map((visit, index) => visited(visit, index, visits.length)) : h("p", { class: "empty" }, "This execution did not come here."),
  ];
}

function visited(visit, index, number) {
  const key = `${visit.state}-${index}`;
  return h("section", { class: "visit" },
    number > 1 && h("h3", {}, `Visit ${index + 1} of ${number}`),
    h("p", { class: "facts" }, pill(visit.status), visit.exited && h("span", {}, duration(visit.exited - visit.entered)), h("span", {}, moment(visit.entered))),
    visit.attempts.length > 0 && (visit.attempts.length > 1 || visit.attempts[0].error) && h("ol", { class: "attempts" }, visit.attempts.map((attempt) =>
      h("li", {}, attempt.error ? [h("b", { class: "bad-text" }, attempt.error), " ", h("span", {}, cause(attempt.cause))] : attempt.ended ? "succeeded" : "under way",
        attempt.ended && h("span", { class: "faint" }, ` ${duration(attempt.ended - attempt.scheduled)}`)))),
    folded(`${key}-input`, "Input", json(visit.input, `Input of ${visit.state}`)),
    folded(`${key}-output`, "Output", json(visit.output, `Output of ${visit.state}`), true),
    visit.attempts.some((attempt) => attempt.cause) && folded(`${key}-cause`, "Cause", json(visit.attempts.findLast((attempt) => attempt.cause).cause, "Cause")));
}

/** Each visit as a bar, from when it was entered until it was left. */
function timeline(execution, chosen, choose) {
  const begin = execution.started;
  const end = execution.stopped ?? Date.now();
  const whole = Math.max(end - begin, 1);
  return h("section", { class: "card timeline" }, h("h2", {}, "Timeline", h("small", {}, ` ${duration(end - begin)}`)),
    h("ol", {}, execution.visits.map((visit, index) => {
      const bar = h("i", { class: kind(visit.status) });
      const share = (moment) => `${Math.min(Math.max((moment - begin) / whole, 0), 1) * 100}%`;
      bar.style.left = share(visit.entered);
      bar.style.width = `max(3px, ${(((visit.exited ?? end) - visit.entered) / whole) * 100}%)`;
      return h("li", {}, h("button", {
        class: visit.state === chosen ? "chosen" : "", onclick: () => choose(visit.state), "data-key": `bar-${index}`,
        "aria-label": `${visit.state}: ${word(visit.status)}, ${duration((visit.exited ?? end) - visit.entered)}`,
      }, h("span", { class: "label" }, `${symbol(visit.status)} ${visit.state}`), h("span", { class: "track" }, bar),
      h("span", { class: "took" }, duration((visit.exited ?? end) - visit.entered))));
    })));
}
