/** Step 4, a key made here (guide figures 49, 50): password, key, CSR; only the CSR is sent. */

import { writeCopy } from "./copies.js";
import { forgive, mark, one, refuse, save, show, showOnly, stamp, watchStrength } from "./dom.js";
import { makeKey } from "./making.js";
import { allRecords, canKeep, persistence } from "./store.js";
import { examine, isStrong, strengthOf } from "./strength.js";

const TIME_LIMIT = 90_000;

export async function start(page) {
  const form = one("envoi");
  const fields = { password: one("mot-de-passe"), confirmation: one("confirmation"), accepted: one("risque") };
  const state = { record: undefined, busy: false };
  if (!(await tellWhatThisBrowserCan())) {
    refuse("ERR_IHM_031");
    return;
  }
  show(one("atelier"));
  watchStrength(fields.password, one("niveau"), { examine, strengthOf });
  const [made] = (await allRecords()).filter((record) => record.brouillon === page.dataset.brouillon);
  if (made) {
    show(one("deja"));
    one("reprendre").addEventListener("click", () => take(form, state, made));
  }
  one("demander").addEventListener("click", () => tellPersistence(true));
  one("generer").addEventListener("click", () => generate(page, form, fields, state));
  one("copie").addEventListener("click", () => {
    save(writeCopy(state.record), `cle-navigateur-${stamp()}.json`, "application/json");
    show(one("copie-faite"));
  });
  form.addEventListener("submit", (event) => {
    if (state.record) return;
    event.preventDefault();
    generate(page, form, fields, state);
  });
}

async function tellWhatThisBrowserCan() {
  const crypt = Boolean(globalThis.crypto?.subtle && globalThis.isSecureContext);
  const keeps = Boolean(globalThis.indexedDB) && crypt && (await canKeep());
  showOnly(one("fait-crypto"), crypt ? "oui" : "non");
  showOnly(one("fait-garde"), keeps ? "oui" : "non");
  if (keeps) await tellPersistence(false);
  else showOnly(one("fait-duree"), "non");
  show(one("constat"));
  return crypt && keeps;
}

async function tellPersistence(ask) {
  const answer = await persistence({ ask });
  showOnly(one("fait-duree"), answer);
  show(one("demander"), answer === "demander");
  show(one("risque-bloc"), answer !== "oui");
}

async function generate(page, form, fields, state) {
  if (state.busy || state.record || !judge(fields)) return;
  state.busy = true;
  forgive();
  const button = one("generer");
  button.disabled = true;
  show(one("travail"));
  try {
    const making = makeKey({
      password: fields.password.value,
      subject: JSON.parse(page.dataset.sujet),
      brouillon: page.dataset.brouillon,
      libelle: page.dataset.libelle,
    });
    const record = await Promise.race([making, tooLate()]);
    if (record === undefined) refuse("ERR_IHM_028");
    else take(form, state, record);
  } catch {
    refuse("ERR_IHM_031");
  }
  button.disabled = Boolean(state.record);
  show(one("travail"), false);
  state.busy = false;
}

function tooLate() {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), TIME_LIMIT));
}

/** All that is wrong, each at its field, the first one with the focus. */
function judge({ password, confirmation, accepted }) {
  const normal = (field) => field.value.normalize("NFC");
  const faults = [
    [password, !password.value ? "absent" : isStrong(password.value) ? undefined : "faible"],
    [confirmation, normal(password) !== normal(confirmation) ? "different" : undefined],
    [accepted, !one("risque-bloc").hidden && !accepted.checked ? "absent" : undefined],
  ];
  for (const [field, fault] of faults) mark(field, fault);
  const [first] = faults.find(([, fault]) => fault) ?? [];
  first?.focus();
  return first === undefined;
}

/** The key is there: from here on the form can be sent, and carries the CSR alone. */
function take(form, state, record) {
  state.record = record;
  form.elements.namedItem("csr").value = record.csr;
  for (const field of [one("mot-de-passe"), one("confirmation")]) {
    field.value = "";
    field.disabled = true;
    mark(field);
  }
  show(one("choix"), false);
  show(one("deja"), false);
  show(one("prete"));
  one("finaliser").disabled = false;
  one("prete").focus();
}
