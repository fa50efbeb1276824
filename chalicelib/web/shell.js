/** The frame around the views: which is shown, where the focus goes, what is announced. */

import { button, h } from "./dom.js";
import { text } from "./language.js";

const view = /** @type {HTMLElement} */ (document.getElementById("view"));
const account = /** @type {HTMLElement} */ (document.getElementById("account"));
const status = /** @type {HTMLElement} */ (document.getElementById("status"));

let stay = new AbortController();

/**
 * Begin a stay on a page: what the page before had under way is aborted.
 *
 * @returns {AbortSignal} aborted when the rider goes elsewhere
 */
export function enter() {
  stay.abort();
  stay = new AbortController();
  for (const dialog of document.querySelectorAll("dialog")) {
    // Asked as by Escape: one that is busy stays.
    if (dialog.dispatchEvent(new Event("cancel", { cancelable: true }))) dialog.close();
  }
  return stay.signal;
}

/**
 * Show a view, and move the focus to its heading, so that a screen reader begins there.
 *
 * @param {HTMLElement} content holds one h1
 * @param {{focus?: boolean}} [options]
 */
export function show(content, { focus = true } = {}) {
  view.replaceChildren(content);
  view.removeAttribute("aria-busy");
  const heading = content.querySelector("h1");
  if (!heading) return;
  document.title = `${heading.textContent} · ${text.name}`;
  if (focus) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

/** Show that something is being fetched; what was shown goes away only if that takes a moment. */
export function showLoading() {
  const { signal } = stay;
  view.setAttribute("aria-busy", "true");
  setTimeout(() => {
    if (!signal.aborted && view.getAttribute("aria-busy")) {
      view.replaceChildren(h("p", { class: "loading" }, text.loading));
    }
  }, 400);
}

/**
 * Say something to those who listen; the same words again are said again.
 *
 * @param {string} words
 */
export function announce(words) {
  status.textContent = status.textContent === words ? `${words}\u00a0` : words;
}

/**
 * Show who is signed in.
 *
 * @param {{email: string, signOut: () => void} | null} rider
 */
export function showRider(rider) {
  account.hidden = rider === null;
  account.setAttribute("aria-label", text.account.label);
  account.replaceChildren();
  if (rider) {
    account.append(
      h("a", { href: "#/privacy", class: "quiet", title: rider.email }, text.account.privacy),
      button(text.account.signOut, rider.signOut, { class: "quiet" }),
    );
  }
}

/**
 * A panel: the one thing a view is about.
 *
 * @param {string} title
 * @param {...import("./dom.js").Child} children
 */
export function card(title, ...children) {
  return h("section", { class: "card" }, h("h1", {}, title), ...children);
}

/**
 * Words in a box: good news, a warning, or an error that is read out at once.
 *
 * @param {"good" | "warning" | "error"} kind
 * @param {...import("./dom.js").Child} children
 */
export function notice(kind, ...children) {
  return h("div", { class: `notice ${kind}`, role: kind === "error" ? "alert" : null }, ...children);
}
