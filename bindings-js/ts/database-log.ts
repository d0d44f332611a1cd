// The log in which Chromium keeps what pages write: it is begun anew before a repo is written to.

import { result } from "./database.js";

/**
 * Has Chromium begin a new log. Where it was killed in the middle of a record it writes on behind the part of one, takes what
 * follows for damage when it starts the next time, and deletes everything (https://github.com/google/leveldb/issues/1287).
 * It begins a new log when it tidies up after a database that was deleted, so one is made and deleted.
 */
export async function beginLog(repo: string): Promise<void> {
  // Other browsers keep databases otherwise. Chromium says so of itself where it hides all else, too: on pages by plain HTTP.
  if (!navigator.userAgent.includes("Chrom")) return;
  const name = `trellis-sync.log/${repo}`;
  try {
    (await result(indexedDB.open(name))).close();
    await deleted(indexedDB.deleteDatabase(name));
  } catch {
    // Whatever is wrong here, opening the repo's own database tells it.
  }
}

/** Waits until a database is deleted, or a page that is frozen stands in the way. */
function deleted(request: IDBOpenDBRequest): Promise<unknown> {
  const isBlocked = new Promise((resolve) => request.addEventListener("blocked", resolve));
  return Promise.race([result(request), isBlocked]);
}
