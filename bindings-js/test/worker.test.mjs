// Repos in workers: the package as it is published, in pages that are bundled or not, and in Node.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { build as esbuild } from "esbuild";
import { open } from "trellis-sync";
import { examples, Projects } from "./project.mjs";

const LIMIT = { timeout: 120_000 };
const place = new Projects();
const [quickstart = ""] = examples();

before(async () => {
  await place.begin();
});
after(() => place.end());

const page = (/** @type {string} */ script) =>
  `<!doctype html><title></title><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`;
const WORKER = 'new Worker(new URL("trellis-sync/worker", import.meta.url), { type: "module" })';
const FILE = 'new Worker("./node_modules/trellis-sync/dist/worker.js", { type: "module" })';

/** The quickstart in a worker, against the server. @param {string} worker */
const program = (worker) => `${quickstart
  .replace("wss://relay.example", place.serverUrl)
  .replace("const repo", `const worker = ${worker};\nconst repo`)
  .replace('open("notes")', 'open("notes", { worker })')}
document.title = \`synced \${receipt.ops.length} in \${typeof worker.terminate}\`;`;
const DONE = "synced 1 in function";

/** A program for a page without a bundler. @param {string} program */
const plain = (program) => program.replaceAll('"trellis-sync"', '"./node_modules/trellis-sync/dist/inline.js"');

/** What a plain page with this program says. @param {string} name @param {string} program */
async function said(name, program) {
  const folder = place.project(name, { "main.js": plain(program), "index.html": page("./main.js") });
  return place.title(await place.site(folder));
}

test("a page without a bundler", LIMIT, async () => {
  assert.equal(await said("plain", program(FILE)), DONE);
});

test("Vite builds it, and serves it while one develops", LIMIT, async () => {
  const vite = await import("vite");
  const folder = place.project("vite", { "main.js": program(WORKER), "index.html": page("/main.js") });
  const settings = { root: folder, configFile: /** @type {const} */ (false), logLevel: /** @type {const} */ ("error") };
  await vite.build({ ...settings, build: { target: "es2022" } });
  assert.equal(await place.title(await place.site(join(folder, "dist"))), DONE);
  const server = await vite.createServer({ ...settings, server: { host: "127.0.0.1", port: 0 } });
  place.ends.unshift(() => server.close());
  await server.listen();
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.httpServer?.address() ?? {});
  assert.equal(await place.title(`http://127.0.0.1:${port}/`), DONE);
});

