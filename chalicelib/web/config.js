/** Where the API and the user pool are. */

import { reach } from "./errors.js";

/**
 * @typedef {object} Config
 * @property {string} region
 * @property {string} userPoolId
 * @property {string} userPoolClientId
 * @property {string | null} cognitoEndpoint null in AWS
 * @property {string | null} hostedLogin the pool's hosted login, where the stage has one
 * @property {number} maxBytes
 * @property {string[]} contentTypes
 */

/** The API's root, ending in a slash: this file is its web/config.js, whatever the page's address is. */
export const root = new URL("../", import.meta.url);

/** @type {Promise<Config> | null} */
let loaded = null;

/**
 * The page's configuration, fetched once.
 *
 * @returns {Promise<Config>}
 */
export function config() {
  loaded ??= load().catch((error) => {
    loaded = null;
    throw error;
  });
  return loaded;
}

/** @returns {Promise<Config>} */
async function load() {
  const answer = await reach(new URL("web/config.json", root), { cache: "no-cache" });
  if (!answer.ok) throw new Error(`web/config.json answered ${answer.status}`);
  return JSON.parse(answer.content);
}
