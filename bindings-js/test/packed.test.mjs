// The package as it is published, in every kind of project: each runs the README's quickstart against a server.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build as esbuild } from "esbuild";
import { examples, Projects } from "./project.mjs";

const LIMIT = { timeout: 120_000 };
const place = new Projects();
const [quickstart = "", conflict = "", engine = ""] = examples();
const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const TSC = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));
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

test("Node takes it as a module", LIMIT, () => {
  const folder = place.project("esm", { "main.mjs": program(CONSOLE), "conflict.mjs": conflict, "engine.mjs": engine });
  assert.equal(place.node(folder, ["main.mjs"]), "synced 1\n");
  for (const example of ["conflict.mjs", "engine.mjs"]) {
    const text = readFileSync(join(folder, example), "utf8");
    assert.equal(
      place.node(folder, ["--input-type=module", "-e", `${text}; console.log("ran"); process.exit()`]),
      "ran\n",
    );
  }
});

test("Node requires it", LIMIT, () => {
  const [imports = "", ...rest] = program(CONSOLE).split("\n");
  const required = imports.replace("import { open } from", "const { open } = require(").replace(/;$/, ");");
  const folder = place.project("cjs", { "main.cjs": `${required}\n(async () => {\n${rest.join("\n")}\n})();` });
  assert.equal(place.node(folder, ["main.cjs"]), "synced 1\n");
});

test("what is kept in memory says so once in Node", LIMIT, () => {
  const folder = place.project("warned", {
    "main.mjs": `import { open } from "trellis-sync";
process.on("warning", ({ code }) => console.log(code));
for (const name of ["a", "b"]) await (await open(name)).close();
await (await open("c", { storage: "memory" })).close();`,
  });
  assert.equal(place.node(folder, ["main.mjs"]), "TRELLIS_MEMORY\n");
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

test("a page takes it without a bundler", LIMIT, async () => {
  const script = program(TITLE).replace('"trellis-sync"', '"./node_modules/trellis-sync/dist/inline.js"');
  const folder = place.project("plain", { "main.js": script, "index.html": page("./main.js") });
  assert.equal(await place.title(await place.site(folder)), "synced 1");
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
const scenario = await (await fetch("./offline.json")).json();
const isSame = JSON.stringify(await logOf(trellis, scenario)) === JSON.stringify(scenario.log);
let cases = 0;
for (const file of FILES) cases += run(trellis, file, await (await fetch(\`./\${file}.json\`)).json());
document.title = \`\${isSame ? "the log and" : "another log and"} \${cases} cases\`;`;
  const folder = place.project("vectors", { "main.js": script, "index.html": page("./main.js") });
  place.bring(folder, ["vectors.mjs", "scenario.mjs", "../../tests/scenarios/offline.json"]);
  const { FILES } = await import("./vectors.mjs");
  place.bring(
    folder,
    FILES.map((file) => `../../tests/vectors/${file}.json`),
  );
  assert.match(await place.title(await place.site(folder)), /^the log and [3-9]\d\d cases$/);
});

/**
 * What the package may come to, in bytes: the module and the glue as they are sent, and all of it on a disk. The goal is
 * 250,000 for the module.
 */
const SIZES_MAX = { wasm: 555_000, glue: 15_000, unpacked: 3_000_000 };

/** Bytes as they are sent. @param {Uint8Array} bytes */
const sent = (bytes) => gzipSync(bytes, { level: 9 }).length;

test("it is small", async () => {
  const contents = 'import { init, open } from "trellis-sync/slim"; globalThis.trellis = { init, open };';
  const stdin = { contents, resolveDir: DIST };
  const { outputFiles } = await esbuild({ stdin, bundle: true, minify: true, format: "esm", write: false });
  const sizes = {
    wasm: sent(readFileSync(join(DIST, "trellis.wasm"))),
    glue: sent(/** @type {Uint8Array} */ (outputFiles[0]?.contents)),
    unpacked: unpackedSize,
  };
  console.log(`sizes in bytes: ${JSON.stringify(sizes)}`);
  for (const [what, bytes] of Object.entries(SIZES_MAX))
    assert.ok(sizes[/** @type {keyof typeof sizes} */ (what)] <= bytes, `${what} has more than ${bytes} bytes`);
});
