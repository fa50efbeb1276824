/**
 * What riders read, in the first language of theirs that there is.
 *
 * Another language is a file `strings.{code}.js` with the keys of strings.en.js, and its code here.
 */
const LANGUAGES = ["en"];

const wanted = navigator.languages.map((tag) => tag.split("-")[0].toLowerCase());
export const language = wanted.find((code) => LANGUAGES.includes(code)) ?? LANGUAGES[0];

/** @type {typeof import("./strings.en.js").default} */
export const text = (await import(`./strings.${language}.js`)).default;

document.documentElement.lang = language;
