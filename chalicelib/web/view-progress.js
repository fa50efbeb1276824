/** While a photo is sent and looked at. */

import * as art from "./art.js";
import { button, h, isWaiting, setWaiting } from "./dom.js";
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
  const tellTrouble = troubleNotice(trouble, text.sending.trouble);
  const stop = button(text.sending.cancel, () => isWaiting(stop) || cancel());
  let quarter = 0;
  show(
    card(
      text.sending.title,
      h("div", { class: "frame small" }, h("img", { src: url, alt: text.preview.alt })),
      bar,
      words,
      trouble,
      h("div", { class: "actions center" }, stop),
    ),
  );
  return {
    /** @param {number} sent bytes @param {number} total bytes */
    progress(sent, total) {
      const percent = total > 0 ? Math.floor((sent / total) * 100) : 0;
      bar.setAttribute("value", String(percent));
      setWaiting(stop, sent === total); // what is all sent can't be called back
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
    /** @param {boolean} now */
    trouble(now) {
      if (now) setWaiting(stop, false);
      tellTrouble(now);
    },
  };
}

/**
 * A photo that could not be sent, and may be sent again.
 *
 * @param {object} options
 * @param {string} options.url of the photo
 * @param {boolean} options.unsure whether it may have arrived all the same
 * @param {string} options.reason
 * @param {() => void} options.again
 * @param {() => void} options.cancel
 */
export function sendingFailed(options) {
  show(
    card(
      options.unsure ? text.sending.unsureTitle : text.sending.failedTitle,
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

/**
 * There is no outcome yet.
 *
 * @param {boolean} arrived whether the photo is known to be with us
 */
export function watching(arrived) {
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
    trouble: troubleNotice(trouble, arrived ? text.watching.trouble : text.watching.troubleUnsure),
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
