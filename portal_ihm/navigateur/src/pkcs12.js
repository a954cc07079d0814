/** A PKCS#12 made here: key, certificate and chain under the withdrawal password (RFC 7292, PBES2, AES-256, SHA-256). */

import * as asn1js from "asn1js";
import {
  Attribute,
  AuthenticatedSafe,
  CertBag,
  Certificate,
  ContentInfo,
  PFX,
  PKCS8ShroudedKeyBag,
  PrivateKeyInfo,
  SafeBag,
  SafeContents,
  SignedData,
} from "pkijs";

import { octetsOf, sha256 } from "./encoding.js";

const ROUNDS = 100_000;
const CIPHER = { contentEncryptionAlgorithm: { name: "AES-CBC", length: 256 }, hmacHashAlgorithm: "SHA-256", iterationCount: ROUNDS };
const FRIENDLY_NAME = "1.2.840.113549.1.9.20";
const LOCAL_KEY_ID = "1.2.840.113549.1.9.21";
const KEY_BAG = "1.2.840.113549.1.12.10.1.2";
const CERT_BAG = "1.2.840.113549.1.12.10.1.3";

export class AnotherKey extends Error {}

/** Everything read from the PKCS#7 that the plateforme hands out: the certificate, its chain, its key and its end. */
export async function readCertificates(pkcs7, leafDer) {
  const signed = new SignedData({ schema: ContentInfo.fromBER(toBuffer(pkcs7)).content });
  const certificate = Certificate.fromBER(toBuffer(leafDer));
  const leaf = hexOf(certificate);
  return {
    certificate,
    chain: signed.certificates.filter((other) => hexOf(other) !== leaf),
    empreinte: await sha256(certificate.subjectPublicKeyInfo.toSchema().toBER(false)),
    end: certificate.notAfter.value,
  };
}

/** The file's octets. AnotherKey when the private key is not that of the certificate. */
export async function makePkcs12({ pkcs8, certificate, chain, password, name }) {
  await checkPair(pkcs8, certificate);
  const secret = toBuffer(octetsOf(password));
  const localId = new Uint8Array(await crypto.subtle.digest("SHA-1", certificate.toSchema().toBER(false)));
  const shrouded = new PKCS8ShroudedKeyBag({ parsedValue: PrivateKeyInfo.fromBER(toBuffer(pkcs8)) });
  await shrouded.makeInternalValues({ password: secret, ...CIPHER });
  const keys = [new SafeBag({ bagId: KEY_BAG, bagValue: shrouded, bagAttributes: attributes(name, localId) })];
  const certificates = [
    new SafeBag({ bagId: CERT_BAG, bagValue: new CertBag({ parsedValue: certificate }), bagAttributes: attributes(name, localId) }),
    ...chain.map((one) => new SafeBag({ bagId: CERT_BAG, bagValue: new CertBag({ parsedValue: one }) })),
  ];
  const safe = new AuthenticatedSafe({
    parsedValue: {
      safeContents: [
        { privacyMode: 0, value: new SafeContents({ safeBags: keys }) },
        { privacyMode: 1, value: new SafeContents({ safeBags: certificates }) },
      ],
    },
  });
  await safe.makeInternalValues({ safeContents: [{}, { password: secret, ...CIPHER }] });
  const file = new PFX({ parsedValue: { integrityMode: 0, authenticatedSafe: safe } });
  await file.makeInternalValues({
    password: secret,
    iterations: ROUNDS,
    pbkdf2HashAlgorithm: "SHA-256",
    hmacHashAlgorithm: "SHA-256",
  });
  return new Uint8Array(file.toSchema().toBER(false));
}

async function checkPair(pkcs8, certificate) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]);
  const spki = certificate.subjectPublicKeyInfo.toSchema().toBER(false);
  const other = await crypto.subtle.importKey("spki", spki, algorithm, false, ["verify"]);
  const text = crypto.getRandomValues(new Uint8Array(32));
  const signature = await crypto.subtle.sign(algorithm, key, text);
  if (!(await crypto.subtle.verify(algorithm, other, signature, text))) throw new AnotherKey();
}

function attributes(name, localId) {
  return [
    new Attribute({ type: FRIENDLY_NAME, values: [new asn1js.BmpString({ value: name })] }),
    new Attribute({ type: LOCAL_KEY_ID, values: [new asn1js.OctetString({ valueHex: toBuffer(localId) })] }),
  ];
}

function toBuffer(octets) {
  return octets.buffer.slice(octets.byteOffset, octets.byteOffset + octets.byteLength);
}

function hexOf(certificate) {
  return Array.from(new Uint8Array(certificate.toSchema().toBER(false)), (octet) => octet.toString(16)).join(",");
}
