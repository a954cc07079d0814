/** The keys of this browser, in IndexedDB: one record a key, never the key or the password as they are. */

const BASE = "igc-cles";
const STORE = "cles";

function done(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function open() {
  const request = indexedDB.open(BASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
  return done(request);
}

async function inside(mode, act) {
  const base = await open();
  try {
    const transaction = base.transaction(STORE, mode);
    const written = new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    const result = await done(act(transaction.objectStore(STORE)));
    await written;
    return result;
  } finally {
    base.close();
  }
}

/** All records, newest first. */
export async function allRecords() {
  const records = await inside("readonly", (store) => store.getAll());
  return records.sort((one, other) => (one.created < other.created ? 1 : -1));
}

export function keepRecord(record) {
  return inside("readwrite", (store) => store.put(record));
}

export function removeRecord(id) {
  return inside("readwrite", (store) => store.delete(id));
}

/** The record of this public key, if this browser has one. */
export async function recordOf(empreinte) {
  return (await allRecords()).find((record) => record.empreinte === empreinte);
}

/** Whether something written is there when it is read; false where storage is closed. */
export async function canKeep() {
  const probe = { id: `essai-${crypto.randomUUID()}`, created: "" };
  try {
    await keepRecord(probe);
    const found = await inside("readonly", (store) => store.get(probe.id));
    await removeRecord(probe.id);
    return found?.id === probe.id;
  } catch {
    return false;
  }
}

/**
 * Whether the browser promises not to clear this by itself: "oui", "non", or "demander" where the person is asked and
 * has to want it first. A private window never promises.
 */
export async function persistence({ ask }) {
  if (!navigator.storage?.persist) return "non";
  if (await navigator.storage.persisted()) return "oui";
  if (!ask) {
    try {
      const { state } = await navigator.permissions.query({ name: "persistent-storage" });
      if (state === "prompt") return "demander";
    } catch {
      return "demander";
    }
  }
  return (await navigator.storage.persist()) ? "oui" : "non";
}
