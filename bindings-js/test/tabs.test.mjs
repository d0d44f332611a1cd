// One repo in many tabs of a real browser: one of them writes, and whichever that is may be gone at any moment.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
// In the functions that pages evaluate this is the package of the page.
import * as trellis from "trellis-sync";
import { freePort } from "../../tests/browser/place.mjs";
import { Pages, random } from "./pages.mjs";

const TABS = 8;
/** How many leaders are killed, and the seed of when. */
const KILLS = Number(process.env.TRELLIS_KILLS ?? 30);
const SEED = Number(process.env.TRELLIS_SEED ?? 1);
const LIMIT = { timeout: 200_000 + 10_000 * KILLS };

/** @typedef {import("./pages.mjs").Page} Page */
/** @typedef {import("./pages.mjs").Context} Context */

const place = new Pages();
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  await place.begin();
  browser = await place.browser();
});
after(() => place.end());

/** Every tab holds a lock of its own, by which the one that leads can be told. */
let tabs = 0;
/** @type {WeakMap<Page, string>} */
const names = new WeakMap();

/** A tab with the repo `notes`, the global `repo`. @param {Context} context @param {{ worker?: boolean, before?: string }} options */
async function tab(context, { worker = false, before = "" } = {}) {
  const page = await place.page(context, { before });
  const name = `tab ${++tabs}`;
  names.set(page, name);
  await page.evaluate(
    async ({ name, worker }) => {
      void navigator.locks.request(name, () => new Promise(() => {}));
      const options = worker ? { worker: new Worker("/worker.js", { type: "module" }) } : {};
      Object.assign(globalThis, { repo: await trellis.open("notes", options), ...options });
    },
    { name, worker },
  );
  return page;
}

/** In functions that pages evaluate: the page's repo. @type {import("trellis-sync").Repo<any>} */
const repo = /** @type {any} */ (undefined);

/** The tab that leads, once there is one. @param {readonly Page[]} pages @returns {Promise<Page>} */
async function leaderOf(pages) {
  const [any] = pages;
  if (!any) throw new Error("there is no tab");
  for (;;) {
    const { held = [] } = await any.evaluate(() => navigator.locks.query());
    const clientOf = (/** @type {string | undefined} */ lock) => held.find(({ name }) => name === lock)?.clientId;
    const leader = clientOf("trellis-sync/notes");
    const page = pages.find((page) => leader !== undefined && clientOf(names.get(page)) === leader);
    if (page) return page;
  }
}

/** Ends a tab as a crash does. @param {Page} page */
async function kill(page) {
  const session = await page.context().newCDPSession(page);
  const crashed = new Promise((done) => page.once("crash", done));
  void session.send("Page.crash").catch(() => {});
  await crashed;
  await page.close();
}

/** What a repo has in the end: how many ops, whether all hold, and whether each author's chain is one line. @param {Page} page */
const checked = (page) =>
  page.evaluate(async () => {
    const { forks, ops } = await repo.status();
    const { corrupt, uncovered } = await repo.verify();
    const places = (await repo.ops()).map(({ agentId, branch, seq }) => `${agentId} ${branch} ${seq}`);
    const entries = (await repo.entries("todo")).map(({ key }) => key);
    const isWhole = corrupt.length + uncovered.length + forks.length === 0 && new Set(places).size === places.length;
    return { isWhole, ops, entries };
  });

