// The engine, for programs that bring their own store.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { freePort, Place } from "../../tests/browser/place.mjs";
import { over, PACKAGES } from "./hosts.mjs";

const place = new Place();
const port = await freePort();

before(async () => {
  place.trellis("init notes");
  place.trellis("-C notes set todo/1/title", { args: ["Served"] });
  await place.serve(`-C notes serve --open --listen 127.0.0.1:${port}`);
});
after(() => place.end());

/** Closes something when all is done. @template {{ close(): Promise<void> }} T @param {T} opened */
function kept(opened) {
  place.ends.unshift(() => opened.close());
  return opened;
}

/** @typedef {import("trellis-sync").Op} Op */

/** @param {import("./hosts.mjs").Host} host */
function tests({ trellis }) {
  const {
    createGenesis,
    createOp,
    HttpSyncTransport,
    Identity,
    MemoryTransport,
    reconcile,
    SyncEngine,
    TrellisError,
    WebSocketSyncTransport,
  } = trellis;
  const identity = Identity.generate();

  /** A log that has begun, with an op. */
  function begun() {
    const ops = [createGenesis("notes", { identity })];
    ops.push(createOp({ collection: "todo", key: "1", body: { title: "Base" } }, { identity, after: ops }));
    return ops;
  }

  let peers = 0;

  /** An engine over a log. @param {Op[]} ops @param {Partial<import("trellis-sync").SyncEngineOptions>} options */
  function engine(ops, options = {}) {
    const localPeerId = `peer ${++peers}`;
    const transport = new MemoryTransport(localPeerId, "Somebody");
    return new SyncEngine({
      localPeerId,
      transport,
      getLocalOps: () => ops,
      onOpsReceived: (received) => void ops.push(...received),
      ...options,
    });
  }

  /** @param {readonly Op[]} ops */
  const ids = (ops) => ops.map(({ hash }) => hash).sort();

  test("two logs that parted are reconciled", () => {
    const ours = begun();
    const theirs = [...ours];
    const title = (/** @type {string} */ title) => ({ collection: "todo", key: "1", body: { title } });
    ours.push(createOp(title("Calm"), { identity, after: ours }));
    theirs.push(createOp(title("Storm"), { identity: Identity.generate(), after: theirs }));
    const made = reconcile(ours, theirs);
    assert.deepEqual([made.relation, made.clean, made.conflicts], ["diverged", false, ["todo/1"]]);
    assert.deepEqual(
      [made.forkPoint, made.onlyLocal, made.onlyRemote],
      [ours[1]?.hash, [ours[2]?.hash], [theirs[2]?.hash]],
    );
    assert.equal(made.merged.length, 4);
    const other = reconcile(theirs, ours);
    assert.deepEqual([other.merged, other.conflictRecords], [made.merged, made.conflictRecords]);
  });

  test("an op survives JSON, and a changed field is named", () => {
    const ops = begun();
    const again = JSON.parse(JSON.stringify(ops));
    assert.deepEqual(again, ops);
    assert.equal(reconcile(ops, again).relation, "equal");
    const { timestamp: _, ...untimed } = again[1];
    assert.equal(reconcile([ops[0], untimed], ops).relation, "equal");
    for (const [field, value, name] of /** @type {[string, unknown, string][]} */ ([
      ["seq", 7, "hash"],
      ["hlc", "1", "hash"],
      ["agentId", "me", "agentId"],
      ["body", { title: "Other" }, "body"],
    ]))
      assert.throws(
        () => reconcile([ops[0], { ...again[1], [field]: value }], []),
        (error) => error instanceof TrellisError && error.code === "invalid_argument" && error.message.includes(name),
        field,
      );
    const named = createOp(
      { collection: "a", key: "__proto__", body: JSON.parse('{"__proto__":1}') },
      { identity, after: ops },
    );
    assert.deepEqual(Object.keys(/** @type {any} */ (named.body)), ["__proto__"]);
  });

  test("an op that cannot be made says why", () => {
    const ops = begun();
    const make = (/** @type {any} */ op, after = ops) =>
      createOp({ collection: "a", key: "1", ...op }, { identity, after });
    for (const [op, code] of [
      [{}, "invalid_argument"],
      [{ body: 2 ** 53 }, "invalid_argument"],
      [{ body: 1, key: "" }, "invalid_argument"],
      [{ body: 1, collection: "_members" }, "invalid_argument"],
      [{ body: 1, kind: "merge" }, "invalid_argument"],
      [{ body: 1, base: [ops[1]?.hash] }, "invalid_argument"],
      [{ body: new Uint8Array(300_000) }, "payload_too_large"],
    ])
      assert.throws(() => make(op), { code }, JSON.stringify(op).slice(0, 80));
    assert.throws(() => make({ body: 1 }, []), { code: "not_found" });
    assert.equal(make({ body: new Uint8Array([0, 1]) }).body, "AAE");
    assert.equal(make({ kind: "delete" }).format, undefined);
  });

  test("after a push and after a pull both sides have the same", async () => {
    const [ours, theirs] = [begun(), /** @type {Op[]} */ ([])];
    const alice = kept(engine(ours));
    const bob = kept(engine(theirs));
    const synced = await alice.pushTo(bob.localPeerId);
    assert.deepEqual([synced.opsSent, synced.opsReceived, synced.peer], [2, 0, bob.author]);
    assert.deepEqual(ids(theirs), ids(ours));
    theirs.push(createOp({ collection: "todo", key: "2", body: 2 }, { identity: Identity.generate(), after: theirs }));
    const pulled = await alice.pullFrom(bob.localPeerId);
    assert.deepEqual([pulled.opsSent, pulled.opsReceived], [0, 1]);
    assert.deepEqual(ids(theirs), ids(ours));
    assert.equal(alice.reconcileWith(theirs).relation, "equal");
    await assert.rejects(alice.pushTo("nobody"), { code: "not_found" });
  });

  test("what the program does not take is not acknowledged, and comes again", async () => {
    const [ours, theirs] = [begun(), /** @type {Op[]} */ ([])];
    let isFull = true;
    const onOpsReceived = async (/** @type {Op[]} */ received) => {
      if (isFull) throw new TrellisError("storage_full", "No room.");
      theirs.push(...received);
    };
    const alice = kept(engine(ours));
    const bob = kept(engine(theirs, { onOpsReceived }));
    await assert.rejects(bob.pullFrom(alice.localPeerId), { code: "storage_full" });
    assert.deepEqual(theirs, []);
    isFull = false;
    await bob.pullFrom(alice.localPeerId);
    assert.deepEqual(ids(theirs), ids(ours));
  });

  test("a linear branch that forked is told", async () => {
    const ours = begun();
    const theirs = [...ours];
    for (const ops of [ours, theirs])
      ops.push(createOp({ collection: "todo", key: "3", body: 1 }, { identity: Identity.generate(), after: ops }));
    const alice = kept(engine(ours, { branchPolicy: { linear: true } }));
    const bob = kept(engine(theirs, { branchPolicy: { linear: true } }));
    assert.deepEqual((await alice.pushTo(bob.localPeerId)).diverged, ["main"]);
  });

  test("a server is pulled from by WebSocket and by signed requests", async () => {
    const ws = new WebSocketSyncTransport("peer-a");
    await ws.connect("peer-b", `ws://127.0.0.1:${port}`);
    const http = new HttpSyncTransport("peer-a");
    http.addPeer("peer-b", `http://127.0.0.1:${port}`);
    for (const transport of [ws, http]) {
      /** @type {Op[]} */
      const ops = [];
      const one = kept(engine(ops, { transport }));
      const { opsReceived } = await one.pullFrom("peer-b");
      assert.equal(opsReceived, ops.length);
      assert.ok(ops.some(({ key, collection }) => collection === "todo" && key === "1"));
      ops.push(createOp({ collection: "todo", key: one.localPeerId, body: 1 }, { identity, after: ops }));
      assert.equal((await one.pushTo("peer-b")).opsSent, 1);
      assert.equal((await one.pushTo("peer-b")).opsSent, 0);
    }
    assert.match(place.trellis("-C notes ls todo"), /peer/);
  });
}

over(PACKAGES, tests);
