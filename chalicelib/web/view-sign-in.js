/** Signing in and up, the code from the mail, a forgotten password. */

import * as art from "./art.js";
import * as cognito from "./cognito.js";
import { button, h } from "./dom.js";
import { CognitoError, inWords } from "./errors.js";
import { codeField, emailField, form, newPasswordField, passwordField } from "./form.js";
import { goToHostedLogin } from "./hosted.js";
import { text } from "./language.js";
import { announce, card, notice, show } from "./shell.js";

/**
 * @typedef {object} Context
 * @property {(tokens: cognito.Tokens) => void} signedIn
 * @property {(route: string) => void} go
 * @property {string | null} hostedLogin
 * @property {import("./dom.js").Child} [message] what led here
 */

// Kept over a reload: phones drop the page while their owner looks into the mail.
const EMAIL = "rider-photos.email";
const email = () => sessionStorage.getItem(EMAIL) ?? "";
/** @param {string} typed */
const rememberEmail = (typed) => sessionStorage.setItem(EMAIL, typed);

/** The password of a sign-up under way, so that the code alone signs in; in memory only. */
let password = "";

/** @param {HTMLElement} content */
const besideWelcome = (content) =>
  h(
    "div",
    { class: "two" },
    h("div", { class: "welcome" }, art.welcome(), h("div", { class: "words" },
      h("p", { class: "big" }, text.welcome.title), h("p", {}, text.welcome.lead))),
    content,
  );

/** @param {string} question @param {string} label @param {string} href */
const aside = (question, label, href) => h("p", { class: "aside" }, question, " ", h("a", { href }, label));

/** @param {Context} context */
export function signIn({ signedIn, go, hostedLogin, message }) {
  const content = hostedLogin
    ? card(text.signIn.title, message, button(text.signIn.hosted, goToHostedLogin, { class: "button primary wide" }))
    : card(
        text.signIn.title,
        message,
        form([emailField(email()), passwordField()], text.signIn.submit, async (values) => {
          rememberEmail(values.email);
          try {
            signedIn(await cognito.signIn(values.email, values.password));
          } catch (error) {
            if (!(error instanceof CognitoError && error.code === "UserNotConfirmedException")) throw error;
            password = values.password;
            await cognito.resendCode(values.email);
            go("confirm");
          }
        }),
        aside("", text.signIn.forgot, "#/forgot"),
        aside(text.signIn.toSignUp, text.signIn.signUp, "#/sign-up"),
      );
  show(besideWelcome(content));
}

/** @param {Context} context */
export function signUp({ signedIn, go }) {
  show(
    besideWelcome(
      card(
        text.signUp.title,
        form([emailField(email()), newPasswordField()], text.signUp.submit, async (values) => {
          rememberEmail(values.email);
          const { UserConfirmed } = await cognito.signUp(values.email, values.password);
          if (UserConfirmed) {
            signedIn(await cognito.signIn(values.email, values.password));
          } else {
            password = values.password;
            go("confirm");
          }
        }),
        aside(text.signUp.toSignIn, text.signUp.signIn, "#/sign-in"),
      ),
    ),
  );
}

/** @param {Context} context */
export function confirm({ signedIn, go }) {
  const address = email();
  if (!address) return go("sign-in");
  const told = h("div");
  return show(
    card(
      text.confirm.title,
      h("p", {}, text.confirm.lead(address)),
      form([codeField()], text.confirm.submit, async ({ code }) => {
        await cognito.confirmSignUp(address, code);
        const known = password;
        password = "";
        if (known === "") return go("sign-in?confirmed");
        return signedIn(await cognito.signIn(address, known));
      }),
      told,
      resendLink(told, () => cognito.resendCode(address)),
      aside(text.signUp.toSignIn, text.signUp.signIn, "#/sign-in"),
    ),
  );
}

/** @param {Context} context */
export function forgot({ go }) {
  show(
    card(
      text.forgot.title,
      h("p", {}, text.forgot.lead),
      form([emailField(email())], text.forgot.submit, async (values) => {
        rememberEmail(values.email);
        await cognito.forgotPassword(values.email);
        go("reset");
      }),
      aside("", text.back, "#/sign-in"),
    ),
  );
}

/** @param {Context} context */
export function reset({ go }) {
  const address = email();
  if (!address) return go("forgot");
  const told = h("div");
  return show(
    card(
      text.reset.title,
      h("p", {}, text.reset.lead(address)),
      form([codeField(), newPasswordField(text.fields.newPassword)], text.reset.submit, async (values) => {
        await cognito.resetPassword(address, values.code, values.password);
        go("sign-in?password-changed");
      }),
      told,
      resendLink(told, () => cognito.forgotPassword(address)),
      aside("", text.back, "#/sign-in"),
    ),
  );
}

/**
 * @param {HTMLElement} told where it is said
 * @param {() => Promise<unknown>} send
 */
function resendLink(told, send) {
  const press = async () => {
    told.replaceChildren();
    try {
      await send();
      told.replaceChildren(notice("good", text.confirm.resent));
      announce(text.confirm.resent);
    } catch (error) {
      told.replaceChildren(notice("error", inWords(error)));
    }
  };
  return button(text.confirm.resend, press, { class: "link" });
}
