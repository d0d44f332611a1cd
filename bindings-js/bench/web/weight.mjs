// How much a page loads, compressed.

import { line } from "./lines.mjs";

/** What the package may have at most, in kilobytes: the core, and the glue. */
const MOST = 250 + 15;

/** @param {import("./site.mjs").Site} site */
export function weight(site) {
  const about = { id: "W5", unit: "kB", goal: 1 };
  const [ours, slim, yjs] = [["ours.js"], ["slim.js", "trellis.wasm"], ["yjs.js"]].map((names) => site.weight(names));
  const compare = (/** @type {string} */ name, ours = 0, other = 0) => line({ ...about, name }, [ours], [other]);
  return [
    compare("page weight, gzip", ours, yjs),
    compare("page weight, gzip, by the slim entry", slim, yjs),
    compare("page weight, gzip, by the slim entry, and the most that it may be", slim, MOST),
  ];
}
