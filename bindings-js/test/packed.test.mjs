// The package as it is published, in every kind of project: each runs the README's quickstart against a server.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build as esbuild } from "esbuild";
import { examples, Projects } from "./project.mjs";

const LIMIT = { timeout: 120_000 };
const place = new Projects();
const [quickstart = "", conflict = "", engine = "", repos = ""] = examples();
const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const TSC = fileURLToPath(new URL("../node_modules/typescript-7/bin/tsc", import.meta.url));
let unpackedSize = 0;

before(async () => {
  ({ unpackedSize } = await place.begin());
});
after(() => place.end());

/** The quickstart against the server, and what it says when it is done. @param {string} then */
const program = (then) => `${quickstart.replace("wss://relay.example", place.serverUrl)}${then}`;
const CONSOLE = "await link.close(); await repo.close(); console.log('synced', receipt.ops.length);";
const TITLE = "document.title = 'synced ' + receipt.ops.length;";
const page = (/** @type {string} */ script) =>
  `<!doctype html><title></title><link rel="icon" href="data:,"><script type="module" src="${script}"></script>`;

const WHOLE = /** @type {const} */ ({ archive: "whole" });
const ADDON = `node_modules/trellis-sync/dist/native/trellis.${process.platform}-${process.arch}-gnu.node`;
/** Without this, a program that reaches for WebAssembly fails. */
const WITHOUT_WASM = "Reflect.deleteProperty(globalThis, 'WebAssembly');";

test("Node takes it as a module, with the addon", LIMIT, () => {
  const files = { "main.mjs": program(CONSOLE), "conflict.mjs": conflict, "engine.mjs": engine, "repos.mjs": repos };
  const folder = place.project("esm", files, WHOLE);
  assert.equal(place.node(folder, ["main.mjs"]), "synced 1\n");
  assert.match(place.trellis("-C esm/notes get todo/1/title"), /Buy milk/);
  for (const example of ["conflict.mjs", "engine.mjs", "repos.mjs"]) {
    const text = `${WITHOUT_WASM} ${readFileSync(join(folder, example), "utf8").replace(/^import (.*) from (.*);$/m, "const $1 = await import($2);")}`;
    assert.equal(
      place.node(folder, ["--input-type=module", "-e", `${text}; console.log("ran"); process.exit()`]),
      "ran\n",
    );
  }
});

test("Node requires it, with the addon", LIMIT, () => {
  const [imports = "", ...rest] = program(CONSOLE).split("\n");
  const required = imports.replace("import { open } from", "const { open } = require(").replace(/;$/, ");");
  const main = `${WITHOUT_WASM}\n${required}\n(async () => {\n${rest.join("\n")}\n})();`;
  const folder = place.project("cjs", { "main.cjs": main }, WHOLE);
  assert.equal(place.node(folder, ["main.cjs"]), "synced 1\n");
  assert.match(place.trellis("-C cjs/notes get todo/1/title"), /Buy milk/);
});

test("Node without a WebSocket and an addon says what to do, and syncs by requests", LIMIT, () => {
  const told = `${program("").replace("const link", "try {\nconst link")}
} catch ({ code, message }) {
  console.log(code, message);
}
process.exit();`;
  const folder = place.project("no-websocket", {
    "main.mjs": told,
    "requests.mjs": `${program(CONSOLE).replace("ws://", "http://")}`,
  });
  assert.equal(
    place.node(folder, ["--no-experimental-websocket", "main.mjs"]),
    "unsupported There is no WebSocket here. Use Node 22, or node --experimental-websocket, or the peer's http:// or https:// URL.\n",
  );
  assert.equal(place.node(folder, ["--no-experimental-websocket", "requests.mjs"]), "synced 1\n");
});

