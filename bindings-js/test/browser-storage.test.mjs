// Repos in IndexedDB, in a real browser: what is still there after a reload, a full disk, and a clearing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
// In the functions that pages evaluate this is the package of the page.
import * as trellis from "trellis-sync";
import { freePort } from "../../tests/browser/place.mjs";
import { Pages } from "./pages.mjs";

const LIMIT = { timeout: 120_000 };
const place = new Pages();
/** @type {import("playwright-core").Browser} */
let browser;

before(async () => {
  await place.begin();
  browser = await place.browser();
});
after(() => place.end());

/** A page that shares its storage with no other test's. @param {{ before?: string }} options */
const freshPage = async (options = {}) => place.page(await browser.newContext(), options);

test("a repo is there after a reload, and its chain goes on", LIMIT, async () => {
  const page = await freshPage();
  const first = await page.evaluate(async () => {
    const repo = await trellis.open("notes");
    await repo.set("todo/1", { title: "Buy milk", note: "x".repeat(5_000) });
    const { ops } = await repo.set("files/1", new Uint8Array([0, 255]));
    const { author, repo: id, storage } = await repo.status();
    return { author, id, storage, isPersistent: repo.isPersistent, last: ops[0] };
  });
  assert.equal(first.isPersistent, true);
  assert.deepEqual(first.storage, { kind: "indexeddb", level: "disk", isKeyExportable: false, isPersisted: false });
  await place.load(page);
  const again = await page.evaluate(async () => {
    const repo = await trellis.open("notes");
    const values = [await repo.get("todo/1/title"), [...new Uint8Array((await repo.get("files/1")) ?? [])]];
    const { ops } = await repo.set("todo/1/title", "Buy oats");
    const [id = ""] = ops;
    const { seq, previousHash } = await repo.op(id);
    const { author, repo: repoId, forks } = await repo.status();
    const { corrupt, uncovered } = await repo.verify();
    const log = (await repo.log()).length;
    return { values, seq, previousHash, author, repoId, forks, corrupt, uncovered, log };
  });
  assert.deepEqual(again, {
    values: ["Buy milk", [0, 255]],
    seq: 3,
    previousHash: first.last,
    author: first.author,
    repoId: first.id,
    forks: [],
    corrupt: [],
    uncovered: [],
    log: 4,
  });
});

/** A script for a page: notes how many stores each writing transaction covers, and how durable it asks to be. */
const WATCHED = `globalThis.seen = [];
const { transaction } = IDBDatabase.prototype;
IDBDatabase.prototype.transaction = function (stores, mode, options) {
  if (mode === "readwrite") seen.push([stores.length, options?.durability]);
  return transaction.call(this, stores, mode, options);
};`;

test("a batch is one strict transaction over all stores", LIMIT, async () => {
  const page = await freshPage({ before: WATCHED });
  const [seen, stores] = await page.evaluate(async () => {
    const repo = await trellis.open("notes");
    await repo.set("todo/1/title", "Buy milk");
    const seen = /** @type {any} */ (globalThis).seen;
    seen.length = 0;
    await repo.batch((batch) => {
      for (let at = 0; at < 100; at++) batch.set(`todo/${at}/title`, "Buy milk");
    });
    const request = indexedDB.open("trellis-sync/notes");
    await new Promise((done) => {
      request.onsuccess = done;
    });
    return [seen, request.result.objectStoreNames.length];
  });
  assert.deepEqual(seen, [[stores, "strict"]]);
});

test("a browser that does not promise strict writes has the level os", LIMIT, async () => {
  const before = 'Object.defineProperty(IDBTransaction.prototype, "durability", { get: () => undefined });';
  const page = await freshPage({ before });
  /** What a peer hears of a page that has what it wrote. */
  const heard = (/** @type {import("playwright-core").Page} */ page) =>
    page.evaluate(async () => {
      const [repo, peer] = [await trellis.open("notes"), await trellis.open("peer", { storage: "memory" })];
      const [one, other] = trellis.memoryPair();
      const link = peer.connect(one);
      repo.connect(other, { isInitiator: false });
      const receipt = await peer.set("todo/1/title", "Buy milk");
      await link.inSync();
      const safe = await receipt.durable("peer", { timeout: 1000 }).then(
        () => "safe",
        (error) => error.code,
      );
      return [(await repo.status()).storage.level, await repo.get("todo/1/title"), safe];
    });
  assert.deepEqual(await heard(page), ["os", "Buy milk", "timeout"]);
  assert.deepEqual(await heard(await freshPage()), ["disk", "Buy milk", "safe"]);
});

