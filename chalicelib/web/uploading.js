/** An upload from the form to the outcome: it survives a reload, a lost connection and a form that expired. */

import * as api from "./api.js";
import { ApiError, ConnectionError, FileError } from "./errors.js";
import { transfer } from "./transfer.js";
import { growing, pause, untilOnline, untilVisible } from "./waiting.js";

/**
 * @typedef {object} KnownUpload
 * @property {string} uploadId
 * @property {boolean} sent whether S3 has taken the file, as far as this tab knows
 *
 * @typedef {object} Hooks
 * @property {(sent: number, total: number) => void} onProgress
 * @property {(trouble: boolean) => void} onTrouble true when the connection fails, false when it works again
 */

const KNOWN = "rider-photos.upload";
const ATTEMPTS = 6;
const EXPIRY_MARGIN_MILLISECONDS = 30_000;
const TERMINAL = new Set(["accepted", "rejected", "failed", "superseded"]);
// After so long without the file's event the file has not come.
const LOST_MILLISECONDS = 12_000;
const LONG_MILLISECONDS = 60_000;

/** @returns {KnownUpload | null} the upload that this tab has under way, or whose outcome it shows */
export function knownUpload() {
  const stored = sessionStorage.getItem(KNOWN);
  return stored === null ? null : JSON.parse(stored);
}

/** @param {KnownUpload | null} upload */
export function know(upload) {
  if (upload) sessionStorage.setItem(KNOWN, JSON.stringify(upload));
  else sessionStorage.removeItem(KNOWN);
}

/**
 * Sends one photo; `send` may be called again after it failed, and begins where it can.
 */
export class Sender {
  /** @type {api.UploadForm | null} */
  #form = null;
  /** Whether all bytes have left by this form, at least once. */
  #allLeft = false;

  /** @param {import("./photo-file.js").PreparedPhoto} photo */
  constructor(photo) {
    this.photo = photo;
  }

  /** The uploadId under which S3 may have the photo though it has not said so; null if S3 can't have it. */
  get perhapsArrived() {
    return this.#allLeft ? (this.#form?.uploadId ?? null) : null;
  }

  /**
   * Send the photo, and come back when S3 has it.
   *
   * @param {Hooks} hooks
   * @param {AbortSignal} signal
   * @returns {Promise<string>} the uploadId
   */
  async send(hooks, signal) {
    const delays = growing(1000, 15_000);
    for (let attempt = 1; ; attempt += 1) {
      try {
        if (await this.#arrivedBefore(signal)) break;
        await this.#sendOnce(hooks, signal);
        break;
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error;
        if (navigator.onLine && attempt >= ATTEMPTS) throw error;
        hooks.onTrouble(true);
        await untilOnline(/** @type {number} */ (delays.next().value), signal);
      }
    }
    hooks.onTrouble(false);
    const { uploadId } = /** @type {api.UploadForm} */ (this.#form);
    know({ uploadId, sent: true });
    return uploadId;
  }

  /**
   * Whether an attempt that seemed to fail had reached S3 all the same.
   *
   * @param {AbortSignal} signal
   */
  async #arrivedBefore(signal) {
    if (!this.#form) return false;
    return (await api.viewUpload(this.#form.uploadId, signal)).status !== "waiting";
  }

  /**
   * @param {Hooks} hooks
   * @param {AbortSignal} signal
   */
  async #sendOnce({ onProgress, onTrouble }, signal) {
    const form = await this.#validForm(signal);
    onTrouble(false);
    /** @param {number} sent @param {number} total */
    const onSent = (sent, total) => {
      this.#allLeft ||= sent === total;
      onProgress(sent, total);
    };
    try {
      await transfer(form.upload, this.photo.blob, onSent, signal);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#form = null; // expired, by S3's clock say: the next attempt gets a fresh one
      if (error.code === "EntityTooLarge") throw new FileError("tooLarge");
      if (error.code === "EntityTooSmall") throw new FileError("empty");
      if (error.status >= 500) throw new ConnectionError("S3 is busy.", { cause: error });
      throw error;
    }
  }

  /** @param {AbortSignal} signal */
  async #validForm(signal) {
    const soon = Date.now() + EXPIRY_MARGIN_MILLISECONDS;
    if (!this.#form || Date.parse(this.#form.expiresAt) < soon) {
      this.#form = await api.createUpload(this.photo.contentType, signal);
      this.#allLeft = false;
      know({ uploadId: this.#form.uploadId, sent: false });
    }
    return this.#form;
  }
}

/**
 * Ask what became of an upload until there is an outcome; not while the tab is hidden.
 *
 * @param {KnownUpload} upload
 * @param {{onTrouble: (trouble: boolean) => void, onLong: () => void}} hooks
 * @param {AbortSignal} signal
 * @returns {Promise<api.UploadView | null>} null if there is none: erased, or the file never came
 */
export async function watch(upload, { onTrouble, onLong }, signal) {
  const began = Date.now();
  let told = false;
  for (const delay of growing(300, 5000)) {
    await untilVisible(signal);
    try {
      const view = await api.viewUpload(upload.uploadId, signal);
      onTrouble(false);
      if (TERMINAL.has(view.status)) return view;
      if (view.status === "waiting" && !upload.sent && Date.now() - began > LOST_MILLISECONDS) return null;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      const passing =
        error instanceof ConnectionError ||
        (error instanceof ApiError && (error.status === 429 || error.status >= 500));
      if (!passing) throw error;
      onTrouble(true);
      await untilOnline(delay, signal);
      continue;
    }
    if (!told && Date.now() - began > LONG_MILLISECONDS) {
      told = true;
      onLong();
    }
    await pause(delay, signal, [[document, "visibilitychange"]]);
  }
  return null;
}
