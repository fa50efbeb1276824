/** Consent to the processing of the face, before the first photo. */

import * as api from "./api.js";
import { button, h, setWaiting } from "./dom.js";
import { ApiError, inWords } from "./errors.js";
import { text } from "./language.js";
import { card, notice, show } from "./shell.js";

/** The text itself, as the rider agrees to it. */
export const consentText = () =>
  h(
    "div",
    { class: "terms" },
    h("h2", {}, text.consent.why),
    h("p", {}, text.consent.whyText),
    h("h2", {}, text.consent.what),
    h("ul", { class: "stored" }, text.consent.items.map(([what, detail]) => h("li", {}, h("b", {}, what), ` – ${detail}`))),
    h("h2", {}, text.consent.howLong),
    h("p", {}, text.consent.howLongText),
    h("h2", {}, text.consent.yourRights),
    h("p", {}, text.consent.yourRightsText),
  );

/**
 * @param {object} options
 * @param {string} options.wanted the version that the API asks for now
 * @param {import("./dom.js").Child} options.message
 * @param {(() => void) | null} options.erase where there is a photo from before
 * @param {() => void} options.agreed
 * @param {() => void} options.declined
 */
export function askForConsent({ wanted, message, erase, agreed, declined }) {
  const shown = text.consent.version;
  const problem = h("div");
  const box = /** @type {HTMLInputElement} */ (h("input", { type: "checkbox", id: "agree" }));
  const submit = button(text.consent.submit, agree, { class: "button primary" });

  /** @param {...import("./dom.js").Child} words */
  const complain = (...words) => problem.replaceChildren(notice("error", ...words));
  const outdated = () =>
    complain(text.consent.changed, " ", button(text.consent.reload, () => location.reload(), { class: "link" }));

  async function agree() {
    if (!box.checked) {
      complain(text.consent.mustAgree);
      box.focus();
      return;
    }
    // In a tab that was open while another text was deployed, this is the one from before.
    if (wanted !== shown) {
      outdated();
      return;
    }
    setWaiting(submit, true);
    try {
      await api.giveConsent(shown);
      agreed();
    } catch (error) {
      if (error instanceof ApiError && (error.status === 400 || error.status === 409)) outdated();
      else complain(inWords(error));
    } finally {
      setWaiting(submit, false);
    }
  }

  show(
    card(
      text.consent.title,
      message,
      h("p", { class: "lead" }, text.consent.lead),
      consentText(),
      h("div", { class: "check" }, box, h("label", { for: "agree" }, text.consent.agree)),
      problem,
      h("div", { class: "actions" }, submit, button(text.consent.decline, declined)),
      erase && button(text.consent.eraseInstead, erase, { class: "link" }),
    ),
  );
}
