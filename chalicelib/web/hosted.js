/** The user pool's hosted login: authorization code with PKCE (RFC 7636), where the stage has one. */

import { config, root } from "./config.js";
import { CognitoError, jsonOf, reach } from "./errors.js";

const ATTEMPT = "rider-photos.login";

/** Go to the hosted login; it comes back to this page's root with a code. */
export async function goToHostedLogin() {
  const { hostedLogin, userPoolClientId } = await config();
  const attempt = { state: random(), verifier: random() };
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(attempt.verifier));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: userPoolClientId,
    redirect_uri: root.href,
    scope: "openid email",
    state: attempt.state,
    code_challenge: base64url(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(`${hostedLogin}/oauth2/authorize?${query}`);
}

/**
 * Exchange the code that the hosted login came back with, and clean the page's address.
 *
 * @returns {Promise<import("./cognito.js").Tokens | null>} null if the page wasn't called with a code
 * @throws {CognitoError} if the state is not the one sent, or the code isn't taken
 */
export async function comeBackFromHostedLogin() {
  const query = new URLSearchParams(location.search);
  const [code, state, refusal] = ["code", "state", "error"].map((name) => query.get(name));
  if (code === null && refusal === null) return null;
  history.replaceState(null, "", location.pathname);
  const stored = sessionStorage.getItem(ATTEMPT);
  sessionStorage.removeItem(ATTEMPT);
  const attempt = stored === null ? null : JSON.parse(stored);
  if (code === null || attempt === null || attempt.state !== state) {
    throw new CognitoError("HostedLoginFailed", refusal ?? "The answer is not to this page's question.");
  }
  const { hostedLogin, userPoolClientId } = await config();
  const answer = await reach(`${hostedLogin}/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: userPoolClientId,
      redirect_uri: root.href,
      code,
      code_verifier: attempt.verifier,
    }),
  });
  const tokens = jsonOf(answer);
  if (!answer.ok) throw new CognitoError("HostedLoginFailed", String(tokens.error ?? answer.status));
  return {
    IdToken: tokens.id_token,
    AccessToken: tokens.access_token,
    RefreshToken: tokens.refresh_token,
    ExpiresIn: tokens.expires_in,
  };
}

/** End the hosted login's own session too, else its next sign-in would ask nothing. */
export async function leaveHostedLogin() {
  const { hostedLogin, userPoolClientId } = await config();
  if (!hostedLogin) return;
  const query = new URLSearchParams({ client_id: userPoolClientId, logout_uri: root.href });
  location.assign(`${hostedLogin}/logout?${query}`);
}

function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
}
