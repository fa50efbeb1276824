/** A question before something that can't be undone. */

import { button, h } from "./dom.js";
import { inWords } from "./errors.js";
import { notice } from "./shell.js";

/**
 * Ask, and do it if the rider says yes; errors are shown in the dialog, which stays open then.
 *
 * @param {{title: string, text: string, confirm: string, cancel: string}} words
 * @param {() => Promise<unknown>} act
 * @returns {Promise<boolean>} whether it was done
 */
export function confirmed(words, act) {
  return new Promise((resolve) => {
    const problem = h("div");
    let done = false;
    const yes = button(words.confirm, doIt, { class: "button danger" });
    const no = button(words.cancel, () => dialog.close(), { class: "button", autofocus: true });
    const dialog = /** @type {HTMLDialogElement} */ (
      h(
        "dialog",
        { "aria-labelledby": "dialog-title", "aria-describedby": "dialog-text" },
        h("h2", { id: "dialog-title" }, words.title),
        h("p", { id: "dialog-text" }, words.text),
        problem,
        h("div", { class: "actions" }, no, yes),
      )
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });

    async function doIt() {
      if (yes.getAttribute("aria-disabled")) return;
      yes.setAttribute("aria-disabled", "true");
      problem.replaceChildren();
      try {
        await act();
        done = true;
        dialog.close();
      } catch (error) {
        problem.replaceChildren(notice("error", inWords(error)));
        yes.removeAttribute("aria-disabled");
      }
    }

    document.body.append(dialog);
    dialog.showModal();
  });
}
