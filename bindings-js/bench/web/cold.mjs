// From the start of a page's load to when it shows what the browser has stored, and how the page is blocked meanwhile.

import { byTurns, line } from "./lines.mjs";

/** @typedef {import("./site.mjs").Site} Site */

const ROUNDS = 7;
/** How many ops there are, and how many of them one write of ours brings: each by itself would take minutes. */
const STORES = [
  { ops: 0, perWrite: 1 },
  { ops: 1_000, perWrite: 1 },
  { ops: 100_000, perWrite: 100 },
];
/** Where blocking is told too. */
const LARGE = 100_000;
/** Our ways, each against Yjs. */
const WAYS = /** @type {const} */ ([
  ["", "ours", ""],
  [", in a worker", "ours", "&worker"],
  [", slim entry", "slim", ""],
]);

/** @param {Site} site @param {(text: string) => unknown} say */
export async function coldStart(site, say) {
  const lines = [];
  for (const { ops, perWrite } of STORES) {
    const profile = await filled(site, ops, perWrite);
    say(`${ops} ops are stored in IndexedDB; of ours ${perWrite} in a write.`);
    lines.push(...(await measured(site, profile, ops)));
  }
  return lines;
}

/** A profile with the board of both. @param {Site} site @param {number} ops @param {number} perWrite */
export async function filled(site, ops, perWrite) {
  const profile = site.profile();
  await site.within(profile, async (context) => {
    for (const side of /** @type {const} */ (["ours", "yjs"])) {
      const page = await site.open(context, side, side);
      await page.evaluate(([ops = 0, perWrite = 1]) => bench.fill(0, ops, perWrite), [ops, perWrite]);
      await page.close();
    }
  });
  return profile;
}

/** @param {Site} site @param {string} profile @param {number} ops */
async function measured(site, profile, ops) {
  const ours = WAYS.map(
    ([, side, more]) =>
      () =>
        site.coldStart(profile, side, "ours", more),
  );
  const [theirs = [], ...own] = await byTurns(ROUNDS, [() => site.coldStart(profile, "yjs", "yjs"), ...ours]);
  return own.flatMap((runs, at) => {
    const way = WAYS[at]?.[0] ?? "";
    const compare = (
      /** @type {"ms" | "over" | "longest"} */ what,
      /** @type {string} */ id,
      /** @type {string} */ name,
    ) =>
      line(
        { id, name: `${name}${way}`, unit: "ms", goal: 1 },
        runs.map((run) => run[what]),
        theirs.map((run) => run[what]),
      );
    const shown = compare("ms", "W1", `cold start to first render, ${ops} ops`);
    if (ops < LARGE) return [shown];
    return [shown, compare("over", "W4", "... blocked beyond 50 ms"), compare("longest", "W4", "... longest task")];
  });
}
