/** The keys of this browser: what they belong to, a copy of each, one brought from elsewhere, one removed. */

import { LONGEST, NotACopy, readCopy, writeCopy } from "./copies.js";
import { dateFr, forgive, one, refuse, save, show, showOnly, stamp } from "./dom.js";
import { allRecords, keepRecord, removeRecord } from "./store.js";

export async function start(page) {
  show(one("atelier"));
  one("fichier").addEventListener("change", (event) => bring(page, event.target));
  await draw(page);
}

async function draw(page) {
  let records;
  try {
    records = await allRecords();
  } catch {
    refuse("ERR_IHM_033");
    return;
  }
  const list = one("liste");
  list.replaceChildren(...records.map((record) => lineOf(page, record)));
  show(one("cles-vide"), records.length === 0);
  for (const row of document.querySelectorAll("[data-empreinte]")) {
    const isHere = records.some((record) => record.empreinte === row.dataset.empreinte);
    showOnly(row, isHere ? "ici" : "ailleurs");
  }
}

function lineOf(page, record) {
  const line = one("ligne").content.firstElementChild.cloneNode(true);
  const mine = document.querySelector(`[data-empreinte="${CSS.escape(record.empreinte)}"]`);
  one("libelle", line).textContent = record.libelle;
  one("faite-le", line).textContent = dateFr(record.created);
  one("empreinte", line).textContent = record.empreinte.slice(0, 16);
  showOnly(line, mine ? "mienne" : "inconnue");
  if (mine) {
    const link = one("demande", line);
    link.textContent = mine.dataset.libelle;
    link.href = mine.dataset.lien;
  }
  one("exporter", line).addEventListener("click", () => {
    save(writeCopy(record), `cle-navigateur-${stamp(new Date(record.created))}.json`, "application/json");
  });
  one("supprimer", line).addEventListener("click", () => confirm(page, line, record));
  return line;
}

/** The second button stands in the line itself: what it would remove is beside it. */
function confirm(page, line, record) {
  const question = one("question", line);
  show(question);
  show(one("supprimer", line), false);
  const remove = one("confirmer", line);
  remove.addEventListener("click", async () => {
    await removeRecord(record.id);
    await draw(page);
    announce("supprimee");
  });
  one("garder", line).addEventListener("click", () => {
    show(question, false);
    show(one("supprimer", line));
    one("supprimer", line).focus();
  });
  remove.focus();
}

async function bring(page, input) {
  forgive();
  const [file] = input.files;
  if (!file) return;
  try {
    if (file.size > LONGEST) throw new NotACopy();
    await keepRecord(readCopy(await file.text()));
    await draw(page);
    announce("importee");
  } catch (error) {
    if (!(error instanceof NotACopy)) {
      refuse("ERR_IHM_033");
      return;
    }
    announce("illisible");
  } finally {
    input.value = "";
  }
}

function announce(what) {
  showOnly(one("annonce"), what);
  show(one("annonce"));
  one("annonce").focus();
}
