// The package in Firefox: a repo that stays, tabs that share it, a peer, and a conflict.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
// In the functions that pages evaluate this is the package of the page.
import * as trellis from "trellis-sync";
import { freePort } from "../../tests/browser/place.mjs";
import { Pages } from "./pages.mjs";

const LIMIT = { timeout: 120_000 };
const place = new Pages();
const profile = place.profile();
/** @type {Awaited<ReturnType<Pages["firefox"]>>} */
let firefox;
/** What pages complain of. @type {string[]} */
const complaints = [];

before(async () => {
  await place.begin();
  firefox = await place.firefox(profile);
});
after(() => place.end());

/** A page that has the package. */
async function tab() {
  const page = await firefox.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (said) => ["error", "warn"].includes(said.type()) && complaints.push(said.text()));
  await place.load(page);
  return page;
}

test("a repo is there after a reload, under a key that nobody can read", LIMIT, async () => {
  const page = await tab();
  const first = await page.evaluate(async () => {
    const repo = await trellis.open("kept");
    await repo.set("todo/1", { title: "Buy milk", note: "x".repeat(5_000) });
    await repo.set("files/1", new Uint8Array([0, 255]));
    const { author, storage } = await repo.status();
    return { author, storage };
  });
  assert.deepEqual(first.storage, { kind: "indexeddb", level: "disk", isKeyExportable: false, isPersisted: false });
  await place.load(page);
  const again = await page.evaluate(async () => {
    const repo = await trellis.open("kept");
    const values = [await repo.get("todo/1/title"), [...new Uint8Array((await repo.get("files/1")) ?? [])]];
    await repo.set("todo/1/title", "Buy oats");
    const { author, forks, ops } = await repo.status();
    const { corrupt, uncovered } = await repo.verify();
    return { values, author, flaws: forks.length + corrupt.length + uncovered.length, ops };
  });
  assert.deepEqual(again, { values: ["Buy milk", [0, 255]], author: first.author, flaws: 0, ops: 4 });
  await page.close();
});

test("what was acked is there after Firefox was killed", LIMIT, async () => {
  const page = await tab();
  /** @type {string[]} */
  const acked = [];
  const heard = new Promise((done) => {
    place.heard = (key) => acked.push(key) === 5 && done(undefined);
  });
  await page.evaluate(async () => {
    const repo = await trellis.open("killed");
    const write = async () => {
      for (let at = 0; ; at++) {
        await repo.batch((batch) => {
          for (let of = 0; of < 20; of++) batch.set(`todo/${at}-${of}/title`, "Buy milk");
        });
        void fetch("/", { method: "POST", body: JSON.stringify(`${at}`) });
      }
    };
    void write();
  });
  await heard;
  const process = firefox.process();
  assert.ok(process);
  const ended = once(process, "exit");
  process.kill("SIGKILL");
  await ended;
  firefox = await place.firefox(profile);
  const found = await (await tab()).evaluate(async () => {
    const repo = await trellis.open("killed");
    const { forks } = await repo.status();
    const { corrupt, uncovered } = await repo.verify();
    const keys = (await repo.entries("todo")).map(({ key }) => key.split("-")[0]);
    return { batches: [...new Set(keys)], keys: keys.length, flaws: forks.length + corrupt.length + uncovered.length };
  });
  assert.deepEqual([acked.filter((batch) => !found.batches.includes(batch)), found.flaws], [[], 0]);
  assert.equal(found.keys, found.batches.length * 20, "a part of a batch is there");
});

test("tabs and a worker share a repo, and the next one leads when the leader is gone", LIMIT, async () => {
  const [one, two, three] = [await tab(), await tab(), await tab()];
  for (const page of [one, two])
    await page.evaluate(async () => {
      Object.assign(globalThis, { repo: await trellis.open("shared") });
    });
  await three.evaluate(async () => {
    const worker = new Worker("/worker.js", { type: "module" });
    Object.assign(globalThis, { repo: await trellis.open("shared", { worker }) });
  });
  const write = (/** @type {typeof one} */ page, /** @type {string} */ key) =>
    page.evaluate(async (key) => {
      await /** @type {any} */ (globalThis).repo.set(`todo/${key}/title`, "Buy milk");
    }, key);
  await write(one, "1");
  await write(two, "2");
  await one.close();
  await write(two, "3");
  await write(three, "4");
  for (const page of [two, three]) {
    const found = await page.evaluate(async () => {
      const { repo } = /** @type {any} */ (globalThis);
      const { ops, forks } = await repo.status();
      const keys = (await repo.entries("todo")).map((/** @type {any} */ { key }) => key);
      return { ops, forks, keys };
    });
    assert.deepEqual(found, { ops: 5, forks: [], keys: ["1", "2", "3", "4"] });
    await page.close();
  }
});

/** In pages: opens a repo that a link keeps with a server, and waits until both have the same. @param {string[]} all */
async function joined([name = "", url = ""]) {
  const repo = await trellis.open(name, { join: url });
  const link = repo.sync(url);
  await link.inSync();
  Object.assign(globalThis, { repo, link });
}

/** In pages: writes a title while no link is there. @param {string} title */
async function writesApart(title) {
  const { repo, link } = /** @type {any} */ (globalThis);
  await link.close();
  await repo.set("notes/1/title", title);
}

/** In pages: links again, and waits for a conflict, whose sides are these. @param {string} url */
async function sidesOf(url) {
  const { repo } = /** @type {any} */ (globalThis);
  const link = repo.sync(url);
  Object.assign(globalThis, { link });
  for await (const _ of repo.changes()) {
    const [conflict] = await repo.conflicts();
    if (conflict) return conflict.sides.map((/** @type {any} */ { value }) => value.value).toSorted();
  }
}

test("Firefox and Chromium sync by a relay, and one closes the conflict of both", LIMIT, async () => {
  const port = await freePort();
  const url = `ws://127.0.0.1:${port}`;
  place.trellis("init relayed");
  place.trellis("-C relayed set notes/1/title Draft");
  await place.serve(`-C relayed serve --open --allow-origin * --listen 127.0.0.1:${port}`);
  const ann = await tab();
  const bob = await place.page(await (await place.browser()).newContext());
  await ann.evaluate(joined, ["relayed", url]);
  await bob.evaluate(joined, ["relayed", url]);
  await ann.evaluate(writesApart, "Calm");
  await bob.evaluate(writesApart, "Storm");
  const sides = [ann.evaluate(sidesOf, url), bob.evaluate(sidesOf, url)];
  for (const values of await Promise.all(sides)) assert.deepEqual(values, ["Calm", "Storm"]);
  await ann.evaluate(async () => {
    const { repo } = /** @type {any} */ (globalThis);
    const [conflict] = await repo.conflicts();
    const calm = conflict.sides.find((/** @type {any} */ { value }) => value.value === "Calm");
    await (await repo.resolve(conflict, calm)).durable("relay");
  });
  const left = await bob.evaluate(async () => {
    const { repo, link } = /** @type {any} */ (globalThis);
    await link.inSync();
    return [await repo.get("notes/1/title"), (await repo.conflicts()).length];
  });
  assert.deepEqual(left, ["Calm", 0]);
  assert.match(place.trellis("-C relayed get notes/1/title"), /Calm/);
  place.trellis("-C relayed conflicts");
});

test("nothing went wrong that Firefox complains about", () => assert.deepEqual(complaints, []));
