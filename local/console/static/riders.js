// Riders with a live photo, and those who erased theirs.

import { get, link } from "./api.js";
import { empty, h, id, moment } from "./dom.js";
import { pages, search } from "./lists.js";
import { picture } from "./uploads.js";

export const title = "Riders";
export const freshens = ["upload"];

export async function render({ parameters }) {
  const { riders, next, number } = await get("riders", parameters);
  return h("section", {},
    h("h1", {}, "Riders", h("small", {}, ` ${number}`)),
    search("riders", parameters, "Rider"),
    riders.length ? h("ul", { class: "cards" }, riders.map(card)) : empty(parameters.search ? "No rider is like that." : "No rider has a photo yet."),
    pages("riders", parameters, next));
}

function card({ item, consent }) {
  const photographed = Boolean(item.faceId);
  return h("li", { class: "card rider" }, picture(item, 72),
    h("div", {},
      h("p", {}, id(item.Username, link("uploads", { search: item.Username }))),
      photographed
        ? h("p", {}, h("a", { href: link("upload", { user: item.Username, upload: item.uploadId }) }, "live photo"), h("br"), "face ", id(item.faceId))
        : h("p", { class: "faint" }, "no live photo: erased, or closed before one was kept"),
      item.faceChangeAllowed && h("p", { class: "faint" }, "may change the face once"),
      consent && h("p", { class: "faint" }, consent.withdrawnAt ? "consent withdrawn " : `consent ${consent.version} `, moment(consent.withdrawnAt ?? consent.givenAt))));
}
