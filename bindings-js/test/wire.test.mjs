// A host that is served to repos elsewhere, over any channel: here two tabs' worth of them over one BroadcastChannel.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const LIMIT = { timeout: 30_000 };
const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
let folder = "";
/** What is not exported by the package. @type {any} */
let inner;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "trellis-wire-"));
  const contents = `export { hostOf } from "./ts/open.ts";
export { RemoteHost, WIRE_VERSION } from "./ts/remote.ts";
export { Repo } from "./ts/repo.ts";
export { serve } from "./ts/serve.ts";
export { give } from "./ts/sources/given.ts";`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: PACKAGE, loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    alias: { "#source": join(PACKAGE, "ts/sources/given.ts") },
    define: { HAS_ADDON: "false", HAS_DATABASE: "false", HAS_WORKERS: "true" },
  });
  const file = join(folder, "inner.mjs");
  writeFileSync(file, outputFiles[0]?.text ?? "");
  inner = await import(pathToFileURL(file).href);
  inner.give(readFileSync(join(PACKAGE, "wasm/trellis_bg.wasm")));
});
after(() => {
  for (const all of open) all.close();
  return rm(folder, { recursive: true });
});

/** The ends that nobody has closed. @type {Set<BroadcastChannel>} */
const open = new Set();

/** Waits until both sides have closed all channels. */
async function allClosed() {
  for (const until = Date.now() + 10_000; open.size > 0; ) {
    assert.ok(Date.now() < until, "a channel is still open");
    await new Promise((done) => setImmediate(done));
  }
}

/** One end of a channel to another by name. @param {string} own @param {string} other */
function channel(own, other) {
  const all = new BroadcastChannel("tabs");
  open.add(all);
  return {
    post: (/** @type {unknown} */ message) => all.postMessage({ from: own, to: other, message }),
    listen: (/** @type {(message: unknown) => void} */ heard) => {
      all.onmessage = (event) => {
        const { from, to, message } = /** @type {{ data: any }} */ (event).data;
        if (from === other && to === own) heard(message);
      };
    },
    close: () => {
      all.close();
      open.delete(all);
    },
  };
}

/** A tab that asks the leader. @param {string} name */
async function tab(name, version = inner.WIRE_VERSION) {
  inner.serve(channel("leader", name), async (/** @type {any} */ opening) => inner.hostOf(opening.name, {}));
  const host = new inner.RemoteHost(channel(name, "leader"), { ended: () => {} });
  await host.open({ version, name: "notes" });
  return new inner.Repo({ host, name: "notes", close: () => host.close() }, "main");
}

test("tabs share one host", LIMIT, async () => {
  const [one, two] = [await tab("one"), await tab("two")];
  const told = two.subscribe("todo");
  await one.set("todo/1/title", "Buy milk");
  for await (const entries of told) if (entries.length === 1) break;
  assert.equal(await two.get("todo/1/title"), "Buy milk");
  await Promise.all(["a", "b", "c"].flatMap((key) => [one.set(`todo/${key}/n`, 1), two.set(`todo/${key}/m`, 2)]));
  assert.deepEqual(await one.entries("todo"), await two.entries("todo"));
  assert.deepEqual((await one.status()).forks, []);
  await one.close();
  await assert.rejects(one.get("todo/1"), { code: "aborted" });
  assert.equal((await two.entries("todo")).length, 4);
  await two.close();
  await allClosed();
});

test("sides of two versions do not begin", LIMIT, async () => {
  await assert.rejects(tab("old", 0), { code: "version_mismatch" });
  await allClosed();
});
