/** The revocation code (guide figure 128): how strong it is, and that it is not the password of the key. The page works without. */

import { mark, one, refuse, show, watchStrength } from "./dom.js";
import { opens } from "./sealing.js";
import { allRecords } from "./store.js";
import { examine, strengthOf } from "./strength.js";

export async function start(page) {
  const code = one("code");
  watchStrength(code, one("niveau"), { examine, strengthOf });
  if (!page.dataset.empreinte) return;
  const record = await keyOf(page.dataset.empreinte);
  if (record === undefined) return;
  const form = one("envoi");
  let isChecked = false;
  form.addEventListener("submit", async (event) => {
    if (isChecked) return;
    event.preventDefault();
    if (code.value && (await opens(record, code.value))) {
      mark(code, "identique");
      code.focus();
      return;
    }
    mark(code);
    isChecked = true;
    form.requestSubmit();
  });
}

/** Tell before the product becomes active what will be missing afterwards. */
async function keyOf(empreinte) {
  let records;
  try {
    records = await allRecords();
  } catch {
    refuse("ERR_IHM_033");
    return undefined;
  }
  const record = records.find((one) => one.empreinte === empreinte);
  if (record === undefined) {
    refuse(records.length ? "ERR_IHM_051" : "ERR_IHM_044");
    show(one("importer-bloc"));
  } else show(one("cle-presente"));
  return record;
}
