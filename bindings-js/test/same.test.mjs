// What is said and given is the same, whatever runs the core.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HOSTS, over, PACKAGES } from "./hosts.mjs";

/** Everything that a caller sees of what a call came to. @param {() => unknown} call */
async function told(call) {
  try {
    await call();
    return "no failure";
  } catch (thrown) {
    const { name, code, message, retryable, op, path } = /** @type {any} */ (thrown);
    return { name, code, message: message.replace(/[0-9a-f]{64}/g, "ID"), retryable, hasOp: op !== undefined, path };
  }
}

/** What calls that fail say. @param {import("./hosts.mjs").Host} host */
async function failures({ trellis, open }) {
  const { createOp, formatCrossRepoRef, Identity, parseCrossRepoRef, raw, reconcile } = trellis;
  const repo = await open("failing");
  const none = "ab".repeat(32);
  const undone = await told(() => repo.undo());
  const { ops } = await repo.set("a/1/x", 1);
  await repo.set("a/1/x", 2, { ifBase: [] });
  const [conflict] = await repo.conflicts();
  assert.ok(conflict);
  await repo.resolve(conflict, "absent");
  const identity = Identity.fromSeed("11".repeat(32));
  const calls = [
    () => repo.resolve(conflict, "absent"),
    () => repo.set("a", 1),
    () => repo.set("a/1", "x".repeat(300_000)),
    () => repo.set("a/1", "\ud800"),
    () => repo.set("a/1/x", 1, { ifBase: [none] }),
    () => repo.set("_members/1", {}),
    () => repo.patch("a", "1", { set: { "/x": 1 }, remove: ["/x/y"] }),
    () => repo.patch("a", "1", { set: { x: 1 } }),
    () => repo.declare("a", { mergeStrategy: "none" }),
    () => repo.addMember("no key", "bob", "reader"),
    () => repo.addMember(none, "bob", /** @type {any} */ ("king")),
    () => repo.removeMember(none),
    () => repo.redact([none]),
    () => repo.branch("none").log(),
    () => repo.branch("none").set("a/\0", 1),
    () => repo.merge("none"),
    () => repo.at(none).get("a/1"),
    () => repo.at("none").get("a/1"),
    () => repo.op(none),
    () => repo.op("none"),
    () => repo.import(new Uint8Array([1, 2])),
    () => repo.import(/** @type {any} */ ([{}])),
    () => repo.announce("t", new Uint8Array(70_000)),
    () => new trellis.Receipt(/** @type {any} */ (repo).host, ops).durable("peer", { timeout: 1 }),
    () => new trellis.Receipt(/** @type {any} */ (repo).host, ops).durable(/** @type {any} */ ("moon")),
    () => formatCrossRepoRef("../up", "lib:x"),
    () => parseCrossRepoRef("lib:x"),
    () => reconcile(/** @type {any} */ ([{}]), []),
    () => reconcile(/** @type {any} */ ([1]), []),
    () => createOp({ collection: "a", key: "1", body: 1 }, { identity, after: [] }),
    () => raw.opsOfBundle(new Uint8Array([1])),
    () => raw.opsShown([{ header: new Uint8Array([1]) }]),
    () => raw.isSigned(none, new Uint8Array(1), new Uint8Array(1)),
    () => new trellis.Machine({ author: "no key", idKey: "11" }),
    () => Identity.fromSeed("11"),
  ];
  const said = [];
  for (const call of calls) said.push([String(call), await told(call)]);
  await repo.close();
  return [["undo", undone], ...said];
}

test("failures have the same words", async () => {
  const [first, ...others] = await Promise.all(HOSTS.map(failures));
  for (const other of others) assert.deepEqual(other, first);
  const succeeded = /** @type {any[]} */ (first).filter(([, said]) => said === "no failure").map(([call]) => call);
  assert.deepEqual(succeeded, []);
});

over(HOSTS, ({ open }) => {
  test("bytes and texts of every kind cross", async () => {
    const repo = await open("crossing");
    const texts = ["", "\0", "\0b0,2", "\0tx", "b0,1", "\u{10ffff}", "\ufffd", "é".repeat(9), '"\\\n\u2028'];
    const bytes = new Uint8Array([0, 216, 255]);
    await repo.batch((batch) => {
      for (const [at, text] of texts.entries()) batch.put("texts", `${at}`, { [text]: [text, { text }] });
      batch.set("bytes/1", bytes).set("bytes/2", new Uint8Array()).set("bytes/3", Buffer.from("abc"));
    });
    for (const [at, text] of texts.entries())
      assert.deepEqual(await repo.get(`texts/${at}`), { [text]: [text, { text }] });
    assert.deepEqual(await repo.get("bytes/1"), bytes);
    const all = (await repo.entries("bytes")).map(({ value }) => value);
    assert.deepEqual(all, [bytes, new Uint8Array(), new Uint8Array([97, 98, 99])]);
    const numbers = [0, -0, 1e-7, 0.1, 2 ** 53 - 1, -(2 ** 53 - 1), 123456.789, 5e-324];
    await repo.put("numbers", "1", numbers);
    assert.deepEqual(await repo.get("numbers/1"), JSON.parse(JSON.stringify(numbers)));
    await repo.close();
  });
});

over(PACKAGES, ({ trellis: { createGenesis, createOp, Identity, reconcile } }) => {
  test("an identity signs the same, and its ops are the same bytes", () => {
    const identity = Identity.fromSeed("22".repeat(32));
    assert.equal(identity.author, "a09aa5f47a6759802ff955f8dc2d2a14a5c99d23be97f864127ff9383455a4f0");
    const ops = [createGenesis("notes", { identity, now: 1_700_000_000_000 })];
    const body = JSON.parse('{"__proto__":1,"then":[1.5,"é"]}');
    ops.push(createOp({ collection: "a", key: "__proto__", body }, { identity, after: ops, now: 1_700_000_000_001 }));
    assert.deepEqual(Object.keys(/** @type {any} */ (ops[1]?.body)), ["__proto__", "then"]);
    assert.equal(reconcile(ops, JSON.parse(JSON.stringify(ops))).relation, "equal");
  });
});
