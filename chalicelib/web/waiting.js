/** Waiting that ends early when it should. */

/**
 * Wait for an event of any of the targets, or for a time; an aborted signal rejects.
 *
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @param {[EventTarget, string][]} [wakers]
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal, wakers = []) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const over = new AbortController();
    /** @param {() => void} settle */
    const end = (settle) => {
      clearTimeout(timer);
      over.abort();
      settle();
    };
    const timer = setTimeout(() => end(resolve), milliseconds);
    signal.addEventListener("abort", () => end(() => reject(signal.reason)), { signal: over.signal });
    for (const [target, event] of wakers) {
      target.addEventListener(event, () => end(resolve), { signal: over.signal });
    }
  });
}

const LONGEST = 2 ** 31 - 1;

/**
 * Wait until somebody looks at the page: nobody needs news in a hidden tab.
 *
 * @param {AbortSignal} signal
 */
export async function untilVisible(signal) {
  while (document.hidden) await pause(LONGEST, signal, [[document, "visibilitychange"]]);
}

/**
 * Wait after a failed connection: until the browser is online again, else for a time.
 *
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 */
export async function untilOnline(milliseconds, signal) {
  if (navigator.onLine) await pause(milliseconds, signal);
  else await pause(LONGEST, signal, [[window, "online"]]);
}

/**
 * Delays that grow from `first` to `most`.
 *
 * @param {number} first milliseconds
 * @param {number} most milliseconds
 */
export function* growing(first, most) {
  for (let delay = first; ; delay = Math.min(delay * 1.5, most)) yield delay;
}
