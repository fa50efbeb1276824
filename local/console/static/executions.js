// All executions: by status, found by rider or uploadId, in pages.

import { get, link } from "./api.js";
import { duration, empty, h, id, moment, pill } from "./dom.js";
import { filters, pages, search, table } from "./lists.js";

export const title = "Executions";
export const freshens = ["upload", "execution"];

export async function render({ parameters }) {
  const { executions, next } = await get("executions", parameters);
  return h("section", {},
    h("h1", {}, "Executions"),
    search("executions", parameters, "Rider, uploadId or name"),
    filters("executions", parameters, ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]),
    executions.length ? table("Executions, newest first", ["Execution", "Status", "Photo", "Rider", "Started", "Took"], executions.map((each) => [
      id(each.name, link("execution", { name: each.name })), pill(each.status),
      each.outcome ? [pill(each.outcome), each.reason && h("code", {}, each.reason)] : h("span", { class: "faint" }, "–"),
      id(each.userId, each.userId && link("executions", { search: each.userId })), moment(each.started),
      each.stopped ? duration(each.stopped - each.started) : h("span", { class: "faint" }, "still running"),
    ])) : empty(parameters.search || parameters.status ? "No execution is like that." : "No execution yet."),
    pages("executions", parameters, next));
}
