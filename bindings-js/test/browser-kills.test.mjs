// A repo in IndexedDB whose browser is killed, again and again, while it writes: what was acked is there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { EventEmitter, on, once } from "node:events";
import { appendFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
// In the functions that pages run this is the package of the page.
import * as trellis from "trellis-sync";
import { CHROMIUM, QUIET } from "../../tests/browser/place.mjs";
import { Pages, random } from "./pages.mjs";

/** How many browsers are killed, and the seed of when. */
const KILLS = Number(process.env.TRELLIS_KILLS ?? 50);
const SEED = Number(process.env.TRELLIS_SEED ?? 1);
const limit = (/** @type {number} */ kills) => ({ timeout: 60_000 + 10_000 * kills });
/** How many writes are in a batch. */
const SIZE = 20;

/**
 * What a page finds in the repo when it opens it.
 *
 * @typedef {object} Found
 * @property {string} author
 * @property {string} level
 * @property {string[]} keys
 * @property {number} flaws
 */

const place = new Pages();

before(() => place.begin());
after(() => place.end());

/** What a page does: tells what it finds, and then writes until it is no more, telling of each batch that is acked. @param {number} cycle @param {number} size */
async function work(cycle, size) {
  const post = (/** @type {object} */ word) => fetch("/", { method: "POST", body: JSON.stringify(word) });
  addEventListener("unhandledrejection", ({ reason }) => void post({ cycle, failure: String(reason) }));
  const repo = await trellis.open("notes");
  const { author, forks, storage } = await repo.status();
  const { corrupt, uncovered } = await repo.verify();
  const keys = (await repo.entries("todo")).map(({ key }) => key);
  const places = (await repo.ops()).map(({ branch, seq }) => `${branch} ${seq}`);
  const twice = places.length - new Set(places).size;
  const flaws = forks.length + corrupt.length + uncovered.length + twice;
  await post({ cycle, found: { author, level: storage.level, keys, flaws } });
  for (let at = 0; ; at++) {
    await repo.batch((batch) => {
      for (let of = 0; of < size; of++) batch.set(`todo/${cycle}-${at}-${of}/title`, "Buy milk".repeat(of));
    });
    void post({ cycle, acked: `${cycle}-${at}` });
  }
}

/** What pages say. */
const words = new EventEmitter();
/** The batches that pages were told of as saved. @type {Set<string>} */
const acked = new Set();

/** @param {{ acked?: string }} word */
place.heard = (word) => {
  if (word.acked !== undefined) acked.add(word.acked);
  words.emit("word", word);
};

/** A browser that is a process, and shows one page. Nobody else holds on to it. */
class Killable {
  /** @param {string} profile @param {number} cycle */
  constructor(profile, cycle) {
    this.cycle = cycle;
    this.said = on(words, "word");
    const script = `import * as trellis from "/inline.js";\n(${work})(${cycle}, ${SIZE});`;
    place.pages.set(`/${cycle}`, `<!doctype html><script type="module">${script}</script>`);
    const args = ["--headless=new", "--no-sandbox", "--no-first-run", `--user-data-dir=${profile}`];
    const all = [...args, ...QUIET, `${place.site}${cycle}`];
    this.process = spawn(CHROMIUM, all, { detached: true, stdio: "ignore" });
    place.ends.unshift(() => this.kill());
  }

  /** The next thing that its page says. @returns {Promise<{ found: Found, acked?: string }>} */
  async hears() {
    for (;;) {
      const [word] = (await this.said.next()).value;
      assert.equal(word.failure, undefined);
      if (word.cycle === this.cycle) return word;
    }
  }

  /** Ends it, with all its processes, at once. */
  async kill() {
    const { pid, exitCode, signalCode } = this.process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const ended = once(this.process, "exit");
    process.kill(-pid, "SIGKILL");
    await ended;
  }
}

/** Returns when some batches are acked and a part of the next one is made. @param {Killable} browser @param {() => number} next */
async function midBatch(browser, next) {
  const began = performance.now();
  const count = 1 + Math.floor(next() * 4);
  for (let at = 0; at < count; at++) await browser.hears();
  const pace = (performance.now() - began) / count;
  // This waits for nothing: it is the chance of where in a batch the kill falls.
  await setTimeout(next() * pace);
}

/** Nothing that was acked may be absent, and no batch may be there in part; returns what is there. @param {Found} found */
function assertWhole({ keys, flaws, level }) {
  /** @type {Map<string, number>} */
  const sizes = new Map();
  for (const key of keys) {
    const batch = key.slice(0, key.lastIndexOf("-"));
    sizes.set(batch, (sizes.get(batch) ?? 0) + 1);
  }
  const lost = [...acked].filter((batch) => !sizes.has(batch));
  const torn = [...sizes].filter(([, size]) => size !== SIZE);
  assert.deepEqual({ lost, torn, flaws, level }, { lost: [], torn: [], flaws: 0, level: "disk" }, `seed ${SEED}`);
  return [...sizes.keys()];
}

/**
 * Kills browsers while they write a repo, and looks each time at what is there.
 *
 * @param {number} kills
 * @param {(profile: string) => void} after is called when one is killed.
 */
async function killed(kills, after = () => {}) {
  acked.clear();
  const profile = place.profile();
  const next = random(SEED);
  /** @type {Set<string>} */
  const authors = new Set();
  /** @type {string[]} */
  let there = [];
  // One more browser looks at what the last one that was killed left.
  for (let cycle = 0; cycle <= kills; cycle++) {
    const browser = new Killable(profile, cycle);
    const { found } = await browser.hears();
    authors.add(found.author);
    there = assertWhole(found);
    if (cycle < kills) await midBatch(browser, next);
    await browser.kill();
    after(profile);
  }
  assert.equal(authors.size, 1);
  // After each ack the next batch is under way at once: either all of it is there, or nothing.
  const unheard = new Set(there.filter((batch) => !acked.has(batch)).map((batch) => batch.split("-")[0]));
  console.log(`${kills} browsers killed, ${acked.size} batches acked; ${unheard.size} browsers saved one more`);
}

test("browsers that are killed while they write lose nothing that was acked", limit(KILLS), () => killed(KILLS));

/** The head of a record of LevelDB: a checksum, how many bytes follow, and that they are all of it. */
const HEAD = Buffer.from([1, 2, 3, 4, 200, 0, 1]);

/** Leaves Chromium's logs as a kill does that falls between the head of a record and the rest. @param {string} profile */
function tear(profile) {
  const all = readdirSync(profile, { recursive: true, encoding: "utf8" });
  const logs = all.filter((path) => /\.indexeddb\.leveldb.\d+\.log$/.test(path));
  assert.notEqual(logs.length, 0);
  for (const log of logs) appendFileSync(join(profile, log), HEAD);
}

test("nor where each is killed in the middle of a record of its own log", limit(4), () => killed(4, tear));
