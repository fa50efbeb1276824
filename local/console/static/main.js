// The frame: which view is shown, the navigation, and the live feed that keeps it fresh.

import { ago, h, toast } from "./dom.js";
import * as execution from "./execution.js";
import * as executions from "./executions.js";
import * as faces from "./faces.js";
import * as letters from "./letters.js";
import * as mails from "./mails.js";
import * as overview from "./overview.js";
import * as riders from "./riders.js";
import * as upload from "./upload.js";
import * as uploads from "./uploads.js";

const VIEWS = { "": overview, executions, execution, uploads, upload, riders, faces, mails, letters };
const NAVIGATION = [
  ["", "Now"], ["executions", "Executions", (counts) => counts.running],
  ["uploads", "Uploads", (counts) => counts.appeals, "appeals"], ["riders", "Riders"], ["faces", "Faces"],
  ["mails", "Mailbox"], ["letters", "Dead letters", (counts) => counts.letters],
];
const PARENTS = { execution: "executions", upload: "uploads" };
const REFRESH_MILLISECONDS = 700;

const main = document.getElementById("main");
const nav = document.getElementById("nav");
const connection = document.getElementById("connection");
const live = { items: [], counts: {} };
let shown = 0;
let timer = null;

function place() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split("?");
  return { name: path in VIEWS ? path : "", parameters: Object.fromEntries(new URLSearchParams(search)) };
}

async function show({ quietly = false } = {}) {
  clearTimeout(timer);
  timer = null;
  const turn = (shown += 1);
  const { name, parameters } = place();
  const view = VIEWS[name];
  if (!quietly) main.setAttribute("aria-busy", "true");
  let content;
  try {
    content = await view.render({ parameters, live, refresh: () => show({ quietly: true }) });
  } catch (error) {
    content = h("section", { class: "problem", role: "alert" }, h("h1", {}, "This can't be shown"), h("p", {}, error.message),
      h("p", {}, h("button", { onclick: () => show() }, "Try again")));
  }
  if (turn !== shown) return; // another view was asked for meanwhile
  const kept = quietly ? remember() : null;
  main.replaceChildren(content);
  main.removeAttribute("aria-busy");
  main.dataset.view = name || "now";
  document.title = `${view.title} · Rider Photos console`;
  navigate(name);
  if (kept) recall(kept);
  else { scrollTo(0, 0); if (show.before) main.focus({ preventScroll: true }); }
  show.before = true;
}

/** What a person had under their fingers: where the focus was, and what was folded open. */
function remember() {
  const focused = document.activeElement;
  return {
    key: focused?.dataset?.key, value: focused?.value, start: focused?.selectionStart, end: focused?.selectionEnd,
    open: [...main.querySelectorAll("details[data-key]")].map((each) => [each.dataset.key, each.open]),
    scrolled: [...main.querySelectorAll("pre, .scroll")].map((each) => each.scrollTop),
  };
}

function recall(kept) {
  for (const [key, open] of kept.open) {
    const found = main.querySelector(`details[data-key="${CSS.escape(key)}"]`);
    if (found) found.open = open;
  }
  [...main.querySelectorAll("pre, .scroll")].forEach((each, index) => { each.scrollTop = kept.scrolled[index] ?? 0; });
  const focused = kept.key && main.querySelector(`[data-key="${CSS.escape(kept.key)}"]`);
  if (!focused) return;
  focused.focus({ preventScroll: true });
  if (focused.type === "search") { focused.value = kept.value; focused.setSelectionRange(kept.start, kept.end); }
}

function navigate(name) {
  const current = PARENTS[name] ?? name;
  nav.replaceChildren(...NAVIGATION.map(([target, words, count, noun]) => {
    const number = count?.(live.counts);
    return h("a", { href: `#/${target}`, "aria-current": target === current ? "page" : null }, words,
      number ? h("b", { class: target === "executions" ? "busy" : "bad", title: noun }, number, noun && h("span", { class: "hidden" }, ` ${noun}`)) : null);
  }));
}

function listen() {
  const source = new EventSource("/api/feed");
  source.onmessage = (event) => {
    const message = JSON.parse(event.data);
    live.counts = message.counts;
    live.items = message.first ? message.items : [...message.items, ...live.items].slice(0, 200);
    connection.className = message.counts.unreachable ? "bad" : "good";
    connection.textContent = message.counts.unreachable ? "AWS doesn't answer" : "live";
    const { name } = place();
    navigate(name);
    const wanted = VIEWS[name].freshens;
    const due = message.first ? wanted.includes("counts") : message.items.some((item) => wanted.includes(item.kind)) || wanted.includes("counts");
    // Quietly, and not oftener than a person can follow.
    if (due) timer ??= setTimeout(() => show({ quietly: true }), REFRESH_MILLISECONDS);
  };
  source.onerror = () => { connection.className = "bad"; connection.textContent = "not connected"; };
}

document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
addEventListener("hashchange", () => show());
addEventListener("unhandledrejection", (event) => toast(event.reason?.message ?? "Something went wrong.", true));
setInterval(() => {
  for (const each of document.querySelectorAll("main time")) each.textContent = ago(new Date(each.dateTime));
}, 5000);
navigate(place().name);
show();
listen();
