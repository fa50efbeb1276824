// All uploads, by status, by rider; and those whose rider says that the rejection is a mistake.

import { get, link, photo } from "./api.js";
import { empty, h, id, moment, pill } from "./dom.js";
import { filters, pages, search, table } from "./lists.js";

export const title = "Uploads";
export const freshens = ["upload"];

export async function render({ parameters, live }) {
  const { uploads, next } = await get("uploads", parameters);
  const appealed = Boolean(parameters.appeals);
  return h("section", {},
    h("h1", {}, appealed ? "Appeals" : "Uploads"),
    search("uploads", parameters, "Rider or uploadId"),
    h("div", { class: "row wrap" },
      filters("uploads", parameters, ["waiting", "processing", "accepted", "rejected", "failed", "superseded"], live.counts.uploads),
      h("a", { class: "filter", href: appealed ? link("uploads") : link("uploads", { appeals: "1" }), "aria-current": appealed ? "true" : null }, "appeals",
        live.counts.appeals !== undefined && h("span", { class: "count" }, live.counts.appeals))),
    uploads.length ? table("Uploads, the last changed first", ["", "Upload", "Status", "Rider", "Changed", "Execution"], uploads.map((each) => [
      picture(each), id(each.uploadId, link("upload", { user: each.userId, upload: each.uploadId })),
      [pill(each.status), each.reason && h("code", {}, each.reason), each.replacedBy && h("small", { class: "faint" }, " replaced"),
        each.appeal && h("q", { class: "appeal" }, each.appeal)],
      id(each.userId, link("uploads", { search: each.userId })), moment(each.updatedAt),
      each.executionArn ? h("a", { href: link("execution", { name: nameOf(each.executionArn) }) }, "states") : h("span", { class: "faint" }, "none"),
    ])) : empty(appealed ? "No rider has appealed." : parameters.search || parameters.status ? "No upload is like that." : "No upload yet."),
    pages("uploads", parameters, next));
}

export const nameOf = (arn) => arn.split(":").at(-1);

export function picture(row, size = 44) {
  const which = row.avatar ? "avatar" : row.thumbnail ? "thumbnail" : null;
  const user = row.userId ?? row.Username;
  const nobody = () => h("span", { class: "nobody", "aria-hidden": "true" }, "–");
  if (!which) return nobody();
  return h("img", {
    src: photo(user, row.uploadId, which), alt: `The ${which} of ${user}`, width: size, height: size, loading: "lazy",
    onerror: (event) => event.target.replaceWith(nobody()),
  });
}
