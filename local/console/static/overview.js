// Now: how many of what, what the last executions did in the state machine, and what happens.

import { get, link } from "./api.js";
import { duration, empty, h, id, kind, moment, pill, symbol } from "./dom.js";
import { draw } from "./graph.js";

export const title = "Now";
export const freshens = ["upload", "execution", "letter", "mail", "counts"];

export async function render({ live }) {
  const pipeline = await get("pipeline");
  return h("div", { class: "overview" },
    h("h1", { class: "hidden" }, "Now"),
    tiles(live.counts),
    h("section", { class: "card pipeline" },
      h("h2", {}, "The pipeline", h("small", {}, pipeline.executions ? ` the last ${pipeline.executions} executions` : " no execution yet")),
      drawn(pipeline), legend()),
    h("section", { class: "card feed" }, h("h2", {}, "What happens"),
      live.items.length ? h("ol", { class: "scroll", tabindex: "0", "aria-label": "Live feed, newest first" }, live.items.slice(0, 80).map(item))
        : empty("Nothing yet. Upload a photo through the API, or run the demo's riders against this stack.")));
}

function tiles(counts) {
  const uploads = counts.uploads ?? {};
  const tile = (status, words, number, href) => h("a", { class: `tile ${number ? kind(status) : "calm"}`, href },
    h("b", {}, number ?? "–"), h("span", {}, h("span", { "aria-hidden": "true" }, symbol(status)), ` ${words}`));
  return h("nav", { class: "tiles", "aria-label": "In numbers" },
    tile("waiting", "waiting", uploads.waiting, link("uploads", { status: "waiting" })),
    tile("processing", "processing", uploads.processing, link("uploads", { status: "processing" })),
    tile("accepted", "accepted", uploads.accepted, link("uploads", { status: "accepted" })),
    tile("rejected", "rejected", uploads.rejected, link("uploads", { status: "rejected" })),
    tile("failed", "failed", uploads.failed, link("uploads", { status: "failed" })),
    counts.appeals ? tile("rejected", "appeals", counts.appeals, link("uploads", { appeals: "1" })) : null,
    tile("letter", "dead letters", counts.letters, link("letters")),
    tile("live", "faces", counts.faces, link("faces")));
}

function drawn(pipeline) {
  const taken = new Map(pipeline.taken.map(([source, target, number]) => [`${source}\n${target}`, number]));
  const state = (name) => {
    const counts = pipeline.states[name];
    if (!counts) return null;
    const visits = ["running", "succeeded", "caught", "failed", "aborted"].reduce((sum, each) => sum + (counts[each] ?? 0), 0);
    const status = counts.running ? "running" : counts.failed ? "failed" : counts.aborted && !counts.succeeded ? "aborted"
      : counts.caught && !counts.succeeded ? "caught" : "succeeded";
    const bad = counts.failed || counts.caught ? ` · ${(counts.failed ?? 0) + (counts.caught ?? 0)} ✕` : "";
    return { status, line: `${visits} ×${bad}${counts.median ? ` · ${duration(counts.median)}` : ""}` };
  };
  return h("div", { class: "canvas", tabindex: "0", role: "region", "aria-label": "State machine" }, draw(pipeline.graph, {
    state, edge: (source, target) => taken.get(`${source}\n${target}`) ?? 0,
    label: "The state machine, with how often each state was reached",
  }));
}

export function legend() {
  const entries = [["succeeded", "succeeded"], ["caught", "failed and caught"], ["failed", "failed"], ["running", "running"], ["unreached", "not reached"]];
  return h("ul", { class: "legend", "aria-label": "Colours" },
    entries.map(([status, words]) => h("li", {}, h("i", { class: status === "unreached" ? status : kind(status) }, status === "unreached" ? "○" : symbol(status)), words)),
    h("li", {}, h("i", { class: "dashed" }), "a Catch"));
}

function item(entry) {
  const rider = entry.userId && id(entry.userId, link("uploads", { search: entry.userId }));
  switch (entry.kind) {
    case "upload": return line(entry, pill(entry.status), " ",
      entry.reason && h("code", {}, entry.reason), " ",
      h("a", { href: entry.execution ? link("execution", { name: entry.execution }) : link("upload", { user: entry.userId, upload: entry.uploadId }) }, "photo"),
      " of ", rider);
    case "execution": return line(entry, pill(entry.status), " ",
      h("a", { href: link("execution", { name: entry.execution }) }, "execution"), rider && " of ", rider);
    case "mail": return line(entry, pill("mail"), " ", h("a", { href: link("mails", { id: entry.mail }) }, entry.subject), " to ", entry.to.join(", "));
    default: return line(entry, pill("letter"), " ", h("a", { href: link("letters") }, "in the dead-letter queue"));
  }
}

const line = (entry, ...words) => h("li", {}, h("div", {}, words), moment(entry.at));
