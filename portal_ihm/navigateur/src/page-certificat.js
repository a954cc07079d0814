/** The last step for a key made here (guide figures 130, 131): the PKCS#12 is made in this page and saved. */

import { fromBase64 } from "./encoding.js";
import { forgive, mark, one, refuse, save, show, stamp } from "./dom.js";
import { AnotherKey, makePkcs12, readCertificates } from "./pkcs12.js";
import { Unreadable, unseal, WrongPassword } from "./sealing.js";
import { allRecords } from "./store.js";

const REFUSALS = [
  [WrongPassword, "ERR_IHM_054"],
  [Unreadable, "ERR_IHM_043"],
  [AnotherKey, "ERR_IHM_051"],
];

export async function start(page) {
  const state = { busy: false };
  show(one("atelier"));
  one("fabrication").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (state.busy) return;
    state.busy = true;
    one("telecharger").disabled = true;
    await make(page);
    one("telecharger").disabled = false;
    state.busy = false;
  });
  await find(page);
}

/** The record of the certificate's key, or the code that says why there is none. */
async function find(page) {
  try {
    const { empreinte } = await readCertificates(fromBase64(page.dataset.pkcs7), fromBase64(page.dataset.certificat));
    const records = await allRecords();
    const record = records.find((one) => one.empreinte === empreinte);
    show(one("absente"), record === undefined);
    show(one("fabrication"), record !== undefined);
    if (record === undefined) refuse(records.length ? "ERR_IHM_051" : "ERR_IHM_044");
    return record;
  } catch {
    refuse("ERR_IHM_033");
    return undefined;
  }
}

async function make(page) {
  const field = one("mot-de-passe");
  forgive();
  mark(field, field.value ? undefined : "absent");
  if (!field.value) {
    field.focus();
    return;
  }
  const record = await find(page);
  if (record === undefined) return;
  show(one("travail"));
  let pkcs8;
  try {
    const { certificate, chain, end } = await readCertificates(fromBase64(page.dataset.pkcs7), fromBase64(page.dataset.certificat));
    if (end <= new Date()) {
      refuse("ERR_IHM_045");
      return;
    }
    pkcs8 = await unseal(record, field.value);
    const file = await makePkcs12({ pkcs8, certificate, chain, password: field.value, name: page.dataset.nom });
    const name = `${page.dataset.fichier}-${stamp()}.p12`;
    save(file, name, "application/x-pkcs12");
    field.value = "";
    one("nom-fichier").textContent = name;
    show(one("faite"));
    show(one("attente"), false);
    one("terminer").disabled = false;
    one("faite").focus();
  } catch (error) {
    refuse(REFUSALS.find(([kind]) => error instanceof kind)?.[1] ?? "ERR_IHM_050");
  } finally {
    pkcs8?.fill(0);
    show(one("travail"), false);
  }
}
