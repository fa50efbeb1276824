/** The page's drawings. They take the page's colours where they stand on its ground. */

import { drawing } from "./dom.js";

const UNICORN = `
  <path d="M33 16.500L50.500 4 40 21z" fill="#ffd36b"/>
  <path d="M18 60C17 48 19 34 25 25l-1-9 8 5c7 1 11 6 14 13l5 8c2 4-1 8-5 7l-8-3c-2 4-1 9 2 14z" fill="#fff"/>
  <path d="M26 20c-8 2-14 9-15 18-1 7-3 10-6 13 5 1 9-1 11-4-1 5-3 8-5 11 8 0 12-5 12-13 0-9 1-16 7-22z" fill="#ff9fc6"/>
  <circle cx="36.500" cy="30" r="2" fill="#33204f"/><circle cx="47.500" cy="43" r="1.200" fill="#b9a3d6"/>`;

/** The welcome: dusk over the hills, and who comes to pick you up. */
export const welcome = () =>
  drawing(`<svg xmlns="http://www.w3.org/2000/svg" class="hero" viewBox="0 0 480 300" preserveAspectRatio="xMidYMax slice">
    <defs>
      <linearGradient id="dusk" x1="0" y1="0" x2="0" y2="1">
        <stop offset="0" stop-color="#2f1f66"/><stop offset=".45" stop-color="#7a3fc0"/>
        <stop offset=".75" stop-color="#e2659f"/><stop offset="1" stop-color="#ffc07a"/>
      </linearGradient>
    </defs>
    <rect width="480" height="300" fill="url(#dusk)"/>
    <g fill="#fff">
      <circle cx="52" cy="46" r="1.600"/><circle cx="120" cy="90" r="1.200"/><circle cx="178" cy="34" r="1.800"/>
      <circle cx="246" cy="72" r="1.200"/><circle cx="318" cy="28" r="1.500"/><circle cx="402" cy="64" r="1.800"/>
      <circle cx="446" cy="118" r="1.200"/><circle cx="80" cy="136" r="1.200"/><circle cx="360" cy="112" r="1.200"/>
    </g>
    <circle cx="318" cy="214" r="38" fill="#ffe3a6"/>
    <path d="M0 236q80-62 170-24t160-6 150 8v86H0z" fill="#5a2f9c"/>
    <path d="M0 268q110-50 230-14t250-22v68H0z" fill="#3b2178"/>
    <g transform="translate(160 132) scale(2.500)">${UNICORN}</g>
    <path d="M0 286q140-34 280-8t200-14v36H0z" fill="#271552"/>
  </svg>`);

/** The head alone, while something is under way. */
export const unicorn = () =>
  drawing(`<svg xmlns="http://www.w3.org/2000/svg" class="unicorn" viewBox="0 0 64 64">${UNICORN}</svg>`);

const SKIN = "#e8b48a";
const HAIR = "#5b3a29";

/** @param {string} [extras] drawn onto the face */
const face = (extras = "") => `
  <path d="M14 74c2-14 12-18 26-18s24 4 26 18z" fill="#8d63d8"/>
  <rect x="34" y="46" width="12" height="14" rx="5" fill="#d69c70"/>
  <ellipse cx="40" cy="34" rx="16" ry="19" fill="${SKIN}"/>
  <path d="M23 34c-3-18 6-25 17-25s20 7 17 25c-3-9-8-13-17-13s-14 4-17 13z" fill="${HAIR}"/>
  <circle cx="33.500" cy="34" r="2" fill="#33204f"/><circle cx="46.500" cy="34" r="2" fill="#33204f"/>
  <path d="M33 43q7 6 14 0" fill="none" stroke="#33204f" stroke-width="2" stroke-linecap="round"/>${extras}`;

const SUNGLASSES = `<g fill="#221833"><rect x="26" y="29" width="12" height="9" rx="4"/>
  <rect x="42" y="29" width="12" height="9" rx="4"/><rect x="37" y="31" width="6" height="2"/></g>`;

/** @type {Record<string, string>} */
const SCENES = {
  good: `<rect width="80" height="74" fill="#dcecff"/>${face()}`,
  sunglasses: `<rect width="80" height="74" fill="#fff0d4"/>${face(SUNGLASSES)}`,
  group: `<rect width="80" height="74" fill="#e3f6e8"/>
    <g transform="translate(-16 8) scale(.9)">${face()}</g><g transform="translate(24 8) scale(.9)">${face()}</g>`,
  dark: `<rect width="80" height="74" fill="#dcecff"/>${face()}<rect width="80" height="74" fill="#150e26" opacity=".82"/>`,
};

/**
 * A little scene for a tip, with a tick or a cross.
 *
 * @param {string} name a key of SCENES
 */
export function tip(name) {
  const mark =
    name === "good"
      ? `<circle cx="68" cy="62" r="10" fill="#137a4b"/><path d="M63 62l4 4 7-8" fill="none" stroke="#fff" stroke-width="2.500" stroke-linecap="round" stroke-linejoin="round"/>`
      : `<circle cx="68" cy="62" r="10" fill="#b3261e"/><path d="M64.500 58.500l7 7m0-7l-7 7" fill="none" stroke="#fff" stroke-width="2.500" stroke-linecap="round"/>`;
  return drawing(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 74">${SCENES[name]}${mark}</svg>`,
  );
}

/** @type {Record<string, string>} */
const SYMBOLS = {
  camera: `<path d="M4 8h3.500l1.500-2.500h6L16.500 8H20a1 1 0 0 1 1 1v9.500a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V9a1 1 0 0 1 1-1z"/><circle cx="12" cy="13.500" r="3.500"/>`,
  picture: `<rect x="3" y="5" width="18" height="14" rx="2"/><circle cx="8.500" cy="10" r="1.500"/><path d="M4 18l5-5 3 3 4-4 5 5"/>`,
  tick: `<path d="M5 12.500l4.500 4.500L19 7.500"/>`,
  sorry: `<circle cx="12" cy="12" r="9"/><path d="M12 7.500v5.500M12 16.500v.010"/>`,
  newer: `<path d="M4 12a8 8 0 1 1 2.500 5.800M4 18.500V13h5.500"/>`,
  cloud: `<path d="M7 18a4 4 0 0 1-.500-8 6 6 0 0 1 11.300-1A4.500 4.500 0 0 1 17 18zM9.500 12.500l5 4m0-4l-5 4"/>`,
};

/** @param {string} name a key of SYMBOLS */
export const symbol = (name) =>
  drawing(`<svg xmlns="http://www.w3.org/2000/svg" class="symbol" viewBox="0 0 24 24" fill="none"
    stroke="currentColor" stroke-width="1.800" stroke-linecap="round" stroke-linejoin="round">${SYMBOLS[name]}</svg>`);
