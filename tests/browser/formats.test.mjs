// The page's own formats beside the vectors that every implementation has.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { blake3 } from "../../examples/json-page/blake3.mjs";
import { base64, decode, encode, hex, unbase64, unhex } from "../../examples/json-page/cbor.mjs";
import { authFrame, helloFrame, welcomeFrame } from "../../examples/json-page/link.mjs";
import { Key, Replica, readOp } from "../../examples/json-page/replica.mjs";

/** @param {string} path @returns {any} */
const json = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));

test("hashes are those of BLAKE3", () => {
  const hashes = Object.entries(json("blake3.json").hashes);
  assert.ok(hashes.length > 30);
  for (const [length, hash] of hashes) {
    const input = Uint8Array.from({ length: Number(length) }, (_, at) => at % 251);
    assert.equal(hex(blake3(input)), hash, length);
  }
});

test("headers are read, named and written as the vectors say", () => {
  for (const { name, bytes, id, fields } of json("../vectors/header.json").cases) {
    const op = readOp(unhex(bytes));
    assert.equal(op.id, id, name);
    assert.equal(hex(encode(decode(unhex(bytes)))), bytes, name);
    assert.deepEqual([op.author, op.branch, op.seq], [fields.author, fields.branch, fields.seq], name);
    assert.deepEqual([op.parents, op.base, String(op.hlc)], [fields.parents, fields.base, fields.hlc], name);
    assert.deepEqual([op.collection, op.key, Number(op.kind)], [fields.collection, fields.key, fields.kind], name);
    assert.deepEqual([op.prev, op.repo], [fields.prev, fields.repo ?? id], name);
  }
});

test("what is not in its one encoding is refused", () => {
  const kinds = ["not_canonical", "not_utf8", "truncated", "trailing"];
  const bad = json("../vectors/cbor_bad.json").cases.filter((/** @type {any} */ { refused }) =>
    kinds.includes(refused),
  );
  assert.ok(bad.length > 40);
  for (const { name, bytes } of bad) assert.throws(() => decode(unhex(bytes)), Error, name);
});

test("messages that prove keys have the frames of the vectors", () => {
  let count = 0;
  for (const { name, frame, json: message, signed } of json("../vectors/message.json").cases) {
    if (message?.type === "hello" && frame) assert.equal(hex(helloFrame(message)), frame, name);
    else if (message?.type === "welcome" && signed) assert.equal(hex(welcomeFrame(message)), signed, name);
    else if (message?.type === "auth" && signed && !message.invitation)
      assert.equal(hex(authFrame(message)), signed, name);
    else continue;
    count += 1;
  }
  assert.ok(count >= 5, `${count}`);
});

test("base64url has no padding", () => {
  for (const [bytes, text] of [
    [[], ""],
    [[255], "_w"],
    [[251, 240], "-_A"],
    [[0, 0, 0], "AAAA"],
  ]) {
    assert.equal(base64(/** @type {number[]} */ (bytes)), text);
    assert.deepEqual([...unbase64(/** @type {string} */ (text))], bytes);
  }
});

/** A replica with a repo: the first header of the vectors that has no repo, as its genesis. */
async function begun() {
  const genesis = json("../vectors/header.json").cases.find((/** @type {any} */ { fields }) => !fields.repo);
  const replica = new Replica(await Key.generate());
  assert.ok(replica.add(readOp(unhex(genesis.bytes))));
  return replica;
}

test("what is written is read again, and nothing of it by halves", async () => {
  const replica = await begun();
  await Promise.all(["a", "b", "c"].map((text) => replica.write("notes", "__proto__", "a/b~c", text)));
  await replica.write("notes", "__proto__", "__proto__", "d");
  const [{ key, value, frontier }] = replica.records();
  assert.deepEqual(
    [key, Object.entries(value), frontier.length],
    [
      "__proto__",
      [
        ["a/b~c", "c"],
        ["__proto__", "d"],
      ],
      1,
    ],
  );
  assert.deepEqual(
    replica.own.map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
  assert.deepEqual([replica.ends.size, replica.heads.get("main")?.size], [2, 1]);
  await assert.rejects(replica.write("notes", "1", "title", "\ud800"), /no text/);
  const other = new Replica(await Key.generate());
  await assert.rejects(other.write("notes", "1", "title", "x"), /connect first/);
});

test("only what a signature vouches for is taken in", async () => {
  const [ann, bob] = [await begun(), await begun()];
  await ann.write("notes", "1", "title", "first");
  await ann.write("notes", "1", "title", "second");
  const [first, second] = ann.own;
  assert.deepEqual(await bob.take([{ ...first, signature: second.signature }]), []);
  assert.deepEqual(await bob.take([second]), [], "it stands on what is not here");
  assert.equal((await bob.take([{ ...first, signature: undefined }, second])).length, 2);
  assert.equal(bob.state(), ann.state());
  assert.throws(() => readOp(first.bytes, second.body), /not the one of its op/);
});
