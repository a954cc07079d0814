/** The encrypted copy of a key as a file to keep, and such a file read back: every member judged, nothing else taken. */

import { fromBase64 } from "./encoding.js";
import { isRounds } from "./sealing.js";

const FORMAT = "igc-cle-navigateur";
const VERSION = 1;
export const LONGEST = 64 * 1024;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const IDENT = /^[A-Za-z0-9_-]{1,64}$/;

export class NotACopy extends Error {}

export function writeCopy(record) {
  return JSON.stringify({ format: FORMAT, version: VERSION, ...record }, null, 1);
}

/** The record of a copy; NotACopy for any other file. */
export function readCopy(text) {
  try {
    if (text.length > LONGEST) throw new NotACopy();
    const { format, version, id, empreinte, wrapped, salt, iv, rounds, brouillon, libelle, csr, created } = JSON.parse(text);
    const isGood =
      format === FORMAT &&
      version === VERSION &&
      UUID.test(id) &&
      /^[0-9a-f]{64}$/.test(empreinte) &&
      isBetween(fromBase64(wrapped), 1000, 4000) &&
      isBetween(fromBase64(salt), 16, 64) &&
      isBetween(fromBase64(iv), 12, 12) &&
      isRounds(rounds) &&
      IDENT.test(brouillon) &&
      typeof libelle === "string" &&
      libelle.length <= 200 &&
      isBetween(fromBase64(csr), 200, 4000) &&
      !Number.isNaN(Date.parse(created));
    if (!isGood) throw new NotACopy();
    return { id, empreinte, wrapped, salt, iv, rounds, brouillon, libelle, csr, created: new Date(created).toISOString() };
  } catch {
    throw new NotACopy();
  }
}

function isBetween(octets, least, most) {
  return octets.length >= least && octets.length <= most;
}
