/** Choosing or taking a photo, what a good one is, and a look at it before it is sent. */

import * as art from "./art.js";
import { button, h } from "./dom.js";
import { FileError, inWords } from "./errors.js";
import { text } from "./language.js";
import { preparePhoto } from "./photo-file.js";
import { announce, card, notice, show } from "./shell.js";

/** @typedef {import("./photo-file.js").PreparedPhoto} PreparedPhoto */

export const tips = () =>
  h(
    "section",
    { class: "tips", "aria-label": text.choose.tipsTitle },
    h("ul", {}, Object.entries(text.choose.tips).map(([name, words]) => h("li", {}, art.tip(name), h("span", {}, words)))),
  );

/**
 * @param {object} options
 * @param {boolean} options.replacing
 * @param {import("./dom.js").Child} [options.message]
 * @param {(photo: PreparedPhoto) => void} options.chosen
 * @param {(() => void) | null} options.back
 * @param {AbortSignal} options.signal ends the taking of dropped files
 */
export function choose({ replacing, message, chosen, back, signal }) {
  const problem = h("div");
  const camera = picker("camera", { capture: "user" });
  const files = picker("files", {});
  const zone = h(
    "div",
    { class: "drop" },
    h("div", { class: "actions center" },
      withSymbol("camera", button(text.choose.take, () => camera.click(), { class: "button primary take" })),
      withSymbol("picture", button(text.choose.choose, () => files.click(), { class: "button choose" })),
    ),
    h("p", { class: "hint drop-hint" }, text.choose.drop),
    h("p", { class: "hint" }, text.choose.types),
    camera,
    files,
  );
  let busy = false;

  /** @param {string} id @param {Record<string, string>} attributes */
  function picker(id, attributes) {
    const input = /** @type {HTMLInputElement} */ (
      h("input", { type: "file", id, accept: "image/*", hidden: true, "aria-hidden": "true", tabindex: -1, ...attributes })
    );
    input.addEventListener("change", () => {
      void take([...(input.files ?? [])]);
      input.value = ""; // so that the same file can be chosen again
    });
    return input;
  }

  /** @param {File[]} taken */
  async function take(taken) {
    if (taken.length === 0 || busy || signal.aborted) return;
    busy = true;
    problem.replaceChildren();
    zone.setAttribute("aria-busy", "true");
    announce(text.choose.preparing);
    try {
      if (taken.length > 1) throw new FileError("several");
      const photo = await preparePhoto(taken[0]);
      if (!signal.aborted) chosen(photo);
    } catch (error) {
      problem.replaceChildren(notice("error", inWords(error)));
    } finally {
      busy = false;
      zone.removeAttribute("aria-busy");
    }
  }

  acceptDrops(zone, take, signal);
  show(
    card(
      replacing ? text.choose.replaceTitle : text.choose.title,
      message,
      h("p", { class: "lead" }, text.choose.lead),
      tips(),
      problem,
      zone,
      back && button(text.back, back, { class: "link" }),
    ),
  );
}

/**
 * Files may be dropped anywhere on the page: beside the zone, the browser would leave the page for the file.
 *
 * @param {HTMLElement} zone
 * @param {(files: File[]) => void} take
 * @param {AbortSignal} signal
 */
function acceptDrops(zone, take, signal) {
  /** @param {string} type @param {(event: DragEvent) => void} react */
  const on = (type, react) =>
    document.addEventListener(type, (event) => react(/** @type {DragEvent} */ (event)), { signal });
  on("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  on("dragleave", (event) => {
    if (event.relatedTarget === null) zone.classList.remove("over");
  });
  on("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (zone.isConnected) take([...(event.dataTransfer?.files ?? [])]);
  });
}

/** @param {string} name @param {HTMLElement} element */
function withSymbol(name, element) {
  element.prepend(art.symbol(name));
  return element;
}

/**
 * @param {object} options
 * @param {PreparedPhoto} options.photo
 * @param {string} options.url of the photo
 * @param {() => void} options.send
 * @param {() => void} options.other
 */
export function preview({ photo, url, send, other }) {
  show(
    card(
      text.preview.title,
      h("div", { class: "frame" }, h("img", { src: url, alt: text.preview.alt })),
      photo.changed && h("p", { class: "hint center" }, text.preview.changed),
      h(
        "div",
        { class: "actions center" },
        button(text.preview.send, send, { class: "button primary" }),
        button(text.preview.other, other),
      ),
    ),
  );
}
