/** What a rider agreed to, erasing the photo, and withdrawing the consent. */

import * as api from "./api.js";
import { confirmed } from "./dialog.js";
import { button, h } from "./dom.js";
import { text } from "./language.js";
import { card, show } from "./shell.js";
import { know } from "./uploading.js";
import { consentText } from "./view-consent.js";

/**
 * Ask, and erase the photo.
 *
 * @returns {Promise<boolean>} whether it is erased
 */
export const eraseAfterAsking = () =>
  confirmed(text.eraseDialog, async () => {
    await api.erasePhoto();
    know(null);
  });

/**
 * @param {object} options
 * @param {string} options.email
 * @param {boolean} options.given whether there is a consent to withdraw
 * @param {boolean} options.hasPhoto
 * @param {() => void} options.erased
 * @param {() => void} options.withdrawn
 */
export function privacy({ email, given, hasPhoto, erased, withdrawn }) {
  const erase = async () => (await eraseAfterAsking()) && erased();
  const withdraw = async () => {
    const done = await confirmed(text.withdrawDialog, async () => {
      await api.withdrawConsent();
      know(null);
    });
    if (done) withdrawn();
  };
  show(
    card(
      text.privacy.title,
      email && h("p", { class: "hint" }, text.privacy.signedInAs(email)),
      h("details", {}, h("summary", {}, text.privacy.consentTitle), consentText()),
      (given || hasPhoto) &&
        section(text.privacy.eraseTitle, text.privacy.eraseText, button(text.privacy.erase, erase, { class: "button danger" })),
      given
        ? section(text.privacy.withdrawTitle, text.privacy.withdrawText, button(text.privacy.withdraw, withdraw))
        : h("p", {}, text.privacy.notGiven),
      h("p", {}, h("a", { href: "#/" }, text.back)),
    ),
  );
}

/** @param {string} title @param {string} words @param {HTMLElement} act */
const section = (title, words, act) => h("div", { class: "part" }, h("h2", {}, title), h("p", {}, words), act);
