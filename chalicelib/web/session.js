/**
 * Who is signed in, in this tab.
 *
 * The tokens are in sessionStorage: they outlive a reload and end with the tab. A sign-out is told to the
 * browser's other tabs by localStorage, so that nobody stays signed in behind a rider's back.
 */

import * as cognito from "./cognito.js";
import { CognitoError, SessionEndedError } from "./errors.js";

/**
 * @typedef {object} Session
 * @property {string} idToken
 * @property {string} refreshToken
 * @property {number} expiresAt milliseconds of this machine's clock
 * @property {number} signedInAt milliseconds
 * @property {string} userId
 * @property {string} email
 */

const SESSION = "rider-photos.session";
const SIGNED_OUT = "rider-photos.signed-out";
const EARLY_MILLISECONDS = 60_000;

/** @type {Promise<Session> | null} */
let refreshing = null;

/** @returns {Session | null} */
export function current() {
  const stored = sessionStorage.getItem(SESSION);
  const session = stored === null ? null : /** @type {Session} */ (JSON.parse(stored));
  if (session && signedOutElsewhere(session)) {
    forget();
    void cognito.revoke(session.refreshToken).catch(() => {});
    return null;
  }
  return session;
}

/**
 * Begin a session with what a sign-in gave.
 *
 * @param {cognito.Tokens} tokens
 */
export function begin(tokens) {
  keep(tokens, tokens.RefreshToken ?? "", Date.now());
}

/** Forget the tokens of this tab, and nothing else. */
export function forget() {
  for (const key of Object.keys(sessionStorage)) {
    if (key.startsWith("rider-photos.")) sessionStorage.removeItem(key);
  }
}

/** Sign out: here, in the browser's other tabs, and at the user pool. */
export function signOut() {
  const session = current();
  if (!session) return;
  localStorage.setItem(SIGNED_OUT, JSON.stringify({ userId: session.userId, at: Date.now() }));
  forget();
  // Without a connection the token ends by itself; nobody has it any more.
  void cognito.revoke(session.refreshToken).catch(() => {});
}

/**
 * Call back when another tab signs this rider out.
 *
 * @param {() => void} ended
 */
export function onSignedOutElsewhere(ended) {
  addEventListener("storage", (event) => {
    if (event.key === SIGNED_OUT && sessionStorage.getItem(SESSION) !== null && current() === null) ended();
  });
}

/**
 * An ID token that is valid for a while.
 *
 * @param {string} [refused] a token that the API just refused: another one, then
 * @throws {SessionEndedError} if the rider must sign in again
 * @throws {import("./errors.js").ConnectionError} if the user pool can't be reached
 * @returns {Promise<string>}
 */
export async function idToken(refused) {
  const session = current();
  if (!session) throw new SessionEndedError("Signed out.");
  const fresh = session.expiresAt - EARLY_MILLISECONDS > Date.now();
  if (fresh && session.idToken !== refused) return session.idToken;
  refreshing ??= renew(session).finally(() => {
    refreshing = null;
  });
  return (await refreshing).idToken;
}

/**
 * @param {Session} session
 * @returns {Promise<Session>}
 */
async function renew(session) {
  try {
    const tokens = await cognito.refresh(session.refreshToken);
    if (!current()) throw new SessionEndedError("Signed out meanwhile.");
    return keep(tokens, tokens.RefreshToken ?? session.refreshToken, session.signedInAt);
  } catch (error) {
    if (!(error instanceof CognitoError)) throw error;
    throw new SessionEndedError(error.message, { cause: error });
  }
}

/**
 * @param {cognito.Tokens} tokens
 * @param {string} refreshToken
 * @param {number} signedInAt
 */
function keep(tokens, refreshToken, signedInAt) {
  const claims = claimsOf(tokens.IdToken);
  /** @type {Session} */
  const session = {
    idToken: tokens.IdToken,
    refreshToken,
    expiresAt: Date.now() + tokens.ExpiresIn * 1000,
    signedInAt,
    userId: claims.sub,
    email: claims.email ?? "",
  };
  sessionStorage.setItem(SESSION, JSON.stringify(session));
  return session;
}

/**
 * What a token says, unchecked: the API checks it; here it is only shown.
 *
 * @param {string} token
 * @returns {Record<string, string>}
 */
function claimsOf(token) {
  const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** @param {Session} session */
function signedOutElsewhere(session) {
  const stored = localStorage.getItem(SIGNED_OUT);
  if (stored === null) return false;
  const { userId, at } = JSON.parse(stored);
  return userId === session.userId && at >= session.signedInAt;
}
