/** The API of Rider Photos, called as the rider who is signed in. */

import { root } from "./config.js";
import { ApiError, SessionEndedError, jsonOf, reach } from "./errors.js";
import { idToken } from "./session.js";

/**
 * @typedef {object} UploadForm
 * @property {string} uploadId
 * @property {{url: string, fields: Record<string, string>}} upload
 * @property {string} expiresAt
 * @property {number} maxBytes
 *
 * @typedef {object} UploadView
 * @property {"waiting" | "processing" | "accepted" | "rejected" | "failed" | "superseded"} status
 * @property {string | null} reason
 * @property {string | null} message
 * @property {string | null} thumbnailUrl
 * @property {string | null} avatarUrl
 * @property {boolean} appealed
 *
 * @typedef {object} LivePhoto
 * @property {string} uploadId
 * @property {string | null} thumbnailUrl
 * @property {string | null} avatarUrl
 * @property {string | null} acceptedAt
 *
 * @typedef {{version: string, given: boolean}} Consent
 */

/** Dispatched on the window when a call finds that the rider must sign in again. */
export const SESSION_ENDED = "rider-photos:session-ended";

/**
 * @param {string} method
 * @param {string} path below the API's root
 * @param {{body?: unknown, signal?: AbortSignal}} [options]
 * @returns {Promise<any>} the answer's JSON; null if it has none
 * @throws {ApiError | SessionEndedError | import("./errors.js").ConnectionError}
 */
async function call(method, path, options = {}) {
  try {
    return await request(method, path, options);
  } catch (error) {
    // Wherever the call comes from, a dialog say: the page as a whole goes to the sign-in.
    if (error instanceof SessionEndedError) dispatchEvent(new Event(SESSION_ENDED));
    throw error;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, signal?: AbortSignal}} options
 */
async function request(method, path, { body, signal }) {
  let token = await idToken();
  let answer = await send(method, path, token, body, signal);
  if (answer.status === 401) {
    // Expired early, or revoked: once more with a new token.
    token = await idToken(token);
    answer = await send(method, path, token, body, signal);
    if (answer.status === 401) throw new SessionEndedError("The API takes no token of this session.");
  }
  if (answer.ok) return answer.content === "" ? null : JSON.parse(answer.content);
  throw refusal(answer);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {string} token
 * @param {unknown} body
 * @param {AbortSignal | undefined} signal
 */
function send(method, path, token, body, signal) {
  /** @type {Record<string, string>} */
  const headers = { Authorization: token };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return reach(new URL(path, root), {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
  });
}

/** @param {import("./errors.js").Answer} answer */
function refusal(answer) {
  const said = jsonOf(answer);
  const message = String(said.Message ?? said.message ?? "");
  return new ApiError(answer.status, String(said.Code ?? ""), message, retryAfter(answer));
}

/** @param {import("./errors.js").Answer} answer */
function retryAfter(answer) {
  const value = answer.headers.get("Retry-After");
  if (value === null) return null;
  const seconds = /^\d+$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds) : null;
}

/** @param {AbortSignal} [signal] @returns {Promise<Consent>} */
export const consent = (signal) => call("GET", "consent", { signal });

/** @param {string} version the one that the rider has read */
export const giveConsent = (version) => call("POST", "consent", { body: { version } });

export const withdrawConsent = () => call("DELETE", "consent");

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<LivePhoto | null>} null without one
 */
export async function livePhoto(signal) {
  try {
    return await call("GET", "photo", { signal });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

export const erasePhoto = () => call("DELETE", "photo");

/** @param {string} contentType @param {AbortSignal} signal @returns {Promise<UploadForm>} */
export const createUpload = (contentType, signal) =>
  call("POST", "uploads", { body: { contentType }, signal });

/** @param {string} uploadId @param {AbortSignal} signal @returns {Promise<UploadView>} */
export const viewUpload = (uploadId, signal) =>
  call("GET", `uploads/${encodeURIComponent(uploadId)}`, { signal });

/** @param {string} uploadId @param {string} message */
export const appeal = (uploadId, message) =>
  call("POST", `uploads/${encodeURIComponent(uploadId)}/appeal`, { body: { message } });