test("modules of both kinds and workers share the addon", LIMIT, () => {
  const work = `const { parentPort } = require("node:worker_threads");
const { open } = require("trellis-sync");
open("shared").then(async (repo) => {
  await repo.set("by/worker", true);
  await repo.close();
  parentPort.postMessage("written");
});`;
  const main = `import { createRequire } from "node:module";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { open } from "trellis-sync";
const required = createRequire(import.meta.url)("trellis-sync");
const [one, two] = [await open("shared"), await required.open("shared")];
await one.set("by/module", true);
const worker = new Worker("./work.cjs");
const written = once(worker, "message");
await Promise.all([written, once(worker, "exit")]);
console.log((await two.entries("by")).map(({ key }) => key).join(" "));
await Promise.all([one.close(), two.close()]);`;
  const folder = place.project("both", { "main.mjs": main, "work.cjs": work }, WHOLE);
  assert.equal(place.node(folder, ["main.mjs"]), "module worker\n");
});

test("a package without an addon for the platform keeps repos in memory, and says so once", LIMIT, () => {
  const main = `import { open } from "trellis-sync";
process.on("warning", ({ code }) => console.log(code));
const repo = await open("a");
await repo.set("todo/1/title", "Buy milk");
console.log(repo.isPersistent, await repo.get("todo/1/title"));
for (const again of [repo, await open("b"), await open("c", { storage: "memory" })]) await again.close();`;
  const folder = place.project("lean-project", { "main.mjs": main });
  assert.equal(place.node(folder, ["main.mjs"]), "false Buy milk\nTRELLIS_MEMORY\n");
});

test("an addon that is broken is an error, and no reason to take anything else", LIMIT, () => {
  const main = `import { Identity, open } from "trellis-sync";
const told = ({ name, code, retryable, path, cause }) => console.log(name, code, retryable, path.endsWith(".node"), cause instanceof Error);
await open("notes").catch(told);
try { Identity.generate(); } catch (error) { told(error); }`;
  const folder = place.project("broken", { "main.mjs": main }, WHOLE);
  writeFileSync(join(folder, ADDON), "no addon");
  const line = "TrellisError unsupported false true true\n";
  assert.equal(place.node(folder, ["main.mjs"]), line + line);
});

