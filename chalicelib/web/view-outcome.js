/** What became of a photo, and the photo that is in use. */

import * as api from "./api.js";
import * as art from "./art.js";
import { button, h } from "./dom.js";
import { ApiError } from "./errors.js";
import { form } from "./form.js";
import { language, text } from "./language.js";
import { announce, card, notice, show } from "./shell.js";
import { tips } from "./view-choose.js";

// For these a person may decide otherwise than the rules did.
const APPEALABLE = new Set(["FACE_ALREADY_EXISTS", "FACE_CHANGED", "SUNGLASSES", "FACE_NOT_CLEAR"]);
// For these the tips help.
const ABOUT_THE_PHOTO = new Set(["NO_FACE", "MULTIPLE_FACES", "SUNGLASSES", "FACE_NOT_CLEAR"]);
const LONGEST_NOTE = 500;

/** @param {string} name @param {string} kind */
const badge = (name, kind) => h("div", { class: `badge ${kind}` }, art.symbol(name));

/**
 * The photo as the app shows it: a card of a ride, and the thumbnail.
 *
 * @param {{thumbnailUrl: string | null, avatarUrl: string | null}} photo
 */
function asInTheApp({ thumbnailUrl, avatarUrl }) {
  return h(
    "div",
    { class: "in-app" },
    picture(thumbnailUrl, text.live.thumbnail, "thumbnail"),
    h(
      "div",
      { class: "ride" },
      picture(avatarUrl ?? thumbnailUrl, text.live.avatar, "avatar"),
      h("div", {}, h("b", {}, text.live.greeting), h("span", { class: "hint" }, text.live.driver)),
      art.unicorn(),
    ),
  );
}

/** @param {string | null} url @param {string} alt @param {string} kind */
function picture(url, alt, kind) {
  const missing = () => h("p", { class: `${kind} hint` }, text.live.noPicture);
  if (url === null) return missing();
  const image = h("img", { src: url, alt, class: kind });
  image.addEventListener("error", () => image.replaceWith(missing()), { once: true });
  return image;
}

/**
 * @param {object} options
 * @param {api.LivePhoto} options.photo
 * @param {import("./dom.js").Child} options.message
 * @param {() => void} options.replace
 * @param {() => void} options.erase
 */
export function live({ photo, message, replace, erase }) {
  const date = photo.acceptedAt && new Date(photo.acceptedAt).toLocaleDateString(language, { dateStyle: "long" });
  show(
    card(
      text.live.title,
      message,
      h("p", { class: "lead" }, text.live.lead),
      asInTheApp(photo),
      date && h("p", { class: "hint center" }, text.live.since(date)),
      h(
        "div",
        { class: "actions center" },
        button(text.live.replace, replace, { class: "button primary" }),
        button(text.live.erase, erase, { class: "button" }),
      ),
    ),
  );
}

/** @param {{view: api.UploadView, done: () => void, replace: () => void}} options */
export function accepted({ view, done, replace }) {
  announce(text.accepted.title);
  show(
    card(
      text.accepted.title,
      h("p", { class: "lead" }, text.accepted.lead),
      asInTheApp(view),
      h(
        "div",
        { class: "actions center" },
        button(text.accepted.done, done, { class: "button primary" }),
        button(text.live.replace, replace),
      ),
    ),
  );
}

/**
 * @param {object} options
 * @param {string} options.uploadId
 * @param {api.UploadView} options.view
 * @param {boolean} options.hasPhoto whether an earlier photo is in use
 * @param {() => void} options.again
 * @param {() => void} options.keep
 */
export function rejected(options) {
  const { uploadId, view, hasPhoto, again, keep } = options;
  const { reason } = view;
  const known = reason !== null && reason in text.rejected.titles;
  const key = /** @type {keyof typeof text.rejected.titles} */ (known ? reason : "OTHER");
  const unclear = Object.entries(text.rejected.unclear).find(([words]) => view.message?.includes(words));
  const title = reason === "FACE_NOT_CLEAR" && unclear ? unclear[1] : text.rejected.titles[key];
  const mayAppeal = reason !== null && APPEALABLE.has(reason) && !view.appealed;
  const toAppeal = () =>
    appeal({ uploadId, back: () => rejected(options), sent: () => rejected({ ...options, view: { ...view, appealed: true } }) });
  announce(title);
  show(
    card(
      title,
      badge("sorry", "sorry"),
      h("p", { class: "lead center" }, text.rejected.advice[key]),
      view.appealed && notice("good", text.rejected.appealed),
      reason !== null && ABOUT_THE_PHOTO.has(reason) && tips(),
      h(
        "div",
        { class: "actions center" },
        button(text.rejected.again, again, { class: "button primary" }),
        hasPhoto && button(text.rejected.keep, keep),
        mayAppeal && button(text.rejected.appeal, toAppeal),
      ),
    ),
  );
}

/** @param {{uploadId: string, back: () => void, sent: () => void}} options */
function appeal({ uploadId, back, sent }) {
  const left = h("p", { class: "hint right" }, text.appeal.left(LONGEST_NOTE));
  /** @param {string} note */
  const check = (note) => (note.length > LONGEST_NOTE ? text.appeal.tooLong(note.length - LONGEST_NOTE) : null);
  const content = form(
    [
      {
        name: "message",
        label: text.appeal.label,
        hint: text.appeal.hint,
        missing: text.appeal.missing,
        check,
        lines: 5,
        attributes: {},
      },
    ],
    text.appeal.submit,
    async ({ message }) => {
      try {
        await api.appeal(uploadId, message);
      } catch (error) {
        // Told in another tab meanwhile: that is what the rider wanted.
        if (!(error instanceof ApiError && error.status === 409)) throw error;
      }
      sent();
    },
  );
  content.addEventListener("input", (event) => {
    const { value } = /** @type {HTMLTextAreaElement} */ (event.target);
    left.textContent = text.appeal.left(Math.max(0, LONGEST_NOTE - value.trim().length));
  });
  content.querySelector(".field")?.append(left);
  show(card(text.appeal.title, h("p", { class: "lead" }, text.appeal.lead), content, button(text.back, back, { class: "link" })));
}

/** @param {{again: () => void}} options */
export function failed({ again }) {
  announce(text.failed.title);
  plain(text.failed.title, badge("cloud", "sorry"), text.failed.lead, text.retry, again);
}

/** @param {{see: () => void}} options */
export function superseded({ see }) {
  announce(text.superseded.title);
  plain(text.superseded.title, badge("newer", "calm"), text.superseded.lead, text.superseded.see, see);
}

/** @param {{again: () => void}} options */
export function lost({ again }) {
  plain(text.watching.lostTitle, badge("cloud", "sorry"), text.watching.lost, text.rejected.again, again);
}

/**
 * @param {string} title
 * @param {HTMLElement} mark
 * @param {string} lead
 * @param {string} label
 * @param {() => void} act
 */
function plain(title, mark, lead, label, act) {
  show(
    card(
      title,
      mark,
      h("p", { class: "lead center" }, lead),
      h("div", { class: "actions center" }, button(label, act, { class: "button primary" })),
    ),
  );
}
