/** Posts a file by a presigned form, with progress. */

import { ApiError, ConnectionError } from "./errors.js";

// Without a byte moving for so long, the connection is taken for dead.
const STALLED_MILLISECONDS = 45_000;

/**
 * Post a photo straight to S3.
 *
 * @param {{url: string, fields: Record<string, string>}} form
 * @param {Blob} photo
 * @param {(sent: number, total: number) => void} onProgress bytes of the request
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 * @throws {ApiError} with S3's code, if it refuses the form or the file
 * @throws {ConnectionError} if the connection fails or stalls
 */
export function transfer(form, photo, onProgress, signal) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const body = new FormData();
    for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
    body.append("file", photo, "photo"); // S3 ignores what comes after the file
    const request = new XMLHttpRequest();
    const cancel = () => request.abort();
    /** @type {ReturnType<typeof setTimeout>} */
    let stalled;
    const moving = () => {
      clearTimeout(stalled);
      stalled = setTimeout(cancel, STALLED_MILLISECONDS);
    };
    // Progress is told every 50 ms at most, so that the last bytes may be told by `load` alone.
    for (const type of /** @type {const} */ (["progress", "load"])) {
      request.upload.addEventListener(type, (event) => {
        moving();
        onProgress(event.loaded, event.total);
      });
    }
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(refusal(request));
    });
    request.addEventListener("error", () => reject(new ConnectionError("The upload was cut off.")));
    request.addEventListener("abort", () => {
      reject(signal.aborted ? signal.reason : new ConnectionError("The upload stalled."));
    });
    request.addEventListener("loadend", () => {
      clearTimeout(stalled);
      signal.removeEventListener("abort", cancel);
    });
    signal.addEventListener("abort", cancel);
    request.open("POST", form.url);
    moving();
    request.send(body);
  });
}

/** @param {XMLHttpRequest} request */
function refusal(request) {
  const answer = new DOMParser().parseFromString(request.responseText, "text/xml");
  const [code, message] = ["Code", "Message"].map((name) => answer.querySelector(name)?.textContent ?? "");
  return new ApiError(request.status, code, message);
}