test("tabs share a repo, and the next one leads when the leader is gone", LIMIT, async () => {
  const context = await browser.newContext();
  const [one, two, three] = [await tab(context), await tab(context), await tab(context)];
  assert.equal(await leaderOf([one, two, three]), one);
  await one.evaluate(async () => {
    await repo.set("todo/1/title", "Buy milk");
  });
  const read = (/** @type {Page} */ page) => page.evaluate(() => repo.get("todo/1/title"));
  assert.deepEqual([await read(two), await read(three)], ["Buy milk", "Buy milk"]);
  const heard = three.evaluate(async () => {
    for await (const title of repo.subscribe("todo/1/title")) if (title === "Buy oats") return title;
    return undefined;
  });
  await two.evaluate(async () => {
    await repo.set("todo/1/title", "Buy oats");
  });
  assert.equal(await heard, "Buy oats");
  const author = (/** @type {Page} */ page) => page.evaluate(async () => (await repo.status()).author);
  const before = await author(three);
  await one.close();
  await three.evaluate(async () => {
    await repo.set("todo/2/title", "Buy rice");
  });
  assert.equal(await author(two), before);
  assert.deepEqual(await checked(two), { isWhole: true, ops: 4, entries: ["1", "2"] });
  // A leader that closes the repo and lives on is as good as gone.
  const leader = await leaderOf([two, three]);
  await leader.evaluate(() => repo.close());
  const last = leader === two ? three : two;
  await last.evaluate(async () => {
    await repo.set("todo/3/title", "Buy salt");
  });
  assert.deepEqual(await checked(last), { isWhole: true, ops: 5, entries: ["1", "2", "3"] });
});

test(
  "eight tabs write while leaders are killed: nothing that was acked is lost, and no chain forks",
  LIMIT,
  async () => {
    const context = await browser.newContext();
    const next = random(SEED);
    /** @type {string[]} */
    const acked = [];
    /** @type {string[]} */
    const codes = [];
    let heard = () => {};
    await context.exposeFunction("acked", (/** @type {string} */ key) => {
      acked.push(key);
      heard();
    });
    await context.exposeFunction("failed", (/** @type {string} */ code) => codes.push(code));
    const begin = async () => {
      const page = await tab(context);
      await page.evaluate(
        async (name) => {
          const all = /** @type {any} */ (globalThis);
          all.isOver = false;
          const work = async () => {
            for (let at = 0; !all.isOver; at++) {
              const key = `${name}-${at}`;
              await repo.set(`todo/${key}/title`, "Buy milk").then(
                () => all.acked(key),
                (/** @type {any} */ { code, retryable }) => all.failed(`${code} ${retryable}`),
              );
            }
          };
          all.done = work();
        },
        `${names.get(page)?.replace(" ", "-")}`,
      );
      return page;
    };
    /** @type {Page[]} */
    let pages = [];
    for (let at = 0; at < TABS; at++) pages.push(await begin());
    for (let kills = 0; kills < KILLS; kills++) {
      const until = acked.length + 1 + Math.floor(next() * 60);
      await new Promise((done) => {
        heard = () => acked.length >= until && done(undefined);
      });
      const leader = await leaderOf(pages);
      if (next() < 0.5) await kill(leader);
      else await leader.close();
      pages = pages.filter((page) => page !== leader);
      pages.push(await begin());
    }
    await Promise.all(
      pages.map((page) =>
        page.evaluate(async () => {
          const all = /** @type {any} */ (globalThis);
          all.isOver = true;
          await all.done;
        }),
      ),
    );
    const { isWhole, entries } = await checked(/** @type {Page} */ (pages[0]));
    console.log(`${acked.length} writes acked, ${codes.length} not answered, ${entries.length} there`);
    assert.equal(isWhole, true, `seed ${SEED}`);
    const written = await /** @type {Page} */ (pages[0]).evaluate(async () =>
      (await repo.ops()).flatMap(({ collection, key }) => (collection === "todo" ? [key] : [])),
    );
    assert.equal(new Set(written).size, written.length, `something was written twice, seed ${SEED}`);
    const there = new Set(entries);
    assert.deepEqual(
      acked.filter((key) => !there.has(key)),
      [],
      `seed ${SEED}`,
    );
    // A leader that was killed may have saved a write of its own that it told nobody of.
    assert.deepEqual(
      [...new Set(codes)].filter((code) => code !== "locked true"),
      [],
    );
    assert.ok(entries.length <= acked.length + codes.length + KILLS, "more is there than was written");
  },
);

