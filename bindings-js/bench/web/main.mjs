// How fast the package is in a browser, beside Yjs with y-indexeddb and y-websocket: the same board by both, in pages that are
// alike. Runs are paired (ours, theirs, ours, theirs), and what counts is the median of the ratios. Nothing here passes or
// fails: the goals stand beside the figures, and a goal of 1 is to be as Yjs is in the same run.

import { coldStart } from "./cold.mjs";
import { table } from "./lines.mjs";
import { OPS_PER_CARD } from "./pages/board.mjs";
import { Site, versionOf } from "./site.mjs";
import { weight } from "./weight.mjs";

const site = new Site();
const isJson = process.argv.includes("--json");
/** Says how it is done, where people read. @param {string} text */
const say = (text) => isJson || console.log(text);

try {
  await site.begin();
  const packages = ["trellis-sync", "yjs", "y-indexeddb", "y-websocket", "@y/websocket-server"].map(versionOf);
  say(`${packages.join(", ")}; ${await site.version()}`);
  say(`A board of cards, each put once and edited ${OPS_PER_CARD - 1} times; every op is a change of its own.`);
  const lines = [...weight(site), ...(await coldStart(site, say))];
  console.log(isJson ? JSON.stringify(lines) : table(lines));
} finally {
  await site.end();
}
