// From a write in one tab to when another tab of the same browser shows it, by the clock that both have.

import { byTurns, line } from "./lines.mjs";

/** @typedef {import("./site.mjs").Page} Page */

/** What shows a hundred thousand ops anew takes seconds. @param {number} ops */
const roundsOf = (ops) => (ops > 10_000 ? 5 : 15);

/**
 * Where the tabs go on showing the whole board, and where they show one card alone.
 *
 * @param {import("./site.mjs").Site} site @param {string} profile @param {number} ops
 */
export async function tabs(site, profile, ops) {
  const name = `write to visible in another tab, ${ops} ops`;
  return [
    ...(await shown(site, profile, ops, name, false)),
    ...(await shown(site, profile, ops, `${name}, one card`, true)),
  ];
}

/**
 * Both directions, since one of our tabs writes for all.
 *
 * @param {import("./site.mjs").Site} site @param {string} profile @param {number} ops @param {string} name @param {boolean} isOne
 */
function shown(site, profile, ops, name, isOne) {
  return site.within(profile, async (context) => {
    const pair = async (/** @type {"ours" | "yjs"} */ side) => {
      const pages = [await site.open(context, side, side), await site.open(context, side, side)];
      for (const page of pages) await page.evaluate((isOne) => bench.tab(isOne), isOne);
      return /** @type {[Page, Page]} */ (pages);
    };
    const [ours, yjs] = [await pair("ours"), await pair("yjs")];
    const back = (/** @type {[Page, Page]} */ [one, other]) => /** @type {const} */ ([other, one]);
    const ways = [ours, back(ours), yjs, back(yjs)].map((pair) => () => visible(...pair));
    const [there = [], again = [], theirs = [], theirsAgain = []] = await byTurns(roundsOf(ops), ways);
    const about = { id: "W2", unit: "ms", goal: 1 };
    return [
      line({ ...about, name: `${name}, by the tab that leads` }, there, theirs),
      line({ ...about, name: `${name}, by one that does not` }, again, theirsAgain),
    ];
  });
}

let titles = 0;
/** Milliseconds from a write in one page to when the other shows it. Ends when both show it. @param {Page} writer @param {Page} reader */
async function visible(writer, reader) {
  const title = `Title ${++titles}`;
  for (const page of [writer, reader])
    await page.evaluate((title) => Object.assign(globalThis, { coming: bench.seen(title) }), title);
  const asked = await writer.evaluate((title) => bench.write(title), title);
  const [shown] = await Promise.all([reader.evaluate("coming"), writer.evaluate("coming")]);
  return Number(shown) - asked;
}