test("webpack bundles it", LIMIT, async () => {
  const { default: webpack } = await import("webpack");
  const folder = place.project("webpack", { "main.js": program(WORKER), "index.html": page("./out.js") });
  const stats = await new Promise((resolve, reject) => {
    const output = { path: folder, filename: "out.js" };
    const settings = /** @type {const} */ ({ mode: "production", context: folder, entry: "./main.js", output });
    webpack(settings, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
  assert.equal(stats.hasErrors(), false, stats.toString());
  assert.equal(await place.title(await place.site(folder)), DONE);
});

test("esbuild bundles it as an entry of its own", LIMIT, async () => {
  const folder = place.project("esbuild", {
    "main.js": program('new Worker("./out/worker.js", { type: "module" })'),
    "worker.js": 'import "trellis-sync/worker";',
    "index.html": page("./out/main.js"),
  });
  const entryPoints = ["main.js", "worker.js"];
  await esbuild({ absWorkingDir: folder, entryPoints, outdir: "out", bundle: true, minify: true, format: "esm" });
  assert.equal(await place.title(await place.site(folder)), DONE);
});

test("Node runs it in a thread", LIMIT, () => {
  const main = `
import { Worker } from "node:worker_threads";
import { open } from "trellis-sync";
const worker = new Worker(new URL(import.meta.resolve("trellis-sync/worker")));
const repo = await open("notes", { worker, storage: "memory" });
await repo.set("todo/1/title", "Buy milk");
console.log(await repo.get("todo/1/title"));
const waiting = repo.changes(999).next().catch(({ code }) => code);
await worker.terminate();
console.log(await waiting);`;
  const folder = place.project("threads", { "main.mjs": main });
  assert.equal(place.node(folder, ["main.mjs"]), "Buy milk\naborted\n");
});

test("everything goes through it", LIMIT, async () => {
  const told = await said(
    "everything",
    `
import { Identity, memoryPair, open, TrellisError } from "trellis-sync";
const worker = ${FILE};
const identity = Identity.generate();
const [ann, bob] = [await open("ann", { worker, identity, storage: "memory" }), await open("bob")];
const said = {};
const code = (work) => work().then(() => "none", (error) => [error instanceof TrellisError, error.code, error.retryable]);

const heard = [];
const entries = ann.subscribe("todo", (entries) => heard.push(entries.length));
const { ops } = await ann.set("todo/1/title", "Base");
await ann.set("files/1", new Uint8Array([0, 255]));
await ann.set("names/1", JSON.parse('{"__proto__":1,"then":2}'));
said.values = [await ann.get("todo/1/title"), [...await ann.get("files/1")], JSON.stringify(await ann.get("names/1"))];
for await (const { length } of entries) if (length === 1) break;
said.subscription = [heard.at(-1), entries.getSnapshot().length];
said.author = (await ann.status()).author === identity.author;
said.errors = [
  await code(() => ann.branch("none").log()),
  await code(() => ann.op("00".repeat(32))),
  await code(() => ann.batch((batch) => batch.edits.push({ type: "set", place: "a/1", value: () => 1 }))),
  await code(async () => ann.sync("ws://relay.example")),
  await code(() => ops[0] && ann.set("todo/1/title", "Late").then((receipt) => receipt.durable("relay", { timeout: 50 }))),
];
said.whole = [(await ann.op(ops[0])).hash === ops[0], (await bob.import(await ann.export())).admitted.length];
await bob.close();

const cat = await open("cat");
const [one, other] = memoryPair();
const states = [];
const link = ann.connect(one);
link.onStatus(({ state }) => states.at(-1) === state || states.push(state));
await cat.connect(other, { isInitiator: false }).inSync();
await link.inSync();
said.link = [[...states], link.status.isInSync, (await link.progress()).opsOut, await cat.get("todo/1/title")];
await link.close();
said.closed = link.status.state;

const away = ann.sync("ws://127.0.0.1:1");
said.away = [await code(() => away.inSync()), away.status.state, away.status.reason.code];
await ann.close();
said.ended = [await code(() => ann.get("todo/1")), away.status.state];
document.title = JSON.stringify(said);`,
  );
  assert.deepEqual(JSON.parse(told), {
    values: ["Base", [0, 255], '{"__proto__":1,"then":2}'],
    subscription: [1, 1],
    author: true,
    errors: [
      [true, "not_found", false],
      [true, "not_found", false],
      [true, "invalid_argument", false],
      [true, "permission_denied", false],
      [true, "timeout", true],
    ],
    whole: [true, 5],
    link: [["connected"], true, 5, "Late"],
    closed: "closed",
    away: [[true, "offline", true], "offline", "offline"],
    ended: [[true, "aborted", false], "closed"],
  });
});

test("a worker that dies fails what waits", LIMIT, async () => {
  const told = await said(
    "killed",
    `
import { open } from "trellis-sync";
const worker = ${FILE};
const repo = await open("notes", { worker });
const receipt = await repo.set("todo/1/title", "Lost");
const link = repo.sync("ws://127.0.0.1:1");
const code = (work) => work.then(() => "none", ({ code }) => code);
const waiting = [receipt.durable("relay"), repo.changes(999).next()].map(code);
worker.terminate();
const codes = [...(await Promise.all(waiting)), await code(repo.get("todo/1")), await code(link.inSync())];
document.title = JSON.stringify([...codes, link.status.state, await code(repo.close())]);`,
  );
  assert.deepEqual(JSON.parse(told), ["aborted", "aborted", "aborted", "aborted", "closed", "none"]);
});

test("a worker that cannot be loaded is an error", LIMIT, async () => {
  const told = await said(
    "absent",
    `
import { open } from "trellis-sync";
const worker = new Worker("./absent.js", { type: "module" });
document.title = await open("notes", { worker }).then(() => "opened", ({ code }) => code);`,
  );
  assert.equal(told, "aborted");
});

test("the page is not blocked while 10,000 ops are taken in", LIMIT, async () => {
  const source = await open("many", { storage: "memory" });
  for (let at = 0; at < 10; at++)
    await source.batch((batch) => {
      for (let of = 0; of < 1000; of++) batch.set(`todo/${1000 * at + of}/title`, `Title ${of}`);
    });
  const bundle = await source.export();
  await source.close();
  const script = `
import { open } from "trellis-sync";
const bundle = new Uint8Array(await (await fetch("./many.bin")).arrayBuffer());
/** The longest time without a turn of the page, in milliseconds, while something is worked at. */
async function blocked(work) {
  let [last, longest, isDone] = [performance.now(), 0, false];
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (!isDone) port2.postMessage(0);
  };
  port2.postMessage(0);
  const began = performance.now();
  const { admitted } = await work();
  const took = performance.now() - began;
  isDone = true;
  longest = Math.max(longest, performance.now() - last);
  return { ops: admitted.length, took: Math.round(took), longest: Math.round(longest) };
}
const worker = ${FILE};
const [there, here] = [await open("there", { worker }), await open("here")];
document.title = JSON.stringify({ worker: await blocked(() => there.import(bundle)), page: await blocked(() => here.import(bundle)) });`;
  const folder = place.project("many", { "main.js": plain(script), "index.html": page("./main.js") });
  writeFileSync(join(folder, "many.bin"), bundle);
  const told = JSON.parse(await place.title(await place.site(folder)));
  console.log(`import of ${told.worker.ops} ops, in ms: ${JSON.stringify(told)}`);
  assert.deepEqual([told.worker.ops, told.page.ops], [10_001, 10_001]);
});