test("a former leader cannot write", LIMIT, async () => {
  const context = await browser.newContext();
  const [one, two] = [await tab(context), await tab(context)];
  const written = await two.evaluate(async () => {
    await repo.set("todo/1/title", "Buy milk");
    // Somebody who claims the database while the leader does not know of it.
    const request = indexedDB.open("trellis-sync/notes");
    await new Promise((done) => {
      request.onsuccess = done;
    });
    const claim = request.result.transaction("meta", "readwrite");
    claim.objectStore("meta").put(Date.now() + 1_000, "epoch");
    await new Promise((done) => {
      claim.oncomplete = done;
    });
    request.result.close();
    return repo.set("todo/1/title", "Buy oats").then(
      () => "written",
      (/** @type {any} */ { code, retryable }) => [code, retryable],
    );
  });
  assert.deepEqual(written, ["locked", true]);
  for (const page of [one, two])
    await page.evaluate(async () => {
      await repo.set(`todo/${Math.random()}/title`, "Buy rice");
    });
  const { isWhole, ops } = await checked(one);
  assert.deepEqual([isWhole, ops, await one.evaluate(() => repo.get("todo/1/title"))], [true, 4, "Buy milk"]);
});

test("without Web Locks whichever tab writes takes the repo over", LIMIT, async () => {
  const context = await browser.newContext();
  const before = 'Object.defineProperty(Navigator.prototype, "locks", { get: () => undefined });';
  const pages = [await place.page(context, { before }), await place.page(context, { before })];
  for (const page of pages)
    await page.evaluate(async () => {
      Object.assign(globalThis, { repo: await trellis.open("notes") });
    });
  for (let at = 0; at < 6; at++)
    await pages[at % 2]?.evaluate(async (at) => {
      await repo.set(`todo/${at}/title`, "Buy milk");
    }, at);
  const entries = ["0", "1", "2", "3", "4", "5"];
  assert.deepEqual(await checked(/** @type {Page} */ (pages[1])), { isWhole: true, ops: 7, entries });
});

test("a leader that freezes is left, and finds its place again", LIMIT, async () => {
  const context = await browser.newContext();
  const [one, two] = [await tab(context), await tab(context)];
  assert.equal(await leaderOf([one, two]), one);
  await one.evaluate(async () => {
    await repo.set("todo/1/title", "Buy milk");
    const all = /** @type {any} */ (globalThis);
    setTimeout(() => {
      // A write that is under way when the page stops, and one that it makes before it hears anything.
      all.first = repo.set("todo/2/title", "Buy oats").catch((/** @type {any} */ error) => error);
      for (const until = performance.now() + 50_000; performance.now() < until; );
      all.second = repo.set("todo/3/title", "Buy rice").catch((/** @type {any} */ error) => error);
    });
  });
  await two.evaluate(async () => {
    await repo.set("todo/4/title", "Buy salt");
  });
  assert.equal(await leaderOf([two, one]), two);
  const codes = await one.evaluate(async () => {
    const all = /** @type {any} */ (globalThis);
    return [await all.first, await all.second].map(({ code }) => code ?? "written");
  });
  assert.deepEqual(
    codes.filter((code) => code !== "written" && code !== "locked"),
    [],
  );
  for (const page of [one, two])
    await page.evaluate(async () => {
      await repo.set(`todo/${Math.random()}/title`, "Buy tea");
    });
  assert.equal((await checked(one)).isWhole, true);
  assert.deepEqual(await checked(one), await checked(two));
});

test("links are one for all tabs, and move to the next leader", LIMIT, async () => {
  const port = await freePort();
  place.trellis("init moved");
  await place.serve(`-C moved serve --open --allow-origin * --listen 127.0.0.1:${port}`);
  const url = `ws://127.0.0.1:${port}`;
  const context = await browser.newContext();
  const pages = [await tab(context), await tab(context), await tab(context)];
  for (const page of pages)
    await page.evaluate(async (url) => {
      const link = repo.sync(url);
      Object.assign(globalThis, { link });
      await link.inSync();
    }, url);
  const leader = await leaderOf(pages);
  const counted = await leader.evaluate(
    async () => /** @type {any} */ (await /** @type {any} */ (repo).host.carryOut({ type: "links" })).links.length,
  );
  assert.equal(counted, 1);
  await kill(leader);
  const others = pages.filter((page) => page !== leader);
  for (const [at, page] of others.entries())
    await page.evaluate(async (key) => {
      const receipt = await repo.set(`todo/${key}/title`, "Buy milk");
      await receipt.durable("peer");
    }, `left-${at}`);
  const states = await Promise.all(
    others.map((page) => page.evaluate(() => /** @type {any} */ (globalThis).link.status.state)),
  );
  assert.deepEqual(states, ["connected", "connected"]);
  assert.match(place.trellis("-C moved get todo/left-1/title"), /Buy milk/);
});

