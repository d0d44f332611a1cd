// How fast the package is in a browser, beside Yjs with y-indexeddb and y-websocket: the same board by both, in pages that are
// alike. Runs are paired (ours, theirs, ours, theirs), and what counts is the median of the ratios. Nothing here passes or
// fails: the goals stand beside the figures, and a goal of 1 is to be as Yjs is in the same run.

import { coldStart } from "./cold.mjs";
import { table } from "./lines.mjs";
import { OPS_PER_CARD } from "./pages/board.mjs";
import { pull } from "./pull.mjs";
import { Site, versionOf } from "./site.mjs";
import { tabs } from "./tabs.mjs";
import { weight } from "./weight.mjs";

/** How many ops are stored, and how many of them one write of ours brings: a hundred thousand writes would take minutes. */
const STORES = [
  { ops: 0, perWrite: 1 },
  { ops: 1_000, perWrite: 1 },
  { ops: 100_000, perWrite: 100 },
];

const site = new Site();
const isJson = process.argv.includes("--json");
/** Says what is done, where people read. @param {string} text */
const say = (text) => isJson || console.log(text);

/** @param {{ ops: number, perWrite: number }} store */
async function stored({ ops, perWrite }) {
  const profile = await site.filled(ops, perWrite);
  say(`${ops} ops are stored in IndexedDB; of ours ${perWrite} in a write.`);
  const lines = await coldStart(site, profile, ops);
  return ops === 0 ? lines : [...lines, ...(await tabs(site, profile, ops))];
}

try {
  await site.begin();
  const packages = ["trellis-sync", "yjs", "y-indexeddb", "y-websocket", "@y/websocket-server"].map(versionOf);
  say(`${packages.join(", ")}; ${await site.version()}; ${site.trellis("--version").trim()}`);
  say(`A board of cards, each put once and edited ${OPS_PER_CARD - 1} times; every op is a change of its own.`);
  const lines = weight(site);
  for (const store of STORES) lines.push(...(await stored(store)));
  lines.push(...(await pull(site, say)));
  const sorted = lines.sort((one, other) => one.id.localeCompare(other.id));
  console.log(isJson ? JSON.stringify(sorted) : table(sorted));
} finally {
  await site.end();
}
