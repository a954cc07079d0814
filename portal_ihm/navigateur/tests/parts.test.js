import assert from "node:assert/strict";
import { test } from "node:test";

import { NotACopy, readCopy, writeCopy } from "../src/copies.js";
import { fromBase64, sha256, toBase64, toHex } from "../src/encoding.js";
import { nameOf, requestOf } from "../src/making.js";
import { AnotherKey, makePkcs12 } from "../src/pkcs12.js";
import { isRounds, opens, ROUNDS, seal, Unreadable, unseal, WrongPassword } from "../src/sealing.js";
import { examine, isStrong, strengthOf } from "../src/strength.js";
import { CertificationRequest, Certificate } from "pkijs";

const RSA = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
const newPair = () => crypto.subtle.generateKey(RSA, true, ["sign", "verify"]);
const PASSWORD = "Retrait-à-moi-2026!";

async function newRecord(pair) {
  const empreinte = await sha256(await crypto.subtle.exportKey("spki", pair.publicKey));
  return {
    id: crypto.randomUUID(),
    empreinte,
    ...(await seal(pair.privateKey, PASSWORD, empreinte)),
    brouillon: "abc_DEF-1",
    libelle: "ORG AUTH_CLI – Dossier",
    csr: toBase64(await requestOf(pair, [["CN", "Dossier"]])),
    created: new Date().toISOString(),
  };
}

test("what is sealed opens with its password alone, however its accents are composed", async () => {
  const pair = await newPair();
  const record = await newRecord(pair);
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  assert.deepEqual(await unseal(record, PASSWORD), pkcs8);
  assert.deepEqual(await unseal(record, PASSWORD.normalize("NFD")), pkcs8);
  await assert.rejects(unseal(record, `${PASSWORD} `), WrongPassword);
  await assert.rejects(unseal(record, ""), WrongPassword);
  assert.equal(await opens(record, PASSWORD), true);
  assert.equal(await opens(record, "autre"), false);
});

test("a record cannot be passed off for that of another key", async () => {
  const record = await newRecord(await newPair());
  await assert.rejects(unseal({ ...record, empreinte: "0".repeat(64) }, PASSWORD), WrongPassword);
  await assert.rejects(unseal({ ...record, rounds: 1 }, PASSWORD), Unreadable);
  await assert.rejects(unseal({ ...record, wrapped: "%%" }, PASSWORD), Unreadable);
});

test("two seals of one key have nothing in common", async () => {
  const pair = await newPair();
  const [one, other] = [await newRecord(pair), await newRecord(pair)];
  for (const name of ["salt", "iv", "wrapped"]) assert.notEqual(one[name], other[name]);
  assert.equal(one.rounds, ROUNDS);
  assert.ok(!isRounds(ROUNDS - 1) && !isRounds("600000") && !isRounds(1e9) && !isRounds(600_000.5));
});

test("each attribute of a name is a SET of its own", async () => {
  const der = new Uint8Array(nameOf([["C", "FR"], ["O", "10B0990011"], ["CN", "Dossier é"]]));
  assert.equal(toHex(der).match(/31..30..0603/g).length, 3);
  const request = CertificationRequest.fromBER(await requestOf(await newPair(), [["C", "FR"], ["CN", "x"]]));
  assert.equal(request.subject.typesAndValues.length, 2);
  assert.equal(await request.verify(), true);
});

test("a copy comes back as it was, and nothing else does", async () => {
  const record = await newRecord(await newPair());
  const copy = writeCopy(record);
  assert.deepEqual(readCopy(copy), record);
  assert.ok(!copy.includes(PASSWORD));
  const { more, ...taken } = readCopy(JSON.stringify({ ...JSON.parse(copy), more: "x", __proto__: { a: 1 } }));
  assert.equal(more, undefined);
  assert.deepEqual(taken, record);
  const changes = [
    { rounds: 1000 }, { rounds: 1e12 }, { salt: "" }, { iv: record.salt }, { wrapped: "AAAA" }, { empreinte: "x" }, { id: "../x" },
    { brouillon: "<b>" }, { libelle: 1 }, { libelle: "x".repeat(300) }, { csr: "" }, { created: "hier" }, { format: "autre" }, { version: 2 },
  ];
  for (const change of changes) {
    assert.throws(() => readCopy(JSON.stringify({ ...JSON.parse(copy), ...change })), NotACopy, JSON.stringify(change));
  }
  for (const text of ["", "null", "[]", "1", "{", "x".repeat(70_000)]) assert.throws(() => readCopy(text), NotACopy);
});

test("the rule and the meter agree", () => {
  assert.equal(strengthOf(""), 0);
  for (const weak of ["a", "Abcdefghij1", "abcdefghijkl-", "ABCDEFGHIJKL-", "Abcdefghijkl", "Abcdefghij-1\u200b", "Abcdefghij-1\u00a0"]) {
    assert.equal(isStrong(weak), false, weak);
    assert.ok(strengthOf(weak) <= 50, weak);
  }
  for (const strong of ["Abcdefghij-1", "Élan d'avril 26", "Abcdefghij²€"]) {
    assert.equal(isStrong(strong), true, strong);
    assert.ok(strengthOf(strong) >= 60, strong);
  }
  assert.deepEqual(examine("a").longueur, false);
  assert.ok(strengthOf("Abcdefghij-1 et bien plus encore, 26 fois") > strengthOf("Abcdefghij-1"));
});

test("a key of another certificate makes no file", async () => {
  const certificate = new Certificate();
  const [own, other] = [await newPair(), await newPair()];
  certificate.serialNumber.valueBlock.valueHexView = new Uint8Array([1]);
  certificate.notBefore.value = certificate.notAfter.value = new Date("2026-12-01T00:00:00Z");
  await certificate.subjectPublicKeyInfo.importKey(own.publicKey);
  await certificate.sign(own.privateKey, "SHA-256");
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", other.privateKey));
  await assert.rejects(makePkcs12({ pkcs8, certificate, chain: [], password: PASSWORD, name: "x" }), AnotherKey);
});

test("base64 there and back", () => {
  const octets = crypto.getRandomValues(new Uint8Array(300));
  assert.deepEqual(fromBase64(toBase64(octets)), octets);
  assert.throws(() => fromBase64("%"));
});
