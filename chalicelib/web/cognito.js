/** The user pool's API, over TLS: https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/ */

import { config } from "./config.js";
import { CognitoError, jsonOf, reach } from "./errors.js";

/**
 * @typedef {object} Tokens
 * @property {string} IdToken
 * @property {string} AccessToken
 * @property {string} [RefreshToken] absent after a refresh
 * @property {number} ExpiresIn seconds
 */

/**
 * @param {string} operation
 * @param {Record<string, unknown>} input
 * @returns {Promise<any>}
 */
async function call(operation, input) {
  const { cognitoEndpoint, region, userPoolClientId } = await config();
  const answer = await reach(cognitoEndpoint ?? `https://cognito-idp.${region}.amazonaws.com/`, {
    method: "POST",
    headers: {
      "Content-Type": "application/x-amz-json-1.1",
      "X-Amz-Target": `AWSCognitoIdentityProviderService.${operation}`,
    },
    body: JSON.stringify({ ClientId: userPoolClientId, ...input }),
  });
  const said = jsonOf(answer);
  if (!answer.ok) {
    // Either form is AWS's: a bare name, or one after the service's.
    const code = String(said.__type ?? "").split("#").pop() ?? "";
    throw new CognitoError(code, String(said.message ?? said.Message ?? ""));
  }
  return said;
}

/**
 * @param {string} flow
 * @param {Record<string, string>} parameters
 * @returns {Promise<Tokens>}
 */
async function initiateAuth(flow, parameters) {
  const answer = await call("InitiateAuth", { AuthFlow: flow, AuthParameters: parameters });
  if (!answer.AuthenticationResult) {
    throw new CognitoError("UnsupportedChallenge", String(answer.ChallengeName));
  }
  return answer.AuthenticationResult;
}

/** @param {string} email @param {string} password */
export const signIn = (email, password) =>
  initiateAuth("USER_PASSWORD_AUTH", { USERNAME: email, PASSWORD: password });

/** @param {string} refreshToken */
export const refresh = (refreshToken) =>
  initiateAuth("REFRESH_TOKEN_AUTH", { REFRESH_TOKEN: refreshToken });

/** @param {string} email @param {string} password */
export const signUp = (email, password) =>
  call("SignUp", {
    Username: email,
    Password: password,
    UserAttributes: [{ Name: "email", Value: email }],
  });

/** @param {string} email @param {string} code */
export const confirmSignUp = (email, code) =>
  call("ConfirmSignUp", { Username: email, ConfirmationCode: code });

/** @param {string} email */
export const resendCode = (email) => call("ResendConfirmationCode", { Username: email });

/** @param {string} email */
export const forgotPassword = (email) => call("ForgotPassword", { Username: email });

/** @param {string} email @param {string} code @param {string} password the new one */
export const resetPassword = (email, code, password) =>
  call("ConfirmForgotPassword", { Username: email, ConfirmationCode: code, Password: password });

/** @param {string} refreshToken whose access tokens end too */
export const revoke = (refreshToken) => call("RevokeToken", { Token: refreshToken });
