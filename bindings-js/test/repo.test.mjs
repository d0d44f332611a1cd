// Repo: every verb, alone and with a server that is a process, whatever runs it.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { freePort, Place } from "../../tests/browser/place.mjs";
import { HOSTS, over } from "./hosts.mjs";

const LIMIT = { timeout: 30_000 };
const place = new Place();
const port = await freePort();
const SERVER = `ws://127.0.0.1:${port}`;

before(async () => {
  place.trellis("init notes");
  await place.serve(`-C notes serve --open --listen 127.0.0.1:${port}`);
});
after(() => place.end());

/** Closes something when all is done. @template {{ close(): Promise<void> }} T @param {T} opened */
function kept(opened) {
  place.ends.unshift(() => opened.close());
  return opened;
}

/** @param {import("./hosts.mjs").Host} host */
function tests({ trellis, open, isPersistent, id }) {
  const { Identity, memoryPair, TrellisError } = trellis;
  let count = 0;
  const named = (options = {}) => open(`repo ${++count}`, options);

  /** @param {string} code */
  const code = (code) => (/** @type {unknown} */ error) => error instanceof TrellisError && error.code === code;

  /** Two repos in this program that are linked, and one of which has begun. */
  async function pair() {
    const [ann, bob] = [kept(await named({ authorName: "ann" })), kept(await named({ authorName: "bob" }))];
    await ann.set("todo/1/title", "Base");
    const join = () => {
      const [one, other] = memoryPair();
      return [ann.connect(one), bob.connect(other, { isInitiator: false })];
    };
    const links = join();
    await links[1].inSync();
    return { ann, bob, links, join };
  }

  test("what is written is shown, and stays when it is written again", async () => {
    const repo = kept(await named());
    assert.equal(await repo.get("todo/1/title"), undefined);
    assert.deepEqual(await repo.entries("todo"), []);
    const receipt = await repo.set("todo/1/title", "Buy milk");
    assert.equal(receipt.ops.length, 1);
    assert.deepEqual(await receipt.durable("local"), { withheld: [] });
    await repo.put("todo", "1", { title: "Buy milk", done: false });
    assert.equal((await repo.put("todo", "1", { title: "Buy milk", done: false })).ops.length, 0);
    await repo.patch("todo", "1", { set: { "/done": true }, add: { "/count": 2 }, insert: { "/tags": ["home"] } });
    assert.deepEqual(await repo.get("todo/1"), { title: "Buy milk", done: true, count: 2, tags: ["home"] });
    await repo.delete("todo/1/done");
    await repo.set("files/1", new Uint8Array([0, 255]));
    assert.deepEqual(await repo.get("files/1"), new Uint8Array([0, 255]));
    const [{ key, value, frontier, conflicts }] = await repo.entries("todo");
    assert.deepEqual([key, value, conflicts], ["1", { title: "Buy milk", count: 2, tags: ["home"] }, []]);
    const stale = frontier;
    await repo.set("todo/1/title", "Buy oats");
    await repo.set("todo/1/title", "Buy rice", { ifBase: stale });
    assert.equal((await repo.conflicts()).length, 1);
    await repo.delete("todo/1");
    assert.equal((await repo.query({ collection: "todo", prefix: "1" })).length, 0);
  });

  test("a batch is one transaction, and nothing where it fails", async () => {
    const repo = kept(await named());
    const receipt = await repo.batch((batch) => batch.set("a/1/x", 1).set("a/2/x", 2).append("log", "1", { at: 3 }));
    assert.equal(receipt.ops.length, 3);
    assert.deepEqual(
      (await repo.log()).map(({ isSigned }) => isSigned),
      [true, false, false, true],
    );
    await assert.rejects(
      repo.batch((batch) => {
        batch.set("a/3/x", 1);
        throw new Error("no");
      }),
      /no/,
    );
    assert.equal(await repo.get("a/3"), undefined);
  });

  test("the past stays, and the last write is taken back", async () => {
    const repo = kept(await named());
    const { ops } = await repo.set("todo/1/title", "First");
    await repo.set("todo/1/title", "Second");
    assert.equal(await repo.at(ops).get("todo/1/title"), "First");
    assert.equal(await repo.get("todo/1/title"), "Second");
    await repo.undo();
    assert.equal(await repo.get("todo/1/title"), "First");
    const op = await repo.op(/** @type {string} */ (ops[0]));
    assert.deepEqual([op.hash, op.branch, op.collection, op.key], [ops[0], "main", "todo", "1"]);
    assert.deepEqual(JSON.parse(JSON.stringify(op)), op);
    const report = await repo.verify();
    assert.deepEqual([report.ops, report.corrupt, report.uncovered], [4, [], []]);
  });

  test("branches part and join", async () => {
    const repo = kept(await named());
    await repo.set("todo/1/title", "Main");
    const draft = repo.branch("draft");
    await draft.create();
    await draft.set("todo/1/title", "Draft");
    assert.equal(await repo.get("todo/1/title"), "Main");
    await repo.merge("draft", { message: "take it" });
    assert.equal(await repo.get("todo/1/title"), "Draft");
    const names = (await repo.branches()).map(({ name }) => name);
    assert.deepEqual(names.filter((name) => !name.startsWith("_")).sort(), ["draft", "main"]);
    await assert.rejects(repo.branch("none").log(), code("not_found"));
  });

  test("two edits offline stand side by side until one choice closes the conflict", async () => {
    const { ann, bob, links, join } = await pair();
    await Promise.all(links.map((link) => link.close()));
    await ann.set("todo/1/title", "Calm");
    await bob.set("todo/1/title", "Storm");
    await join()[1]?.inSync();
    const [conflict] = await bob.conflicts();
    assert.ok(conflict);
    assert.deepEqual(await ann.conflicts(), [conflict]);
    assert.deepEqual(conflict.base, { type: "json", value: "Base" });
    const storm = conflict.sides.find(({ value }) => value.type === "json" && value.value === "Storm");
    assert.ok(storm);
    const receipt = await ann.resolve(conflict, storm);
    await receipt.durable("peer", { timeout: 10_000 });
    assert.equal(await bob.get("todo/1/title"), "Storm");
    assert.deepEqual(await bob.conflicts(), []);
    await assert.rejects(bob.resolve(conflict, { value: "Late" }), code("conflict_moved"));
    await Promise.all([ann.close(), bob.close()]);
  });

  test("a subscription has a snapshot, and tells what changes", async () => {
    const { ann, bob } = await pair();
    /** @type {unknown[]} */
    const heard = [];
    const title = bob.subscribe("todo/1/title", (value) => heard.push(value));
    await title.ready;
    assert.equal(title.getSnapshot(), "Base");
    const entries = bob.subscribe("todo");
    await entries.ready;
    const snapshot = entries.getSnapshot();
    await (await ann.set("todo/1/title", "Calm")).durable("peer");
    for await (const value of entries) if (value !== snapshot) break;
    for await (const value of title) if (value === "Calm") break;
    assert.deepEqual(heard, ["Base", "Calm"]);
    assert.notEqual(entries.getSnapshot(), snapshot);
    const stop = new AbortController();
    const actors = [];
    for await (const { ops, seq } of ann.changes(0, { signal: stop.signal })) {
      actors.push(...ops.map(({ actor }) => actor));
      if (seq === 3) break;
    }
    assert.deepEqual(actors, [undefined, "ann", "ann"]);
    await Promise.all([ann.close(), bob.close()]);
  });

  test("a subscription to a collection keeps what did not change, in the order of entries", LIMIT, async () => {
    const repo = kept(await named());
    const shown = repo.subscribe("todo");
    await shown.ready;
    assert.deepEqual(shown.getSnapshot(), []);
    /** Waits until the snapshot is what the repo shows, and returns it. */
    const caughtUp = async () => {
      const all = await repo.entries("todo");
      for await (const entries of shown) if (JSON.stringify(entries) === JSON.stringify(all)) return entries;
      throw new Error("it ended");
    };
    const keys = ["m", "\u{1f600}", "\uffff", "é", "", "z", "mm", "a"];
    for (const key of keys) await repo.put("todo", key || "0", { key });
    const before = await caughtUp();
    assert.equal(before.length, keys.length);
    await repo.put("other", "m", {});
    await repo.put("todo", "m", { key: "changed" });
    await repo.delete("todo/z");
    const after = await caughtUp();
    const same = after.filter((entry) => before.includes(entry)).map(({ key }) => key);
    assert.deepEqual(
      same,
      after.map(({ key }) => key).filter((key) => key !== "m"),
    );
    const draft = repo.branch("draft");
    await draft.create();
    await draft.delete("todo/mm");
    await draft.put("todo", "a", { key: "b" });
    await repo.merge("draft");
    const merged = await caughtUp();
    assert.deepEqual([merged.length, merged.find(({ key }) => key === "a")?.value], [after.length - 1, { key: "b" }]);
    assert.equal(
      merged.find(({ key }) => key === "é"),
      before.find(({ key }) => key === "é"),
    );
    shown.unsubscribe();
  });

  test("a receipt is kept by the server's disk, and another device has the same", LIMIT, async () => {
    const repo = kept(await open("joined", { join: SERVER }));
    const receipt = await repo.set("todo/1/title", "Buy milk");
    assert.equal(repo.status instanceof Function, true);
    await assert.rejects(receipt.durable("relay", { timeout: 50 }), code("timeout"));
    await assert.rejects(receipt.durable("relay", { signal: AbortSignal.abort() }), code("aborted"));
    const link = kept(repo.sync(SERVER));
    await receipt.durable("relay", { timeout: 10_000 });
    assert.deepEqual([link.status.state, link.status.isRelay], ["connected", true]);
    assert.ok(((await link.progress())?.opsOut ?? 0) >= 1);
    assert.match(place.trellis("-C notes get todo/1/title"), /Buy milk/);
    const other = kept(await open("other", { join: SERVER.replace("ws", "http") }));
    assert.equal(await other.get("todo/1/title"), "Buy milk");
    await other.set("todo/2/title", "By requests");
    const requests = kept(other.sync(SERVER.replace("ws", "http")));
    await requests.inSync();
    const third = kept(await open("third", { join: SERVER }));
    assert.equal(await third.get("todo/2/title"), "By requests");
  });

  test("a link says why there is none", LIMIT, async () => {
    const repo = kept(await named());
    await repo.set("todo/1/title", "Another repo");
    await assert.rejects(repo.sync(SERVER).inSync(), code("repo_mismatch"));
    const away = kept(repo.sync(`ws://127.0.0.1:${await freePort()}`));
    await assert.rejects(away.inSync(), code("offline"));
    assert.equal(away.status.state, "offline");
    const { WebSocket } = globalThis;
    try {
      Reflect.deleteProperty(globalThis, "WebSocket");
      if (id === "wasm") assert.throws(() => repo.sync(SERVER), code("unsupported"));
      else await assert.rejects(repo.sync(SERVER).inSync(), code("repo_mismatch"));
    } finally {
      Object.defineProperty(globalThis, "WebSocket", { value: WebSocket, configurable: true, writable: true });
    }
    assert.throws(() => repo.sync("ws://relay.example"), code("permission_denied"));
    assert.throws(() => repo.sync("ftp://relay.example"), code("invalid_argument"));
    assert.throws(() => repo.sync("relay"), code("invalid_argument"));
  });

  test("a link comes back when its server does", LIMIT, async () => {
    const again = await freePort();
    const serving = `-C again-${id} serve --open --listen 127.0.0.1:${again}`;
    place.trellis(`init again-${id}`);
    const first = await place.serve(serving);
    const repo = kept(await open("again", { join: `ws://127.0.0.1:${again}` }));
    const link = repo.sync(`ws://127.0.0.1:${again}`);
    await link.inSync();
    /** @param {string} state */
    const until = (state) =>
      new Promise((done) => link.onStatus((status) => status.state === state && done(undefined)));
    const away = until("offline");
    await first.stop("SIGKILL");
    await away;
    const receipt = await repo.set("todo/1/title", "Written offline");
    await place.serve(serving);
    await receipt.durable("relay", { timeout: 20_000 });
    assert.match(place.trellis(`-C again-${id} get todo/1/title`), /Written offline/);
    await link.close();
    assert.equal(link.status.state, "closed");
  });

  test("a bundle carries a repo by hand", async () => {
    const repo = kept(await named());
    await repo.set("todo/1/title", "Buy milk");
    const bundle = await repo.export();
    const other = kept(await named());
    const report = await other.import(bundle);
    assert.deepEqual([report.admitted.length, report.refused], [2, []]);
    assert.equal(await other.get("todo/1/title"), "Buy milk");
    assert.equal((await other.import(await repo.ops())).known, 2);
    await assert.rejects(other.import(bundle.slice(0, -1)), code("invalid_argument"));
  });

  test("small writes go on from rows that have large ones in them, too", LIMIT, async () => {
    const [ann, bob, carol] = [kept(await named()), kept(await named()), kept(await named())];
    await ann.set("todo/0/title", "Buy milk");
    await ann.branch("large").create();
    for (let at = 0; at < 40; at++) {
      await ann.set(`todo/${at}/title`, "Buy milk");
      await ann.branch("large").put("photos", `${at}`, new Uint8Array(100_000).fill(at));
    }
    for (const [from, to] of /** @type {const} */ ([
      [ann, bob],
      [bob, carol],
    ])) {
      const [one, other] = memoryPair();
      const links = [from.connect(one), to.connect(other, { isInitiator: false })];
      await links[1]?.inSync();
      for (const link of links) await link.close();
    }
    assert.equal((await carol.entries("todo")).length, 40);
    assert.equal((await carol.status()).ops, (await ann.status()).ops);
    assert.deepEqual(await carol.branch("large").get("photos/7"), new Uint8Array(100_000).fill(7));
  });

  test("any name is a name, and pollutes nothing", async () => {
    const repo = kept(await named());
    for (const name of ["__proto__", "then", "constructor", "toString", "a/b~c"]) {
      await repo.put("names", name, JSON.parse(`{"${name}":{"polluted":true},"x":1}`));
      const { value } = await repo.entry("names", name);
      assert.deepEqual(Object.keys(value), [name, "x"].sort());
      assert.deepEqual(Object.getOwnPropertyDescriptor(value, name)?.value, { polluted: true });
      assert.equal(Object.getPrototypeOf(value), Object.prototype);
    }
    await repo.set("names/__proto__/__proto__/then", 2);
    assert.equal(await repo.get("names/__proto__/__proto__/then"), 2);
    assert.equal(await repo.get("names/then/constructor/name"), undefined);
    assert.equal(/** @type {any} */ ({}).polluted, undefined);
    const third = kept(await named());
    await third.import(await repo.ops());
    assert.deepEqual(await third.entries("names"), await repo.entries("names"));
  });

  test("what JSON does not hold is refused, with its place", async () => {
    const repo = kept(await named());
    const cyclic = /** @type {any} */ ({});
    cyclic.self = cyclic;
    for (const [value, path] of /** @type {[unknown, string][]} */ ([
      [2 ** 53, ""],
      [{ a: [1, -(2 ** 53)] }, "/a/1"],
      [{ "a/b": Number.NaN }, "/a~1b"],
      [{ a: 1n }, "/a"],
      [{ a: () => {} }, "/a"],
      [{ a: new Date() }, "/a"],
      [{ a: new Map() }, "/a"],
      [[undefined], "/0"],
      [undefined, ""],
      [Symbol("a"), ""],
    ])) {
      const refused = (/** @type {any} */ error) => code("invalid_argument")(error) && error.path === path;
      await assert.rejects(repo.set("a/1", value), refused, String(path));
    }
    await assert.rejects(repo.set("a/1", cyclic), code("payload_too_large"));
    await assert.rejects(repo.set("a/1", "\ud800"), code("invalid_argument"));
    await assert.rejects(repo.set("a/1", "x".repeat(300_000)), code("payload_too_large"));
    for (const at of ["a", "a/", "/a", "a/~2", "a/\0"])
      await assert.rejects(repo.set(at, 1), code("invalid_argument"), at);
    await assert.rejects(repo.patch("a", "1", /** @type {any} */ ({ test: {} })), code("invalid_argument"));
    await assert.rejects(repo.patch("a", "1", { set: { "/x": 1 }, remove: ["/x/y"] }), code("invalid_argument"));
    await assert.rejects(repo.undo(), code("not_found"));
    assert.equal((await repo.status()).repo === undefined || (await repo.entries("a")).length === 0, true);
    assert.deepEqual(await repo.set("a/1", { a: undefined, b: 0.5 }).then(() => repo.get("a/1")), { b: 0.5 });
    assert.equal(new TrellisError("offline", "Away.").retryable, true);
    assert.equal(new TrellisError("invalid_op", "Bad.").retryable, false);
  });

  test("a repo that was closed says so, and one name is one repo", async () => {
    const [one, two] = [await open("shared"), await open("shared")];
    await one.set("a/1", 1);
    await one.close();
    assert.equal(await two.get("a/1"), 1);
    const waiting = two.set("a/2", 2).then((receipt) => receipt.durable("peer"));
    const ended = assert.rejects(waiting, code("aborted"));
    await new Promise((done) => setImmediate(done));
    await two.close();
    await ended;
    await assert.rejects(two.get("a/1"), code("aborted"));
  });

  test("a program has its own key and its own time", async () => {
    const identity = Identity.fromSeed("11".repeat(32));
    let time = Date.UTC(2031, 4, 6);
    const own = kept(await named({ identity, clock: () => time }));
    const writtenAt = async (/** @type {import("trellis-sync").Receipt} */ { ops }) => {
      const { agentId, timestamp } = await own.op(/** @type {string} */ (ops.at(-1)));
      assert.equal(agentId, identity.author);
      return timestamp;
    };
    assert.equal(await writtenAt(await own.set("a/1", 1)), "2031-05-06T00:00:00.000Z");
    time += 86_400_000;
    assert.equal(await writtenAt(await own.set("a/1", 2)), "2031-05-07T00:00:00.000Z");
    assert.equal((await own.status()).author, identity.author);
  });

  test("a folder signs by itself, and keeps the time where the program does not tell it", async () => {
    if (!isPersistent) return;
    const { author } = Identity.generate();
    const elsewhere = { author, sign: async () => new Uint8Array(64) };
    await assert.rejects(named({ identity: elsewhere }), code("unsupported"));
    await assert.rejects(named({ clock: () => "noon" }), code("invalid_argument"));
    let isBroken = false;
    const clock = () => {
      if (isBroken) throw new Error("This clock is broken.");
      return Date.UTC(2031, 4, 6);
    };
    const own = kept(await named({ clock }));
    await own.set("a/1", 1);
    isBroken = true;
    const { ops } = await own.set("a/1", 2);
    assert.equal((await own.op(/** @type {string} */ (ops[0]))).timestamp, "2031-05-06T00:00:00.000Z");
  });

  test("a thousand opens and closes leave nothing", LIMIT, async () => {
    const used = async (/** @type {number} */ times) => {
      for (let at = 0; at < times; at++) {
        const repo = await named();
        await repo.set("a/1", "x".repeat(1000));
        await repo.close();
      }
      globalThis.gc?.();
      return process.memoryUsage().external + process.memoryUsage().arrayBuffers;
    };
    // What a folder costs by itself, process.test.mjs looks at.
    const times = isPersistent ? 10 : 200;
    await used(times);
    const [before, after] = [await used(2 * times), await used(3 * times)];
    assert.ok(after - before < 2_000_000, `${after - before} bytes more after 600 times`);
  });

  test("members, manifests and redactions are the owner's to say", async () => {
    const { ann, bob } = await pair();
    const { author } = await bob.status();
    await ann.addMember(author, "bob", "reader");
    await (await ann.declare("todo", { mergeStrategy: "crdt" })).durable("peer");
    assert.deepEqual((await bob.members()).map(({ role }) => role).sort(), ["owner", "reader"]);
    assert.equal((await bob.manifests())[0]?.collection, "todo");
    await assert.rejects(bob.set("todo/1/title", "Mine"), code("permission_denied"));
    await assert.rejects(ann.declare("todo", { mergeStrategy: "none" }), code("invalid_argument"));
    const { ops } = await ann.set("todo/2/title", "Secret");
    await (await ann.redact(ops)).durable("peer");
    assert.doesNotMatch(JSON.stringify(await bob.get("todo/2")), /Secret/);
    await ann.removeMember(author);
    await Promise.all([ann.close(), bob.close()]);
  });

  test("a link that was there before its repo is let in with it", LIMIT, async () => {
    const port = await freePort();
    mkdirSync(join(place.folder, `repos-${id}`));
    await place.serve(`serve --repos repos-${id} --open --listen 127.0.0.1:${port}`);
    const repo = kept(await named());
    const link = repo.sync(`ws://127.0.0.1:${port}`);
    await assert.rejects(link.inSync(), code("auth_failed"));
    await (await repo.set("todo/1/title", "Buy milk")).durable("relay");
    assert.equal(link.status.state, "connected");
  });
}

over(HOSTS, tests);
