// Faces of the collection: each should belong to a live photo, or to an upload that is being decided.

import { get, link } from "./api.js";
import { empty, h, id, pill } from "./dom.js";
import { pages, table } from "./lists.js";

export const title = "Faces";
export const freshens = ["upload"];

export async function render({ parameters }) {
  const { faces, next, number } = await get("faces", parameters);
  const lost = faces.filter((face) => face.state === "unaccounted").length;
  return h("section", {},
    h("h1", {}, "Faces", h("small", {}, ` ${number} in the collection`)),
    lost > 0 && h("p", { class: "error", role: "alert" }, `${lost} of these belong to no live photo: the audit removes them, or says whose they are.`),
    faces.length ? table("Faces", ["Face", "Belongs to", "Rider", "Upload", "Confidence"], faces.map((face) => [
      id(face.faceId), pill(face.state), id(face.userId, link("uploads", { search: face.userId })),
      face.uploadId ? id(face.uploadId, link("upload", { user: face.userId, upload: face.uploadId })) : id(null),
      face.confidence ? `${face.confidence.toFixed(1)} %` : "",
    ])) : empty("The collection is empty."),
    pages("faces", parameters, next));
}
