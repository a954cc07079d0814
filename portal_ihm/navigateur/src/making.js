/** A key pair, its CSR (PKCS#10) and the record that keeps the private key for the withdrawal. */

import * as asn1js from "asn1js";
import { CertificationRequest } from "pkijs";

import { sha256, toBase64 } from "./encoding.js";
import { seal } from "./sealing.js";
import { keepRecord } from "./store.js";

const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};
const OIDS = { C: "2.5.4.6", O: "2.5.4.10", OU: "2.5.4.11", CN: "2.5.4.3" };

/**
 * A Name in DER from pairs [type, text]: one SET for each attribute. pkijs alone would put them all in one, which strict
 * readers refuse (X.501: the members of a SET are ordered).
 */
export function nameOf(pairs) {
  const value = pairs.map(([type, text]) => {
    const string = type === "C" ? new asn1js.PrintableString({ value: text }) : new asn1js.Utf8String({ value: text });
    const attribute = new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: OIDS[type] }), string] });
    return new asn1js.Set({ value: [attribute] });
  });
  return new asn1js.Sequence({ value }).toBER(false);
}

/** The CSR in DER of a key pair; the plateforme takes nothing of it but the public key. */
export async function requestOf(pair, subject) {
  const request = new CertificationRequest();
  request.version = 0;
  request.subject.valueBeforeDecode = nameOf(subject);
  request.attributes = [];
  await request.subjectPublicKeyInfo.importKey(pair.publicKey);
  await request.sign(pair.privateKey, "SHA-256");
  return new Uint8Array(request.toSchema(true).toBER(false));
}

/** Make it all and keep it; gives the record. ``brouillon`` is the form under way, ``subject`` what the CSR says. */
export async function makeKey({ password, subject, brouillon, libelle }) {
  const pair = await crypto.subtle.generateKey(RSA, true, ["sign", "verify"]);
  const csr = await requestOf(pair, subject);
  const empreinte = await sha256(await crypto.subtle.exportKey("spki", pair.publicKey));
  const record = {
    id: crypto.randomUUID(),
    empreinte,
    ...(await seal(pair.privateKey, password, empreinte)),
    brouillon,
    libelle,
    csr: toBase64(csr),
    created: new Date().toISOString(),
  };
  await keepRecord(record);
  return record;
}
