/** The page: which view belongs to the address, and who is signed in. */

import * as api from "./api.js";
import { config, root } from "./config.js";
import { button } from "./dom.js";
import { SessionEndedError, inWords, isAbort } from "./errors.js";
import { comeBackFromHostedLogin, leaveHostedLogin } from "./hosted.js";
import { text } from "./language.js";
import { PhotoPage } from "./photo-page.js";
import * as session from "./session.js";
import { card, enter, notice, show, showLoading, showRider } from "./shell.js";
import { privacy } from "./view-privacy.js";
import * as signingIn from "./view-sign-in.js";

const photoPage = new PhotoPage({ guard, goHome, signOut });

/** @type {Record<string, (context: signingIn.Context) => void>} */
const SIGNED_OUT_ROUTES = {
  "sign-in": signingIn.signIn,
  "sign-up": signingIn.signUp,
  confirm: signingIn.confirm,
  forgot: signingIn.forgot,
  reset: signingIn.reset,
};
/** @type {Record<string, string>} */
const MESSAGES = { confirmed: text.signIn.confirmed, "password-changed": text.signIn.passwordChanged };

/** What the next view says first. */
let message = "";
/** Whether the view that is shown is a signed-in rider's. */
let signedInShown = false;

/** @param {string} route */
function go(route) {
  if (location.hash === `#/${route}`) void open();
  else location.hash = `#/${route}`;
}

/**
 * Go to where the rider stands, wherever the page is by now.
 *
 * @param {string} words what is said first
 */
function goHome(words) {
  message = words;
  go("");
}

/** Show the view that the address names, or the one that comes before it. */
async function open() {
  const [route, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const rider = session.current();
  signedInShown = rider !== null;
  showRider(rider && { email: rider.email, signOut });
  const first = message || (MESSAGES[query] ?? "");
  message = "";
  await guard(async () => {
    if (!rider) await openSignedOut(route, first);
    else if (route === "privacy") await openPrivacy(rider.email);
    else await photoPage.open(first);
  });
}

/** @param {string} route @param {string} first */
async function openSignedOut(route, first) {
  enter();
  const { hostedLogin } = await config();
  const view = (hostedLogin ? null : SIGNED_OUT_ROUTES[route]) ?? signingIn.signIn;
  view({ signedIn, go, hostedLogin, message: first && notice("good", first) });
}

/** @param {string} email */
async function openPrivacy(email) {
  const signal = enter();
  showLoading();
  const [{ given }, photo] = await Promise.all([api.consent(signal), api.livePhoto(signal)]);
  privacy({
    email,
    given,
    hasPhoto: photo !== null,
    erased: () => goHome(text.live.erased),
    withdrawn: () => goHome(text.privacy.withdrawn),
  });
}

/** @param {import("./cognito.js").Tokens} tokens */
function signedIn(tokens) {
  session.begin(tokens);
  go("");
}

function signOut() {
  session.signOut();
  ended(text.signIn.signedOut);
  void leaveHostedLogin();
}

/**
 * Go to the sign-in, once, however many calls find at the same time that the session has ended.
 *
 * @param {string} words
 */
function ended(words) {
  if (!signedInShown) return;
  signedInShown = false;
  session.forget();
  message = words;
  go("sign-in");
}

/**
 * Do what a view needs, and show what goes wrong.
 *
 * @param {() => Promise<unknown>} work
 */
async function guard(work) {
  try {
    await work();
  } catch (error) {
    if (isAbort(error) || error instanceof SessionEndedError) return;
    const signal = enter();
    const again = () => void open();
    addEventListener("online", again, { signal });
    show(
      card(
        text.errors.title,
        notice("error", inWords(error)),
        button(text.retry, again, { class: "button primary" }),
      ),
    );
  }
}

async function start() {
  // Links to "#/…" are relative to the root, so the page's address must be the root's, with its slash.
  if (location.pathname !== root.pathname) {
    history.replaceState(null, "", root.pathname + location.search + location.hash);
  }
  addEventListener(api.SESSION_ENDED, () => ended(text.signIn.ended));
  session.onSignedOutElsewhere(() => ended(text.signIn.signedOut));
  addEventListener("hashchange", () => void open());
  await guard(async () => {
    const tokens = await comeBackFromHostedLogin();
    if (tokens) session.begin(tokens);
    await open();
  });
}

void start();
