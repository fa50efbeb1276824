// The mailbox: what the app, and the user pool, sent since the start.

import { get, link, query } from "./api.js";
import { empty, h, moment } from "./dom.js";

export const title = "Mailbox";
export const freshens = ["mail"];

export async function render({ parameters }) {
  const { mails } = await get("mails");
  const chosen = mails.find((mail) => mail.id === parameters.id) ?? mails[0];
  return h("section", { class: "mailbox" },
    h("h1", {}, "Mailbox", h("small", {}, ` ${mails.length} since the start`)),
    mails.length ? h("div", { class: "split mail" },
      h("nav", { class: "card scroll", "aria-label": "Mails" }, h("ol", {}, mails.map((mail) => h("li", {},
        h("a", { href: link("mails", { id: mail.id }), "aria-current": mail === chosen ? "true" : null },
          h("b", {}, mail.subject), h("span", {}, mail.to.join(", ")), moment(mail.sent)))))),
      shown(chosen)) : empty("No mail yet."));
}

function shown(mail) {
  return h("article", { class: "card" },
    h("h2", {}, mail.subject),
    h("p", { class: "faint" }, `${mail.from} to ${mail.to.join(", ")}`),
    mail.html && h("iframe", { src: `/mail${query({ id: mail.id })}`, title: `The mail as it looks: ${mail.subject}`, sandbox: "" }),
    h("details", { open: !mail.html, "data-key": "text" }, h("summary", {}, "As text"), h("pre", { tabindex: "0" }, mail.text)));
}
