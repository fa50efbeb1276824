/** Making elements, without markup in strings: what a rider types can't become HTML. */

/** @typedef {Node | string | null | undefined | false | readonly unknown[]} Child an array holds children */

/**
 * An element with attributes, listeners and children.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [attributes] `on…` are listeners; true is an empty attribute;
 *   null, undefined and false leave the attribute out.
 * @param {...Child} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  append(element, children);
  return element;
}

/**
 * @param {Element} parent
 * @param {Child[]} children
 */
function append(parent, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(parent, /** @type {Child[]} */ (child));
    else if (child) parent.append(/** @type {Node | string} */ (child));
  }
}

/**
 * A button that does something on this page.
 *
 * @param {string} label
 * @param {(event: Event) => unknown} press
 * @param {Record<string, unknown>} [attributes]
 */
export function button(label, press, attributes = {}) {
  return h("button", { type: "button", class: "button", ...attributes, onclick: press }, label);
}

/**
 * Let a button wait, or not any more. It keeps the focus, which `disabled` would lose; who made it ignores a press.
 *
 * @param {HTMLElement} element
 * @param {boolean} waits
 */
export function setWaiting(element, waits) {
  if (waits) element.setAttribute("aria-disabled", "true");
  else element.removeAttribute("aria-disabled");
}

/** @param {HTMLElement} element */
export const isWaiting = (element) => element.hasAttribute("aria-disabled");

/**
 * A drawing of this page's own (never of what comes from elsewhere).
 *
 * @param {string} markup an svg element
 * @param {string} [label] what it shows; without it the drawing is decoration
 */
export function drawing(markup, label) {
  const svg = document.importNode(
    new DOMParser().parseFromString(markup, "image/svg+xml").documentElement,
    true,
  );
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  svg.setAttribute("focusable", "false");
  return svg;
}
