// One upload: its pictures, its row, and how to accept it where its rider appealed.

import { get, link, photo } from "./api.js";
import { h, id, json, moment, pill } from "./dom.js";
import { nameOf } from "./uploads.js";

export const title = "Upload";
export const freshens = ["upload"];

export async function render({ parameters }) {
  const [row, places] = await Promise.all([get("upload", parameters), get("places")]);
  return h("article", {},
    h("header", { class: "head" }, h("div", {},
      h("p", { class: "faint" }, h("a", { href: link("uploads") }, "Uploads"), " /"),
      h("h1", { class: "id" }, row.uploadId),
      h("p", { class: "facts" }, pill(row.status), row.reason && h("code", {}, row.reason),
        h("span", {}, "rider ", id(row.userId, link("uploads", { search: row.userId }))),
        row.executionArn && h("a", { href: link("execution", { name: nameOf(row.executionArn) }) }, "execution"),
        h("span", {}, "changed ", moment(row.updatedAt))),
      row.message && h("p", {}, row.message))),
    row.appeal && h("section", { class: "card" }, h("h2", {}, "Appeal"),
      h("blockquote", {}, row.appeal, h("footer", { class: "faint" }, moment(row.appealedAt))),
      h("p", {}, "Accepted by a command, after a look at the photo:"),
      h("pre", { tabindex: "0" }, `python -m deploy accept --stage ${places.stage} --user ${row.userId} --upload ${row.uploadId}`)),
    h("section", { class: "card" }, h("h2", {}, "Pictures"), h("div", { class: "gallery" }, shown(row))),
    h("section", { class: "card" }, h("h2", {}, "Row"), json(row, "Row of the uploads table")));
}

function shown(row) {
  const which = [row.s3key && row.status !== "waiting" && "original", row.thumbnail && "thumbnail", row.avatar && "avatar"].filter(Boolean);
  if (!which.length) return h("p", { class: "faint" }, "None yet.");
  return which.map((kind) => {
    const caption = h("figcaption", {}, kind);
    const gone = (event) => { event.target.remove(); caption.textContent = `${kind}: gone, or no picture`; };
    return h("figure", {}, h("img", { src: photo(row.userId, row.uploadId, kind), alt: `The ${kind} of this upload`, onerror: gone }), caption);
  });
}
