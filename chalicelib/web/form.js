/** Forms: labels, errors beside their fields, and a button that is busy while something is under way. */

import { h, isWaiting, setWaiting } from "./dom.js";
import { CognitoError, inWords, isAbort } from "./errors.js";
import { text } from "./language.js";
import { announce, notice } from "./shell.js";

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {string} [hint]
 * @property {string} [value]
 * @property {string} [missing] said when it is empty
 * @property {number} [lines] of a longer text
 * @property {(value: string) => string | null} [check] what is wrong with the value, if anything is
 * @property {Record<string, unknown>} attributes of the input
 *
 * @typedef {{field: Field, input: HTMLInputElement | HTMLTextAreaElement, error: HTMLElement, row: HTMLElement}} Drawn
 */

/** @param {string} [value] @returns {Field} */
export const emailField = (value = "") => ({
  name: "email",
  label: text.fields.email,
  value,
  check: (typed) => (/^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(typed) ? null : text.fields.badEmail),
  attributes: { type: "email", autocomplete: "username", inputmode: "email", autocapitalize: "none", spellcheck: "false" },
});

/** @returns {Field} */
export const passwordField = () => ({
  name: "password",
  label: text.fields.password,
  attributes: { type: "password", autocomplete: "current-password" },
});

/** @param {string} [label] @returns {Field} */
export const newPasswordField = (label = text.fields.password) => ({
  name: "password",
  label,
  hint: text.fields.passwordHint,
  // The user pool's policy, so that a rider hears of it before anything is sent.
  check: (typed) =>
    typed.length >= 12 && /[a-z]/.test(typed) && /[A-Z]/.test(typed) && /\d/.test(typed)
      ? null
      : text.fields.badPassword,
  attributes: { type: "password", autocomplete: "new-password", minlength: 12 },
});

/** @returns {Field} */
export const codeField = () => ({
  name: "code",
  label: text.fields.code,
  hint: text.fields.codeHint,
  check: (typed) => (/^\d+$/.test(typed.trim()) ? null : text.fields.badCode),
  attributes: { type: "text", inputmode: "numeric", autocomplete: "one-time-code", maxlength: 10 },
});

/**
 * A form that sends nothing by itself: `submit` gets the values.
 *
 * @param {Field[]} fields
 * @param {string} label of its button
 * @param {(values: Record<string, string>) => Promise<unknown>} submit its errors are shown in the form
 */
export function form(fields, label, submit) {
  const drawn = fields.map(draw);
  const problem = h("div");
  const send = /** @type {HTMLButtonElement} */ (h("button", { class: "button primary wide" }, label));
  const element = h("form", { novalidate: true, onsubmit: onSubmit }, drawn.map(({ row }) => row), problem, send);

  /** @param {Event} event */
  async function onSubmit(event) {
    event.preventDefault();
    if (isWaiting(send)) return;
    problem.replaceChildren();
    const wrong = drawn.filter((each) => !isRight(each));
    if (wrong.length > 0) {
      wrong[0].input.focus();
      return;
    }
    setWaiting(send, true);
    element.setAttribute("aria-busy", "true");
    announce(text.loading);
    try {
      const values = drawn.map(({ field, input }) => [
        field.name,
        field.name === "password" ? input.value : input.value.trim(),
      ]);
      await submit(Object.fromEntries(values));
    } catch (error) {
      if (isAbort(error)) return;
      problem.replaceChildren(notice("error", inWords(error)));
      if (error instanceof CognitoError && error.code.startsWith("Code")) drawn[0].input.focus();
    } finally {
      setWaiting(send, false);
      element.removeAttribute("aria-busy");
    }
  }

  return element;
}

/** @param {Drawn} drawn */
function isRight({ field, input, error }) {
  const value = input.value;
  const missing = field.missing ?? text.fields.missing(field.label);
  const wrong = value.trim() === "" ? missing : (field.check?.(value.trim()) ?? null);
  error.textContent = wrong ?? "";
  if (wrong) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  return wrong === null;
}

/**
 * @param {Field} field
 * @returns {Drawn}
 */
function draw(field) {
  const id = `field-${field.name}`;
  const described = [`${id}-error`, field.hint ? `${id}-hint` : ""].join(" ").trim();
  const attributes = { id, name: field.name, required: true, "aria-describedby": described, ...field.attributes };
  const input = /** @type {HTMLInputElement | HTMLTextAreaElement} */ (
    field.lines ? h("textarea", { ...attributes, rows: field.lines }) : h("input", attributes)
  );
  input.value = field.value ?? "";
  const error = h("p", { id: `${id}-error`, class: "field-error", role: "alert" });
  const row = h(
    "div",
    { class: "field" },
    h("label", { for: id }, field.label),
    field.attributes.type === "password" ? h("div", { class: "with-button" }, input, showPassword(/** @type {HTMLInputElement} */ (input))) : input,
    field.hint && h("p", { id: `${id}-hint`, class: "hint" }, field.hint),
    error,
  );
  const result = { field, input, error, row };
  input.addEventListener("input", () => {
    if (input.getAttribute("aria-invalid")) isRight(result);
  });
  return result;
}

/** @param {HTMLInputElement} input */
function showPassword(input) {
  const toggle = h(
    "button",
    {
      type: "button",
      class: "in-field",
      "aria-label": text.fields.showLabel,
      "aria-pressed": "false",
      onclick: () => {
        const shown = input.type === "text";
        input.type = shown ? "password" : "text";
        toggle.setAttribute("aria-pressed", String(!shown));
      },
    },
    text.fields.show,
  );
  return toggle;
}