test("workers of several tabs share a repo", LIMIT, async () => {
  const context = await browser.newContext();
  const [one, two] = [await tab(context, { worker: true }), await tab(context, { worker: true })];
  const plain = await tab(context);
  for (const page of [one, two, plain])
    await page.evaluate(async () => {
      await repo.set(`todo/${Math.random()}/title`, "Buy milk");
    });
  const kept = await two.evaluate(async () => {
    const { storage } = await repo.status();
    return [repo.isPersistent, storage.kind, storage.level];
  });
  assert.deepEqual(kept, [true, "indexeddb", "disk"]);
  await one.evaluate(() => /** @type {any} */ (globalThis).worker.terminate());
  await two.evaluate(async () => {
    await repo.set("todo/last/title", "Buy oats");
  });
  const { isWhole, entries } = await checked(plain);
  assert.deepEqual([isWhole, entries.length, entries.includes("last")], [true, 4, true]);
});

test("two tabs sync repos of their own without a server", LIMIT, async () => {
  const context = await browser.newContext();
  const [one, two] = [await place.page(context), await place.page(context)];
  await one.evaluate(async () => {
    const repo = await trellis.open("ann's");
    await repo.set("todo/1/title", "Buy milk");
    const stop = new trellis.BroadcastTransport("ann").arrivals((connection) => {
      const link = repo.connect(connection, { isInitiator: false });
      Object.assign(globalThis, { link });
    });
    Object.assign(globalThis, { repo, stop });
  });
  const told = await two.evaluate(async () => {
    const repo = await trellis.open("bob's");
    const transport = new trellis.BroadcastTransport("bob");
    const { connection } = await transport.dial("ann");
    const link = repo.connect(connection);
    await link.inSync();
    await (await repo.set("todo/2/title", "Buy oats")).durable("peer");
    Object.assign(globalThis, { link });
    return [await repo.get("todo/1/title"), await transport.dial("cat").catch(({ code }) => code)];
  });
  assert.deepEqual(told, ["Buy milk", "offline"]);
  assert.equal(await one.evaluate(() => repo.get("todo/2/title")), "Buy oats");
  await kill(one);
  const state = await two.evaluate(async () => {
    const { link } = /** @type {any} */ (globalThis);
    while (link.status.state === "connected") await new Promise((done) => link.onStatus(done));
    return [link.status.state, link.status.reason.code];
  });
  assert.deepEqual(state, ["offline", "offline"]);
});

/** Pauses between dials that never end by themselves. */
const PATIENT = "Math.random = () => 1e6;";
const ONLINE = 'dispatchEvent(new Event("online"))';
const IN_SIGHT = 'document.dispatchEvent(new Event("visibilitychange"))';

for (const [what, event, isLeader] of /** @type {const} */ ([
  ["is online again", ONLINE, true],
  ["comes into sight", IN_SIGHT, true],
  ["comes into sight, and another tab leads", IN_SIGHT, false],
]))
  test(`a link is dialled at once when the page ${what}`, LIMIT, async () => {
    const port = await freePort();
    const context = await browser.newContext();
    const leader = await tab(context, { before: PATIENT });
    const page = isLeader ? leader : await tab(context, { before: PATIENT });
    await page.evaluate(async (url) => {
      const link = repo.sync(url);
      Object.assign(globalThis, { link });
      await link.inSync().catch(() => {});
    }, `ws://127.0.0.1:${port}`);
    place.trellis(`init repo-${port}`);
    await place.serve(`-C repo-${port} serve --open --allow-origin * --listen 127.0.0.1:${port}`);
    const isConnected = page.evaluate(async () => {
      const { link } = /** @type {any} */ (globalThis);
      await new Promise((done) =>
        link.onStatus((/** @type {any} */ { state }) => state === "connected" && done(undefined)),
      );
    });
    await page.evaluate(event);
    await isConnected;
  });
