/**
 * A private key under a password: PBKDF2-SHA-256 (600 000 rounds), AES-256-GCM, the public key's fingerprint bound to it.
 * A wrong password is told by the tag of GCM, and by nothing else.
 */

import { fromBase64, octetsOf, toBase64 } from "./encoding.js";

export const ROUNDS = 600_000;
const MOST_ROUNDS = 5_000_000;
const SALT = 16;
const IV = 12;

export class WrongPassword extends Error {}
export class Unreadable extends Error {}

async function sealingKey(password, salt, rounds, usage) {
  const base = await crypto.subtle.importKey("raw", octetsOf(password), "PBKDF2", false, ["deriveKey"]);
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds };
  return crypto.subtle.deriveKey(derivation, base, { name: "AES-GCM", length: 256 }, false, [usage]);
}

function boundTo(empreinte, iv) {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(`igc-cle-1 ${empreinte}`) };
}

/** The private key wrapped: it is never octets of the page. */
export async function seal(privateKey, password, empreinte) {
  const salt = crypto.getRandomValues(new Uint8Array(SALT));
  const iv = crypto.getRandomValues(new Uint8Array(IV));
  const key = await sealingKey(password, salt, ROUNDS, "wrapKey");
  const wrapped = await crypto.subtle.wrapKey("pkcs8", privateKey, key, boundTo(empreinte, iv));
  return { wrapped: toBase64(wrapped), salt: toBase64(salt), iv: toBase64(iv), rounds: ROUNDS };
}

/** The PKCS#8 of a record; WrongPassword, or Unreadable for a record that is none. The caller wipes what he gets. */
export async function unseal(record, password) {
  let salt, iv, wrapped;
  try {
    [salt, iv, wrapped] = [record.salt, record.iv, record.wrapped].map(fromBase64);
    if (!isRounds(record.rounds)) throw new Error("rounds");
  } catch {
    throw new Unreadable();
  }
  const key = await sealingKey(password, salt, record.rounds, "decrypt");
  try {
    return new Uint8Array(await crypto.subtle.decrypt(boundTo(record.empreinte, iv), key, wrapped));
  } catch {
    throw new WrongPassword();
  }
}

/** Fewer would let a copied file be guessed, many more would stop the page. */
export function isRounds(value) {
  return Number.isInteger(value) && value >= ROUNDS && value <= MOST_ROUNDS;
}

/** Whether the password opens the record; false too where nothing can. */
export async function opens(record, password) {
  try {
    (await unseal(record, password)).fill(0);
    return true;
  } catch {
    return false;
  }
}