/** What is stored of keys: whether each is a platform's key whose secret nobody can read. @param {import("./pages.mjs").Page} page */
const keysOf = (page) =>
  page.evaluate(async () => {
    const request = indexedDB.open("trellis-sync/notes");
    await new Promise((done) => {
      request.onsuccess = done;
    });
    const keys = request.result.transaction("keys").objectStore("keys").getAll();
    await new Promise((done) => {
      keys.onsuccess = done;
    });
    request.result.close();
    return keys.result.map((key) => key instanceof CryptoKey && !key.extractable);
  });

test("the key is the platform's, and nobody can read it", LIMIT, async () => {
  const page = await freshPage();
  await page.evaluate(async () => {
    await (await trellis.open("notes")).set("todo/1/title", "Buy milk");
  });
  assert.deepEqual(await keysOf(page), [true]);
});

test("where the platform has no such keys a seed is kept, and the status says so", LIMIT, async () => {
  const page = await freshPage({ before: "crypto.subtle.generateKey = () => Promise.reject(new Error('none'));" });
  const authorOf = () =>
    page.evaluate(async () => {
      const repo = await trellis.open("notes");
      await repo.set("todo/1/title", `Buy ${Math.random()}`);
      const { author, storage } = await repo.status();
      return [author, storage.isKeyExportable];
    });
  const first = await authorOf();
  assert.equal(first[1], true);
  assert.deepEqual(await keysOf(page), [false]);
  await place.load(page);
  assert.deepEqual(await authorOf(), first);
});

test("the browser is asked to keep it at the first write, once", LIMIT, async () => {
  const before = "globalThis.asked = 0; StorageManager.prototype.persist = async () => { asked += 1; return true; };";
  const page = await freshPage({ before });
  const asked = await page.evaluate(async () => {
    const repo = await trellis.open("notes");
    const asked = [/** @type {any} */ (globalThis).asked];
    for (const title of ["Buy milk", "Buy oats"]) {
      await repo.set("todo/1/title", title);
      asked.push(/** @type {any} */ (globalThis).asked);
    }
    return asked;
  });
  assert.deepEqual(asked, [0, 1, 1]);
});

test("what a kept repo has of its own is refused as an option", LIMIT, async () => {
  const page = await freshPage();
  const codes = await page.evaluate(async () => {
    const code = (/** @type {any} */ options) =>
      trellis.open("notes", options).then(
        () => "none",
        (error) => error.code,
      );
    return [await code({ identity: trellis.Identity.generate() }), await code({ clock: Date.now })];
  });
  assert.deepEqual(codes, ["unsupported", "unsupported"]);
});

test("a browser that keeps nothing says so, and the page goes on in memory", LIMIT, async () => {
  const before = 'IDBFactory.prototype.open = () => { throw new DOMException("blocked", "SecurityError"); };';
  const page = await freshPage({ before });
  const told = await page.evaluate(async () => {
    const failure = await trellis.open("notes").catch((error) => error);
    const repo = await trellis.open("notes", { storage: "memory" });
    await repo.set("todo/1/title", "Buy milk");
    return [failure instanceof trellis.TrellisError, failure.code, await repo.get("todo/1/title"), repo.isPersistent];
  });
  assert.deepEqual(told, [true, "unsupported", "Buy milk", false]);
});

test("a full disk writes nothing, and the page goes on", LIMIT, async () => {
  const page = await (await browser.newContext()).newPage();
  const session = await page.context().newCDPSession(page);
  const quota = (/** @type {number} */ quotaSize) =>
    session.send("Storage.overrideQuotaForOrigin", { origin: new URL(place.site).origin, quotaSize });
  await quota(300_000);
  await place.load(page);
  const write = () =>
    page.evaluate(async () => {
      const repo = await trellis.open("notes");
      await repo.set("todo/1/title", "Buy milk");
      const large = (/** @type {number} */ at) =>
        Array.from({ length: 12_500 }, (_, of) =>
          Math.sin(of + at)
            .toString()
            .slice(-8),
        ).join("");
      const failure = await repo
        .batch((batch) => {
          batch.set("todo/1/title", "Buy oats");
          for (let at = 0; at < 4; at++) batch.set(`large/${at}`, large(at));
        })
        .then(
          () => "written",
          (error) => [error.code, error.retryable],
        );
      const { ops, forks } = await repo.status();
      const { corrupt } = await repo.verify();
      const seqs = (await repo.ops()).map(({ branch, seq }) => `${branch} ${seq}`);
      const flaws = forks.length + corrupt.length + Number(new Set(seqs).size !== seqs.length);
      return {
        failure,
        ops,
        flaws,
        title: await repo.get("todo/1/title"),
        large: (await repo.entries("large")).length,
      };
    });
  const full = { failure: ["storage_full", true], ops: 2, flaws: 0, title: "Buy milk", large: 0 };
  assert.deepEqual(await write(), full);
  await place.load(page);
  assert.deepEqual(await write(), { ...full, ops: 3 });
  await quota(1_000_000_000);
  assert.deepEqual(await write(), { failure: "written", ops: 9, flaws: 0, title: "Buy oats", large: 4 });
});

