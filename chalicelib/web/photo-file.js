/** Makes any photo of a phone one that the API takes. */

import { config } from "./config.js";
import { FileError } from "./errors.js";

/**
 * @typedef {object} PreparedPhoto
 * @property {Blob} blob
 * @property {string} contentType
 * @property {boolean} changed whether it was scaled down or converted
 */

// Above it a photo is scaled down whatever its bytes are: the API refuses from 50 million on.
const MOST_PIXELS = 40_000_000;
const QUALITY = 0.9;
// Longer sides to try until the file is small enough; a face needs 50 pixels.
const SIDES = [4096, 3072, 2048, 1536, 1024, 768, 512];
const HEIC_BRANDS = new Set(["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"]);

/**
 * Check a file, and scale it down or convert it where that is needed.
 *
 * @param {File} file
 * @returns {Promise<PreparedPhoto>}
 * @throws {FileError} naming what is wrong with it
 */
export async function preparePhoto(file) {
  const { maxBytes, contentTypes } = await config();
  const kind = await kindOf(file);
  const picture = await decode(file, kind);
  try {
    const takenAsItIs =
      contentTypes.includes(kind) && file.size <= maxBytes && picture.width * picture.height <= MOST_PIXELS;
    if (takenAsItIs) return { blob: file, contentType: kind, changed: false };
    return { blob: await smaller(picture, maxBytes), contentType: "image/jpeg", changed: true };
  } finally {
    picture.close();
  }
}

/**
 * What a file is by its first bytes; a name or a type is only what somebody says.
 *
 * @param {File} file
 * @returns {Promise<string>}
 */
async function kindOf(file) {
  if (file.size === 0) throw new FileError("empty");
  const start = await file
    .slice(0, 12)
    .arrayBuffer()
    .catch(() => {
      throw new FileError("unreadable"); // removed since, or a folder
    });
  const bytes = new Uint8Array(start);
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "image/jpeg";
  const letters = String.fromCharCode(...bytes);
  if (letters.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (letters.slice(4, 8) === "ftyp" && HEIC_BRANDS.has(letters.slice(8, 12))) return "image/heic";
  if (letters.startsWith("GIF8")) return "image/gif";
  if (letters.startsWith("RIFF") && letters.slice(8, 12) === "WEBP") return "image/webp";
  if (letters.slice(4, 12) === "ftypavif") return "image/avif";
  throw new FileError("notAnImage");
}

/**
 * @param {File} file
 * @param {string} kind
 */
async function decode(file, kind) {
  try {
    // Upright, as the camera's orientation says; so are the pixels of what is made from it.
    return await createImageBitmap(new Blob([file], { type: kind }), { imageOrientation: "from-image" });
  } catch (error) {
    // Safari reads HEIC; other browsers don't.
    throw kind === "image/heic" ? new FileError("heic") : new FileError("unreadable");
  }
}

/**
 * The picture as a JPEG of at most so many bytes, as large as that allows.
 *
 * @param {ImageBitmap} picture
 * @param {number} maxBytes
 * @returns {Promise<Blob>}
 */
async function smaller(picture, maxBytes) {
  const longer = Math.max(picture.width, picture.height);
  for (const side of SIDES) {
    const scale = Math.min(1, side / longer);
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.width * scale));
    canvas.height = Math.max(1, Math.round(picture.height * scale));
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new FileError("tooLarge");
    context.fillStyle = "#fff"; // behind what is transparent
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    /** @type {Blob | null} */
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
    canvas.width = canvas.height = 0; // gives its memory back at once
    if (blob && blob.size <= maxBytes) return blob;
  }
  throw new FileError("tooLarge");
}
