/** A question before something that can't be undone. */

import { button, h, setWaiting } from "./dom.js";
import { SessionEndedError, inWords } from "./errors.js";
import { notice } from "./shell.js";

/**
 * Ask, and do it if the rider says yes; errors are shown in the dialog, which stays open then.
 *
 * What has begun can't be called back, so until it has ended the dialog can't be left, wherever the page goes.
 *
 * @param {{title: string, text: string, confirm: string, busy: string, cancel: string}} words
 * @param {() => Promise<unknown>} act
 * @returns {Promise<boolean>} whether it was done
 */
export function confirmed(words, act) {
  return new Promise((resolve) => {
    const problem = h("div");
    // Not the page's own status, which nobody hears behind a modal dialog.
    const status = h("div", { role: "status" });
    let busy = false;
    let done = false;
    const yes = button(words.confirm, doIt, { class: "button danger" });
    const no = button(words.cancel, () => busy || dialog.close(), { class: "button", autofocus: true });
    const dialog = /** @type {HTMLDialogElement} */ (
      h(
        "dialog",
        { "aria-labelledby": "dialog-title", "aria-describedby": "dialog-text" },
        h("h2", { id: "dialog-title" }, words.title),
        h("p", { id: "dialog-text" }, words.text),
        status,
        problem,
        h("div", { class: "actions" }, no, yes),
      )
    );
    dialog.addEventListener("cancel", (event) => {
      if (busy) event.preventDefault();
    });
    dialog.addEventListener("close", () => {
      if (busy) {
        dialog.showModal(); // a second Escape closes it without asking
        return;
      }
      dialog.remove();
      resolve(done);
    });

    /** @param {boolean} now */
    function setBusy(now) {
      busy = now;
      status.replaceChildren(...(now ? [h("p", { class: "hint" }, words.busy)] : []));
      for (const each of [yes, no]) setWaiting(each, now);
    }

    async function doIt() {
      if (busy) return;
      setBusy(true);
      problem.replaceChildren();
      try {
        await act();
        done = true;
      } catch (error) {
        // Without a session the page goes to the sign-in, and there is nothing to repeat here.
        if (!(error instanceof SessionEndedError)) problem.replaceChildren(notice("error", inWords(error)));
      }
      setBusy(false);
      if (!problem.hasChildNodes()) dialog.close();
    }

    document.body.append(dialog);
    dialog.showModal();
  });
}
