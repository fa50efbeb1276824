// The dead-letter queue, and starting again what lies there.

import { get, link, post } from "./api.js";
import { confirmed, empty, h, json, moment, toast } from "./dom.js";

export const title = "Dead letters";
export const freshens = ["letter", "execution"];

const KINDS = { event: "an event", execution: "a failed execution", unusable: "of no use" };
let last = null;

export async function render({ refresh }) {
  const { letters, number } = await get("letters");
  const redrive = async (event) => {
    if (!await confirmed(`Start again what lies in the queue (${number})?`, "Redrive")) return;
    const button = event.target;
    button.disabled = true;
    button.textContent = "Redriving …";
    try {
      last = await post("redrive");
      toast("Redriven.");
    } catch (error) {
      toast(error.message, true);
    }
    refresh();
  };
  return h("section", {},
    h("header", { class: "head" }, h("h1", {}, "Dead letters", h("small", {}, ` ${number}`)),
      h("button", { class: "primary", onclick: redrive, disabled: !number, "data-key": "redrive" }, "Redrive all")),
    last && outcome(last),
    letters.length < number && h("p", { class: "faint" }, `${number - letters.length} more are held by another redrive, or not shown.`),
    letters.length ? h("ul", { class: "letters" }, letters.map(card))
      : empty(number ? "All are held by another redrive at the moment." : "Nothing lies here: all that went wrong was mended, or nothing did."));
}

function outcome({ result, log }) {
  const failed = Object.entries(result.failed);
  return h("section", { class: "card", role: "status" }, h("h2", {}, "The last redrive"),
    h("p", { class: "facts" }, h("span", {}, `${result.started.length} started again`), h("span", {}, `${result.settled.length} with nothing left to start`),
      h("span", {}, `${failed.length} failed again`), h("span", {}, `${Object.keys(result.unusable).length} can never be processed`)),
    h("details", { "data-key": "log" }, h("summary", {}, "What it said"), h("pre", { tabindex: "0" }, log)));
}

function card(letter) {
  return h("li", { class: "card letter" },
    h("p", { class: "facts" }, h("span", { class: `pill ${letter.kind === "unusable" ? "bad" : "warn"}` }, KINDS[letter.kind]),
      h("code", {}, letter.id), letter.sent && moment(letter.sent)),
    h("p", {}, letter.what, " ", letter.execution && h("a", { href: link("execution", { name: letter.execution }) }, "see the execution")),
    h("details", { "data-key": letter.id }, h("summary", {}, "The letter"), json(letter.body, "The letter")));
}