test("TypeScript takes its types, as strict as may be", LIMIT, () => {
  const typed = `
import { type Op, open, type Receipt, SyncEngine, TrellisError } from "trellis-sync";
type Notes = { todo: { title: string; done?: boolean } };
export async function work(): Promise<Receipt> {
  const repo = await open<Notes>("notes");
  await repo.put("todo", "1", { title: "Buy milk" });
  // @ts-expect-error a title is a text
  await repo.put("todo", "1", { title: 1 });
  // @ts-expect-error there is no such collection
  await repo.entries("tofu");
  const [first] = await repo.entries("todo");
  const title: string | undefined = first?.value?.title;
  for await (const entries of repo.subscribe("todo")) return repo.set("todo/1/title", entries[0]?.value?.title ?? title);
  throw new TrellisError("not_found", "None.");
}
export const elsewhere = (worker: Worker): Promise<unknown> => open("notes", { worker });
export const ids = (ops: Op[]): string[] => ops.map(({ hash }) => hash);
export const close = (engine: SyncEngine): Promise<void> => engine.close();
`;
  for (const [module, file] of [
    ["nodenext", "main.mts"],
    ["nodenext", "main.cts"],
    ["esnext", "main.ts"],
  ]) {
    const folder = place.project(`types-${module}-${file}`, { [`${file}`]: typed });
    const flags = ["--strict", "--noEmit", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"];
    const resolution = module === "nodenext" ? [] : ["--moduleResolution", "bundler"];
    const lib = ["--lib", "es2023,esnext.disposable,dom", "--types", "", "--target", "es2022"];
    const args = [TSC, ...flags, "--module", `${module}`, ...resolution, ...lib, `${file}`];
    execFileSync(process.execPath, args, { cwd: folder, stdio: "pipe" });
  }
});

/** What the quickstart says in a page without a bundler, where something ran before it. @param {string} name @param {string} before */
async function plain(name, before = "") {
  const script = program(TITLE).replace('"trellis-sync"', '"./node_modules/trellis-sync/dist/inline.js"');
  const index = `${page("./main.js")}<script>${before}</script>`;
  return place.title(await place.site(place.project(name, { "main.js": script, "index.html": index })));
}

test("a page takes it without a bundler", LIMIT, async () => {
  assert.equal(await plain("plain"), "synced 1");
});

test("the core is compiled beside the page where the browser can, and in it elsewhere", LIMIT, async () => {
  const refuse = "construct() { throw new Error('compiled in the page'); }";
  const beside = `WebAssembly.Module = new Proxy(WebAssembly.Module, { ${refuse} });`;
  const elsewhere = "Reflect.deleteProperty(globalThis, 'DecompressionStream');";
  assert.equal(await plain("beside", beside), "synced 1");
  assert.equal(await plain("elsewhere", elsewhere), "synced 1");
});

test("a page takes the slim entry, with the module of its choice", LIMIT, async () => {
  const script = program(TITLE)
    .replace('{ open } from "trellis-sync"', '{ init, open } from "./node_modules/trellis-sync/dist/slim.js"')
    .replace("const repo", 'await init(fetch("./node_modules/trellis-sync/dist/trellis.wasm"));\nconst repo');
  const folder = place.project("slim", { "main.js": script, "index.html": page("./main.js") });
  assert.equal(await place.title(await place.site(folder)), "synced 1");
});

test("esbuild bundles it", LIMIT, async () => {
  const folder = place.project("esbuild", { "main.js": program(TITLE), "index.html": page("./out.js") });
  await esbuild({ absWorkingDir: folder, entryPoints: ["main.js"], outfile: "out.js", bundle: true, format: "esm" });
  assert.equal(await place.title(await place.site(folder)), "synced 1");
});

test("Cloudflare's runtime takes its own entry", LIMIT, async () => {
  const main = `${program("").replace("const repo", "export default { async fetch() {\nconst repo")}
await link.close();
await repo.close();
return new Response("synced " + receipt.ops.length);
} };`;
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "out", network = (allow = ["private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [
    (name = "out.js", esModule = embed "out.js"),
    (name = "trellis.wasm", wasm = embed "node_modules/trellis-sync/dist/trellis.wasm"),
  ],
  compatibilityDate = "2026-01-01",
  globalOutbound = "out",
);`;
  const folder = place.project("workerd", { "main.js": main, "config.capnp": config });
  const bundle = { bundle: true, format: /** @type {const} */ ("esm"), external: ["*.wasm"], conditions: ["workerd"] };
  await esbuild({ absWorkingDir: folder, entryPoints: ["main.js"], outfile: "out.js", ...bundle });
  const stdio = /** @type {const} */ (["ignore", "ignore", "inherit", "pipe"]);
  const { default: workerd } = createRequire(import.meta.url)("workerd");
  const child = spawn(workerd, ["serve", "config.capnp", "--control-fd=3"], { cwd: folder, stdio: [...stdio] });
  place.ends.unshift(() => child.kill("SIGKILL"));
  const { port } = JSON.parse(
    String(await once(/** @type {import("node:stream").Readable} */ (child.stdio[3]), "data")),
  );
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "synced 1");
});

test("webpack bundles it", LIMIT, async () => {
  const { default: webpack } = await import("webpack");
  const folder = place.project("webpack", { "main.js": program(TITLE), "index.html": page("./out.js") });
  const stats = await new Promise((resolve, reject) => {
    const output = { path: folder, filename: "out.js" };
    const settings = /** @type {const} */ ({ mode: "production", context: folder, entry: "./main.js", output });
    webpack(settings, (error, stats) => (error ? reject(error) : resolve(stats)));
  });
  assert.equal(stats.hasErrors(), false, stats.toString());
  assert.equal(await place.title(await place.site(folder)), "synced 1");
});

test("Vite builds it, and serves it while one develops", LIMIT, async () => {
  const vite = await import("vite");
  const folder = place.project("vite", { "main.js": program(TITLE), "index.html": page("/main.js") });
  const settings = { root: folder, configFile: /** @type {const} */ (false), logLevel: /** @type {const} */ ("error") };
  await vite.build({ ...settings, build: { target: "es2022" } });
  assert.equal(await place.title(await place.site(join(folder, "dist"))), "synced 1");
  const server = await vite.createServer({ ...settings, server: { host: "127.0.0.1", port: 0 } });
  place.ends.unshift(() => server.close());
  await server.listen();
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.httpServer?.address() ?? {});
  assert.equal(await place.title(`http://127.0.0.1:${port}/`), "synced 1");
});

test("the vectors and the scenario hold in a browser", LIMIT, async () => {
  const script = `
import * as trellis from "./node_modules/trellis-sync/dist/inline.js";
import { logOf } from "./scenario.mjs";
import { FILES, run } from "./vectors.mjs";
const isSaid = async (name) => {
  const scenario = await (await fetch(name)).json();
  return JSON.stringify(await logOf(trellis, scenario)) === JSON.stringify(scenario.log);
};
const isSame = (await isSaid("./offline.json")) && (await isSaid("./session.json"));
let cases = 0;
for (const file of FILES) cases += run(trellis, file, await (await fetch(\`./\${file}.json\`)).json());
document.title = \`\${isSame ? "the log and" : "another log and"} \${cases} cases\`;`;
  const folder = place.project("vectors", { "main.js": script, "index.html": page("./main.js") });
  place.bring(folder, [
    "vectors.mjs",
    "scenario.mjs",
    "../../tests/scenarios/offline.json",
    "../../tests/scenarios/session.json",
  ]);
  const { FILES } = await import("./vectors.mjs");
  place.bring(
    folder,
    FILES.map((file) => `../../tests/vectors/${file}.json`),
  );
  assert.match(await place.title(await place.site(folder)), /^the log and [3-9]\d\d cases$/);
});

/**
 * What the package may come to, in bytes: as they are sent the module, the glue that every runtime needs to open a repo, and
 * what a page has beside it, which is IndexedDB, tabs and workers; and all of it on a disk. The goal is 250,000 for the module.
 */
const SIZES_MAX = { wasm: 422_000, glue: 15_000, browser: 6_600, unpacked: 3_000_000 };

/** Bytes as they are sent. @param {Uint8Array} bytes */
const sent = (bytes) => gzipSync(bytes, { level: 9 }).length;

/** A program that does nothing but open repos, bundled, as it is sent. @param {string} entry @param {string} names */
async function bundled(entry, names) {
  const stdin = {
    contents: `import { ${names} } from "./${entry}"; globalThis.trellis = { ${names} };`,
    resolveDir: DIST,
  };
  const bundle = { bundle: true, minify: true, format: /** @type {const} */ ("esm"), external: ["*.wasm"] };
  const { outputFiles } = await esbuild({ stdin, ...bundle, write: false });
  return sent(/** @type {Uint8Array} */ (outputFiles[0]?.contents));
}

test("it names no folder of the machine on which it was made", () => {
  const module = readFileSync(join(DIST, "trellis.wasm"), "latin1");
  assert.match(module, /\.rs/, "where something failed is told");
  for (const folder of [homedir(), "registry/src", "rustup/"]) assert.ok(!module.includes(folder), folder);
});

test("it is small", async () => {
  const glue = await bundled("workerd.js", "open");
  const sizes = {
    wasm: sent(readFileSync(join(DIST, "trellis.wasm"))),
    glue,
    browser: (await bundled("slim.js", "init, open")) - glue,
    unpacked: unpackedSize,
  };
  console.log(`sizes in bytes: ${JSON.stringify(sizes)}`);
  for (const [what, bytes] of Object.entries(SIZES_MAX))
    assert.ok(sizes[/** @type {keyof typeof sizes} */ (what)] <= bytes, `${what} has more than ${bytes} bytes`);
});
