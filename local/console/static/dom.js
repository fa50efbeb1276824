// Elements, and how things are written. All text becomes text nodes: nothing from outside is ever markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);
export const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

const SYMBOLS = {
  accepted: "✓", SUCCEEDED: "✓", succeeded: "✓", live: "✓", rejected: "✕", FAILED: "!", failed: "!",
  TIMED_OUT: "!", ABORTED: "■", aborted: "■", superseded: "↺", waiting: "…", processing: "▶", RUNNING: "▶",
  running: "▶", caught: "↷", deciding: "▶", unaccounted: "?", letter: "✉", mail: "✉",
};
const WORDS = { TIMED_OUT: "timed out" };

export const symbol = (status) => SYMBOLS[status] ?? "○";
export const word = (status) => WORDS[status] ?? String(status).toLowerCase();

/** A status as colour, symbol and word: none of them alone tells it. */
export function pill(status, more) {
  return h("span", { class: `pill ${kind(status)}` },
    h("span", { "aria-hidden": "true" }, symbol(status)), ` ${word(status)}`, more && h("small", {}, ` ${more}`));
}

/** The colour class of a status of an upload, an execution, a state or a face. */
export function kind(status) {
  switch (status) {
    case "accepted": case "SUCCEEDED": case "succeeded": case "live": return "good";
    case "rejected": case "caught": return "warn";
    case "failed": case "FAILED": case "TIMED_OUT": case "unaccounted": case "letter": return "bad";
    case "processing": case "RUNNING": case "running": case "deciding": return "busy";
    default: return "calm";
  }
}

export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "";
  if (milliseconds < 1000) return `${milliseconds} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 60) return `${minutes} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A moment: how long ago, with the exact time to be seen on it; epoch milliseconds or ISO 8601. */
export function moment(at) {
  const date = new Date(at);
  if (!at || Number.isNaN(date.valueOf())) return "";
  const element = h("time", { datetime: date.toISOString(), title: date.toLocaleString() });
  element.textContent = ago(date);
  return element;
}

export function ago(date) {
  const seconds = Math.round((Date.now() - date) / 1000);
  if (seconds < 5) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return date.toLocaleString([], { dateStyle: "short", timeStyle: "short" });
}

/** An id, cut to what is told apart; the whole of it on hovering, and in the link. */
export function id(text, href) {
  if (!text) return h("span", { class: "faint" }, "–");
  const short = text.length > 20 ? `${text.slice(0, 8)}…${text.slice(-6)}` : text;
  return href ? h("a", { href, title: text, class: "id" }, short) : h("span", { title: text, class: "id" }, short);
}

/** JSON as people read it; a text that is none, as it is. */
export function json(text, label) {
  if (text === null || text === undefined) return h("p", { class: "faint" }, "none");
  let shown = text;
  try {
    shown = JSON.stringify(typeof text === "string" ? JSON.parse(text) : text, null, 2);
  } catch { /* it is shown as it came */ }
  return h("pre", { tabindex: "0", role: "region", "aria-label": label }, shown);
}

export const empty = (words) => h("p", { class: "empty" }, words);

export function toast(words, bad = false) {
  const box = document.getElementById("toast");
  box.replaceChildren(h("p", { class: bad ? "bad" : "" }, words));
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => box.replaceChildren(), bad ? 12_000 : 5000);
}

/** Asks before something is done, in a dialog of the page's own; resolves to whether to go on. */
export function confirmed(question, action) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-label": question },
      h("p", {}, question),
      h("form", { method: "dialog", class: "row" },
        h("button", { value: "" }, "Leave it"), h("button", { value: "yes", class: "primary" }, action)));
    dialog.addEventListener("close", () => { dialog.remove(); resolve(dialog.returnValue === "yes"); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
