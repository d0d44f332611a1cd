// From the start of a page's load to when it shows what the browser has stored, and how the page is blocked meanwhile.

import { byTurns, line } from "./lines.mjs";

/** @typedef {import("./site.mjs").Site} Site */

const ROUNDS = 7;
/** Where blocking is told too. */
const LARGE = 100_000;
/** Our ways, each against Yjs. */
const WAYS = /** @type {const} */ ([
  ["", "ours", ""],
  [", in a worker", "ours", "&worker"],
  [", slim entry", "slim", ""],
]);

/** @param {Site} site @param {string} profile @param {number} ops */
export async function coldStart(site, profile, ops) {
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
        { id, name, unit: "ms", goal: 1 },
        runs.map((run) => run[what]),
        theirs.map((run) => run[what]),
      );
    const name = `cold start to first render, ${ops} ops${way}`;
    const shown = compare("ms", "W1", name);
    if (ops < LARGE) return [shown];
    return [
      shown,
      compare("over", "W4", `${name}, tasks beyond 50 ms`),
      compare("longest", "W4", `${name}, longest task`),
    ];
  });
}