/** Opens a database with a version, and closes it. @param {import("./pages.mjs").Page} page @param {number} version */
const openAs = (page, version) =>
  page.evaluate(async (version) => {
    const request = indexedDB.open("trellis-sync/notes", version);
    await new Promise((done, fail) => {
      request.onsuccess = done;
      request.onerror = fail;
      request.onblocked = fail;
    });
    request.result.close();
  }, version);

test("a database that a newer version opened is an error, before and while it is open", LIMIT, async () => {
  const page = await freshPage();
  await page.evaluate(async () => {
    const repo = await trellis.open("notes");
    await repo.set("todo/1/title", "Buy milk");
    Object.assign(globalThis, { repo });
  });
  await openAs(page, 1_000);
  const opened = await page.evaluate(async () => {
    const code = (/** @type {Promise<any>} */ work) =>
      work.then(
        () => "none",
        (/** @type {any} */ error) => error.code,
      );
    const repo = /** @type {any} */ (globalThis).repo;
    const codes = [await code(repo.set("todo/1/title", "Buy oats")), await code(repo.get("todo/1"))];
    const other = await trellis.open("other");
    await other.set("todo/1/title", "Buy rice");
    return [...codes, await other.get("todo/1/title"), await code(repo.close()), await code(trellis.open("notes"))];
  });
  assert.deepEqual(opened, ["schema_newer", "schema_newer", "Buy rice", "none", "schema_newer"]);
});

test("a repo whose storage is cleared while it is open begins anew, under a new key", LIMIT, async () => {
  const page = await freshPage();
  const told = await page.evaluate(async () => {
    const repo = await trellis.open("notes");
    await repo.set("todo/1/title", "Buy milk");
    const before = await repo.status();
    const request = indexedDB.deleteDatabase("trellis-sync/notes");
    await new Promise((done, fail) => {
      request.onsuccess = done;
      request.onblocked = fail;
    });
    const cleared = await repo.status();
    await repo.set("todo/1/title", "Buy oats");
    const after = await repo.status();
    return [cleared.ops, cleared.author === before.author, after.ops, after.author === cleared.author];
  });
  assert.deepEqual(told, [0, false, 2, true]);
});

test("a repo whose storage was cleared takes a new key, and gets what it had from a peer", LIMIT, async () => {
  const port = await freePort();
  place.trellis("init cleared");
  await place.serve(`-C cleared serve --open --allow-origin * --listen 127.0.0.1:${port}`);
  const url = `ws://127.0.0.1:${port}`;
  const page = await freshPage();
  const write = (/** @type {string} */ title) =>
    page.evaluate(
      async ([url = "", title]) => {
        const repo = await trellis.open("notes");
        await repo.sync(url).inSync();
        await (await repo.set("todo/1/title", title)).durable("peer");
        const { author, forks, ops } = await repo.status();
        return { author, forks: forks.length, ops };
      },
      [url, title],
    );
  const before = await write("Buy milk");
  await page.goto("about:blank");
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.clearDataForOrigin", { origin: new URL(place.site).origin, storageTypes: "indexeddb" });
  await place.load(page);
  const after = await write("Buy oats");
  assert.deepEqual([after.forks, after.ops, after.author === before.author], [0, before.ops + 1, false]);
  assert.match(place.trellis("-C cleared get todo/1/title"), /Buy oats/);
});

