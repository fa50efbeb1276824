/** What can go wrong, and how a rider reads it. */

import { language, text } from "./language.js";

/** @typedef {{ok: boolean, status: number, headers: Headers, content: string}} Answer */

// API Gateway gives up after 29 s.
const LONGEST_MILLISECONDS = 35_000;

/** The API's or S3's refusal. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   * @param {number | null} [retryAfter] seconds
   */
  constructor(status, code, message, retryAfter = null) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** Cognito's refusal. */
export class CognitoError extends Error {
  /**
   * @param {string} code such as NotAuthorizedException
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** Nothing answered, or not to the end. */
export class ConnectionError extends Error {}

/** The rider must sign in again. */
export class SessionEndedError extends Error {}

/** A file that can't be used; `code` is a key of `text.file`. */
export class FileError extends Error {
  /** @param {keyof typeof text.file} code */
  constructor(code) {
    super(text.file[code]);
    this.code = code;
  }
}

/** @param {unknown} error */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";

/**
 * An error in a rider's words.
 *
 * @param {unknown} error
 * @returns {string}
 */
export function inWords(error) {
  if (error instanceof ConnectionError) return navigator.onLine ? text.errors.connection : text.errors.offline;
  if (error instanceof FileError) return error.message;
  if (error instanceof CognitoError) return cognitoInWords(error);
  if (error instanceof SessionEndedError) return text.signIn.ended;
  if (error instanceof ApiError) {
    if (error.status === 429) return tooManyInWords(error.retryAfter);
    if (error.status < 500 && error.code !== "") return error.message;
  }
  return text.errors.unknown;
}

/** @param {CognitoError} error */
function cognitoInWords(error) {
  if (error.code === "NotAuthorizedException") {
    if (/exceeded/i.test(error.message)) return text.cognito.LimitExceededException;
    if (/disabled/i.test(error.message)) return text.cognito.disabled;
    if (/Current status/i.test(error.message)) return text.cognito.alreadyConfirmed;
  }
  const known = /** @type {Record<string, string>} */ (text.cognito);
  return known[error.code] ?? text.errors.unknown;
}

/** @param {number | null} seconds */
function tooManyInWords(seconds) {
  if (seconds === null) return text.errors.tooMany;
  const at = new Date(Date.now() + seconds * 1000);
  const clock = at.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
  return text.errors.tooManyUntil(clock, Math.max(1, Math.ceil(seconds / 60)));
}

/**
 * `fetch` to the last byte of the answer; a connection that fails, or dies without a word, is a ConnectionError.
 *
 * @param {URL | string} url
 * @param {RequestInit} [options]
 * @returns {Promise<Answer>}
 */
export async function reach(url, { signal, ...options } = {}) {
  signal?.throwIfAborted();
  // AbortSignal.any would say this in a line, from Safari 17.4 on; the rest of the page needs 15.4.
  const life = new AbortController();
  const end = () => life.abort();
  const timer = setTimeout(end, LONGEST_MILLISECONDS);
  signal?.addEventListener("abort", end);
  try {
    const response = await fetch(url, { cache: "no-store", credentials: "omit", ...options, signal: life.signal });
    const { ok, status, headers } = response;
    return { ok, status, headers, content: await response.text() };
  } catch (error) {
    signal?.throwIfAborted();
    throw new ConnectionError("Nothing answered.", { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

/**
 * What an answer holds.
 *
 * @param {Answer} answer
 * @returns {any} nothing for what is no JSON, a gateway's own page say
 */
export function jsonOf({ content }) {
  try {
    return JSON.parse(content);
  } catch {
    return {};
  }
}
