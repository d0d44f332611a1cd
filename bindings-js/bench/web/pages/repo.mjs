// The board by trellis-sync, whichever entry of the package opens the repo.

import { begin, change, clock, FIRST, render, renderFirst, seen } from "./board.mjs";

/** @typedef {import("trellis-sync").Repo<any>} Repo */

/** @param {readonly import("trellis-sync").Entry<any>[]} entries */
const shown = (entries) => render(entries.map(({ key, value }) => [key, value]));

/** @param {Repo} repo */
async function show(repo) {
  shown(await repo.entries("cards"));
}

/** @param {Repo} repo @returns {import("./board.mjs").Bench} */
function bench(repo) {
  return {
    fill: (from, to, perWrite) => fill(repo, from, to, perWrite),
    tab: async (isOne) => {
      if (!isOne) return repo.subscribe("cards", shown).ready;
      await show(repo);
      await repo.subscribe(`cards/${FIRST}`, (/** @type {any} */ card) => renderFirst(card)).ready;
    },
    write: async (title) => {
      const asked = clock();
      await repo.set(`cards/${FIRST}/title`, title);
      return asked;
    },
    seen,
    pull: async (url, ops) => {
      const begun = performance.now();
      await repo.sync(url).inSync();
      const spent = performance.now() - begun;
      const there = (await repo.status()).ops;
      if (there < ops) throw new Error(`${there} ops came, of ${ops}`);
      return spent;
    },
  };
}

/** Writes changes of the board. @param {Repo} repo @param {number} from @param {number} to @param {number} perWrite */
export async function fill(repo, from, to, perWrite) {
  for (let at = from; at < to; at += perWrite)
    await repo.batch((batch) => {
      for (let more = at; more < Math.min(at + perWrite, to); more++) edit(batch, change(more));
    });
}

/** @param {import("trellis-sync").Batch<any>} batch @param {import("./board.mjs").Change} change */
function edit(batch, { card, field, value }) {
  if (field === undefined) batch.put("cards", card, value);
  else batch.set(`cards/${card}/${field}`, value);
}

/** Begins. With `?worker` the work is off the page. @param {(name: string, options: object) => Promise<Repo>} open */
export function beginWith(open) {
  const isInWorker = new URLSearchParams(location.search).has("worker");
  const options = isInWorker ? { worker: new Worker("worker.js", { type: "module" }) } : {};
  return begin(
    async (name) => bench(await open(name, options)),
    async (name) => show(await open(name, options)),
  );
}
