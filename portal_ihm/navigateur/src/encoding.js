/** Octets as text and back: what is kept in a record, in a file and in a form. */

/** @param {Uint8Array|ArrayBuffer} octets */
export function toBase64(octets) {
  let text = "";
  for (const octet of new Uint8Array(octets)) text += String.fromCharCode(octet);
  return btoa(text);
}

/** Throws on anything that is no base64. */
export function fromBase64(text) {
  return Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
}

export function toHex(octets) {
  return Array.from(new Uint8Array(octets), (octet) => octet.toString(16).padStart(2, "0")).join("");
}

export async function sha256(octets) {
  return toHex(await crypto.subtle.digest("SHA-256", octets));
}

/** The octets of a password: composed, as the server does with a revocation code, so that any keyboard gives the same. */
export function octetsOf(password) {
  return new TextEncoder().encode(password.normalize("NFC"));
}
