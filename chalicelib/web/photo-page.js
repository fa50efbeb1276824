/** The way of a photo through the views: consent, choose, preview, send, watch, outcome. */

import * as api from "./api.js";
import { h } from "./dom.js";
import { ApiError, ConnectionError, FileError, inWords } from "./errors.js";
import { text } from "./language.js";
import { enter, notice, showLoading } from "./shell.js";
import { Sender, know, knownUpload, watch } from "./uploading.js";
import { choose, preview } from "./view-choose.js";
import { askForConsent } from "./view-consent.js";
import * as outcome from "./view-outcome.js";
import { eraseAfterAsking } from "./view-privacy.js";
import { sending, sendingFailed, watching } from "./view-progress.js";

/**
 * @typedef {object} Context
 * @property {(work: () => Promise<unknown>) => Promise<void>} guard shows what goes wrong in the work
 * @property {(words: string) => void} goHome opens the page anew, and says the words first
 * @property {() => void} signOut
 */

const REFRESH_MILLISECONDS = 60_000;

export class PhotoPage {
  /** @type {api.LivePhoto | null} */
  #live = null;

  /** @param {Context} context */
  constructor({ guard, goHome, signOut }) {
    this.guard = guard;
    this.goHome = goHome;
    this.signOut = signOut;
  }

  /**
   * Where the rider stands: consent, then what is under way, then the photo in use.
   *
   * @param {string} [message] good news to begin with
   */
  async open(message) {
    const signal = enter();
    showLoading();
    const [consent, live] = await Promise.all([api.consent(signal), api.livePhoto(signal)]);
    this.#live = live;
    const told = message ? notice("good", message) : null;
    if (!consent.given) {
      this.#askForConsent(consent, told);
      return;
    }
    const upload = knownUpload();
    if (upload) await this.#watch(upload);
    else this.#home(told);
  }

  /** @param {() => Promise<unknown>} work */
  #do(work) {
    void this.guard(work);
  }

  #reopen() {
    know(null);
    this.#do(() => this.open());
  }

  /**
   * @param {api.Consent} consent
   * @param {HTMLElement | null} message
   */
  #askForConsent(consent, message) {
    const again = this.#live ? notice("warning", text.consent.newVersion) : null;
    askForConsent({
      wanted: consent.version,
      message: message ?? again,
      erase: this.#live && this.#erase,
      agreed: () => this.#do(() => this.open()),
      declined: this.signOut,
    });
  }

  /** @param {HTMLElement | null} [message] */
  #home(message = null) {
    const signal = enter();
    if (!this.#live) {
      this.#choose(message);
      return;
    }
    outcome.live({ photo: this.#live, message, replace: () => this.#choose(), erase: this.#erase });
    // The links to the pictures end soon, and another tab may have changed the photo.
    const loaded = Date.now();
    const look = () => {
      const old = Date.now() - loaded > REFRESH_MILLISECONDS;
      if (!document.hidden && old) this.#do(() => this.open());
    };
    document.addEventListener("visibilitychange", look, { signal });
  }

  #erase = async () => {
    if (await eraseAfterAsking()) this.goHome(text.live.erased);
  };

  /** @param {HTMLElement | null} [message] */
  #choose(message = null) {
    know(null);
    choose({
      replacing: this.#live !== null,
      message,
      chosen: (photo) => this.#preview(photo),
      back: this.#live ? () => this.#home() : null,
      signal: enter(),
    });
  }

  /** @param {import("./photo-file.js").PreparedPhoto} photo */
  #preview(photo) {
    const url = URL.createObjectURL(photo.blob);
    const sender = new Sender(photo);
    const leave = () => {
      URL.revokeObjectURL(url);
      this.#choose();
    };
    enter();
    preview({
      photo,
      url,
      send: () => this.#do(() => this.#send(sender, url)),
      other: leave,
    });
  }

  /**
   * @param {Sender} sender
   * @param {string} url of its photo
   */
  async #send(sender, url) {
    const signal = enter();
    const view = sending({ url, cancel: () => this.#cancel(sender, url) });
    view.progress(0, sender.photo.blob.size);
    // A reload now would lose the photo.
    /** @param {Event} event */
    const ask = (event) => event.preventDefault();
    addEventListener("beforeunload", ask, { signal });
    let uploadId;
    try {
      uploadId = await sender.send({ onProgress: view.progress, onTrouble: view.trouble }, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 403 && error.code === "ForbiddenError") {
        await this.open(); // the consent was withdrawn in another tab
        return;
      }
      const known = error instanceof ApiError || error instanceof ConnectionError || error instanceof FileError;
      if (!known) throw error;
      removeEventListener("beforeunload", ask);
      sendingFailed({
        url,
        unsure: sender.perhapsArrived !== null,
        reason: this.#why(error),
        again: () => this.#do(() => this.#send(sender, url)),
        cancel: () => this.#cancel(sender, url),
      });
      return;
    }
    URL.revokeObjectURL(url);
    await this.#watch({ uploadId, sent: true });
  }

  /** @param {Error} error */
  #why(error) {
    // S3's own words are not for riders.
    const ofS3 = error instanceof ApiError && error.status !== 429 && !error.code.endsWith("Error");
    return ofS3 ? text.errors.unknown : inWords(error);
  }

  /**
   * Give a photo up; whether it was too late for that, only the upload itself can tell.
   *
   * @param {Sender} sender
   * @param {string} url of its photo
   */
  #cancel(sender, url) {
    URL.revokeObjectURL(url);
    const uploadId = sender.perhapsArrived;
    if (uploadId) this.#do(() => this.#watch({ uploadId, sent: false }));
    else this.#choose(notice("warning", h("span", { role: "status" }, text.sending.cancelled)));
  }

  /** @param {import("./uploading.js").KnownUpload} upload */
  async #watch(upload) {
    const signal = enter();
    const shown = watching(upload.sent);
    const view = await watch(upload, { onTrouble: shown.trouble, onLong: shown.long }, signal);
    if (view === null) {
      know(null);
      outcome.lost({ again: () => this.#choose() });
      return;
    }
    know({ ...upload, sent: true }); // a reload shows the outcome again
    const live = await api.livePhoto(signal);
    this.#live = live;
    const done = () => this.#reopen();
    if (view.status === "accepted") outcome.accepted({ view, done, replace: () => this.#choose() });
    else if (view.status === "superseded") outcome.superseded({ see: done });
    else if (view.status === "failed") outcome.failed({ again: () => this.#choose() });
    else {
      outcome.rejected({
        uploadId: upload.uploadId,
        view,
        hasPhoto: live !== null,
        again: () => this.#choose(),
        keep: done,
      });
    }
  }
}