test("a database of version 1 is migrated, and its chain goes on", LIMIT, async () => {
  const page = await freshPage();
  const before = await page.evaluate(async () => {
    const repo = await trellis.open("notes");
    await repo.set("todo/1/title", "Buy milk");
    await repo.batch((batch) => batch.set("todo/2/title", "Buy oats").delete("todo/1"));
    const { author, repo: id } = await repo.status();
    return { author, id, ops: await repo.ops() };
  });
  await place.load(page);
  // What version 1 would have written: the same, with the bodies in the rows.
  await page.evaluate(async () => {
    const result = (/** @type {IDBRequest} */ request) =>
      new Promise((done, fail) => {
        request.onsuccess = () => done(request.result);
        request.onerror = () => fail(request.error);
      });
    const opened = await result(indexedDB.open("trellis-sync/notes"));
    const names = [...opened.objectStoreNames];
    const all = opened.transaction(names);
    /** @type {any} */
    const held = {};
    for (const name of names)
      held[name] = [await result(all.objectStore(name).getAllKeys()), await result(all.objectStore(name).getAll())];
    opened.close();
    await result(indexedDB.deleteDatabase("trellis-sync/notes"));
    const request = indexedDB.open("trellis-sync/notes", 1);
    request.onupgradeneeded = () => {
      const rows = request.result.createObjectStore("rows", { keyPath: "seq" });
      const bodiesOf = new Map(
        held.bodies[0].map((/** @type {any} */ seq, /** @type {any} */ at) => [seq, held.bodies[1][at]]),
      );
      for (const row of held.rows[1]) rows.add({ ...row, bodies: bodiesOf.get(row.seq) ?? new Uint8Array() });
      for (const name of ["meta", "keys", "peers"]) {
        const store = request.result.createObjectStore(name);
        for (const [at, key] of held[name][0].entries()) store.add(held[name][1][at], key);
      }
    };
    (await result(request)).close();
  });
  const after = await page.evaluate(async () => {
    const repo = await trellis.open("notes");
    const { author, repo: id } = await repo.status();
    const ops = await repo.ops();
    await repo.set("todo/3/title", "Buy rice");
    const { corrupt, uncovered } = await repo.verify();
    const { forks } = await repo.status();
    return { author, id, ops, flaws: corrupt.length + uncovered.length + forks.length };
  });
  assert.deepEqual(after, { ...before, flaws: 0 });
});

test("a repo that was joined opens without its peer from then on", LIMIT, async () => {
  const port = await freePort();
  place.trellis("init joined");
  place.trellis("-C joined set todo/1/title", { args: ['"Buy milk"'] });
  const { stop } = await place.serve(`-C joined serve --open --allow-origin * --listen 127.0.0.1:${port}`);
  const page = await freshPage();
  const read = () =>
    page.evaluate(async (join) => {
      const repo = await trellis.open("notes", { join });
      return repo.get("todo/1/title");
    }, `ws://127.0.0.1:${port}`);
  assert.equal(await read(), "Buy milk");
  await stop("SIGKILL");
  await place.load(page);
  assert.equal(await read(), "Buy milk");
});

test("a database that was restored from a backup takes a new key, and keeps it", LIMIT, async () => {
  const page = await freshPage();
  const told = await page.evaluate(async () => {
    const peer = await trellis.open("peer", { storage: "memory" });
    const meet = async (/** @type {import("trellis-sync").Repo} */ repo) => {
      const [one, other] = trellis.memoryPair();
      const links = [repo.connect(one), peer.connect(other, { isInitiator: false })];
      await Promise.all(links.map((link) => link.inSync()));
      await Promise.all(links.map((link) => link.close()));
    };
    const repo = await trellis.open("notes");
    await repo.set("todo/1/title", "Buy milk");
    await repo.set("todo/2/title", "Buy oats");
    await meet(repo);
    const before = (await repo.status()).author;
    await repo.close();
    // The backup was made before the last row came.
    const request = indexedDB.open("trellis-sync/notes");
    await new Promise((done) => {
      request.onsuccess = done;
    });
    const restoring = request.result.transaction(["rows", "bodies"], "readwrite");
    for (const name of ["rows", "bodies"]) restoring.objectStore(name).delete(3);
    await new Promise((done) => {
      restoring.oncomplete = done;
    });
    request.result.close();
    const restored = await trellis.open("notes");
    const there = (await restored.entries("todo")).length;
    await meet(restored);
    await restored.set("todo/3/title", "Buy rice");
    await meet(restored);
    const { author, forks } = await restored.status();
    const places = (await peer.ops()).map(({ agentId, branch, seq }) => `${agentId} ${branch} ${seq}`);
    const flaws = forks.length + (await peer.status()).forks.length + places.length - new Set(places).size;
    return { there, flaws, isNew: author !== before, author, entries: (await peer.entries("todo")).length };
  });
  assert.deepEqual([told.there, told.flaws, told.isNew, told.entries], [1, 0, true, 3]);
  await place.load(page);
  const again = await page.evaluate(async () => {
    const repo = await trellis.open("notes");
    await repo.set("todo/4/title", "Buy salt");
    const { author, forks } = await repo.status();
    const { corrupt, uncovered } = await repo.verify();
    return { author, flaws: forks.length + corrupt.length + uncovered.length };
  });
  assert.deepEqual(again, { author: told.author, flaws: 0 });
});
