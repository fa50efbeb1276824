/** While a photo is sent and looked at. */

import * as art from "./art.js";
import { button, h } from "./dom.js";
import { language, text } from "./language.js";
import { announce, card, notice, show } from "./shell.js";

const MEGABYTE = 1_000_000;
const megabytes = new Intl.NumberFormat(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

/**
 * @param {object} options
 * @param {string} options.url of the photo
 * @param {() => void} options.cancel
 */
export function sending({ url, cancel }) {
  const bar = h("progress", { max: 100, value: 0, "aria-label": text.sending.progress });
  const words = h("p", { class: "hint numbers" });
  const trouble = h("div");
  let quarter = 0;
  show(
    card(
      text.sending.title,
      h("div", { class: "frame small" }, h("img", { src: url, alt: text.preview.alt })),
      bar,
      words,
      trouble,
      h("div", { class: "actions center" }, button(text.sending.cancel, cancel)),
    ),
  );
  return {
    /** @param {number} sent bytes @param {number} total bytes */
    progress(sent, total) {
      const percent = total > 0 ? Math.floor((sent / total) * 100) : 0;
      bar.setAttribute("value", String(percent));
      words.textContent = `${text.sending.bytes(
        megabytes.format(sent / MEGABYTE),
        // A small photo is not one of no size.
        megabytes.format(Math.max(total / MEGABYTE, 0.1)),
      )} · ${text.sending.percent(percent)}`;
      // Not each percent is worth being read out.
      if (Math.floor(percent / 25) > quarter) {
        quarter = Math.floor(percent / 25);
        announce(text.sending.percent(percent));
      }
    },
    trouble: troubleNotice(trouble, text.sending.trouble),
  };
}

/** A photo that could not be sent, and may be sent again. */
export function sendingFailed(/** @type {{url: string, reason: string, again: () => void, cancel: () => void}} */ options) {
  show(
    card(
      text.sending.failedTitle,
      h("div", { class: "frame small" }, h("img", { src: options.url, alt: text.preview.alt })),
      notice("error", options.reason),
      h("p", { class: "hint center" }, text.sending.failedHint),
      h(
        "div",
        { class: "actions center" },
        button(text.sending.retry, options.again, { class: "button primary" }),
        button(text.cancel, options.cancel),
      ),
    ),
  );
}

/** The photo is with us, and there is no outcome yet. */
export function watching() {
  const trouble = h("div");
  const long = h("div");
  show(
    card(
      text.watching.title,
      h("div", { class: "looking" }, art.unicorn()),
      h("p", { class: "lead center" }, text.watching.lead),
      trouble,
      long,
    ),
  );
  return {
    trouble: troubleNotice(trouble, text.watching.trouble),
    long() {
      long.replaceChildren(notice("warning", text.watching.long));
      announce(text.watching.long);
    },
  };
}

/**
 * @param {HTMLElement} place
 * @param {string} words
 * @returns {(trouble: boolean) => void} shows them while there is trouble, and says when it is over
 */
function troubleNotice(place, words) {
  let shown = false;
  return (trouble) => {
    if (trouble === shown) return;
    shown = trouble;
    place.replaceChildren(...(trouble ? [notice("warning", words)] : []));
    announce(trouble ? words : text.sending.back);
  };
}
