// What every list has: a search, filters and pages.

import { query } from "./api.js";
import { h, pill } from "./dom.js";

/** A search box; what is typed is part of the address, so that it can be kept and sent. */
export function search(view, parameters, words) {
  const box = h("input", {
    type: "search", name: "search", value: parameters.search, placeholder: words, "aria-label": words, "data-key": "search",
    autocomplete: "off", spellcheck: "false",
  });
  const go = (event) => {
    event.preventDefault();
    location.hash = `#/${view}${query({ ...parameters, search: box.value.trim(), cursor: "" })}`;
  };
  return h("form", { role: "search", class: "row", onsubmit: go }, box, h("button", {}, "Search"),
    parameters.search && h("a", { class: "button", href: `#/${view}${query({ ...parameters, search: "", cursor: "" })}` }, "Clear"));
}

/** One link a status; the chosen one is marked. */
export function filters(view, parameters, statuses, counts = {}) {
  const one = (status, content) => h("a", {
    href: `#/${view}${query({ ...parameters, status, cursor: "" })}`, class: "filter",
    "aria-current": (parameters.status ?? "") === status ? "true" : null,
  }, content, counts[status] !== undefined && h("span", { class: "count" }, counts[status]));
  return h("nav", { class: "filters", "aria-label": "Filter by status" }, one("", "all"), statuses.map((status) => one(status, pill(status))));
}

/** The way to the next page, and back to the first. */
export function pages(view, parameters, next) {
  if (!next && !parameters.cursor) return null;
  return h("nav", { class: "pages row", "aria-label": "Pages" },
    parameters.cursor && h("a", { class: "button", href: `#/${view}${query({ ...parameters, cursor: "" })}` }, "First page"),
    next && h("a", { class: "button", href: `#/${view}${query({ ...parameters, cursor: next })}` }, "Next page"));
}

/** A table whose rows become cards where there is little room: each cell then says what it is. */
export function table(caption, columns, rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {},
      h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column)))),
      h("tbody", {}, rows.map((cells) => h("tr", {}, cells.map((cell, index) => h("td", { "data-label": columns[index] }, h("div", {}, cell))))))));
}
