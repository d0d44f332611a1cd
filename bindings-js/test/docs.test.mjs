// The reference pages: every public item is described, and every example runs and prints what it says.
//
// An example that imports no `open` has a `repo` that was just opened. What is printed stands behind `console.log`, or in
// lines of its own below it.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { transform } from "esbuild";
import { Projects } from "./project.mjs";

const LIMIT = { timeout: 120_000 };
const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const TSC = join(PACKAGE, "node_modules/typescript-7/bin/tsc");
const OPEN = 'import { open } from "trellis-sync";\nconst repo = await open("notes");\n';
/** What has an example at least. */
const MAIN =
  `open get entry entries query set put patch append delete batch undo conflicts resolve at log branch merge status
changes subscribe sync connect export import verify durable Link TrellisError Identity reconcile createOp SyncEngine MemoryTransport
BroadcastTransport HttpSyncTransport WebSocketSyncTransport MultiRepoManager formatCrossRepoRef
parseCrossRepoRef`.split(/\s+/);

const place = new Projects();
let folder = "";

before(async () => {
  await place.begin();
  folder = place.project("examples", {}, { archive: "whole" });
});
after(() => place.end());

/** An example: where it stands, what is described there, its program, and what that prints. */
class Example {
  /** @param {string} name @param {string} of @param {string} code */
  constructor(name, of, code) {
    this.name = name;
    this.of = of;
    this.code = /import \{[^}]*\bopen\b/.test(code) ? code : OPEN + code;
  }

  get file() {
    return `${this.name.replace(/\W/g, "-")}.ts`;
  }

  /** The lines that it says it prints. */
  get said() {
    /** @type {string[]} */
    const lines = [];
    let isPrinted = false;
    for (const line of this.code.split("\n")) {
      const [, before = "", comment] = line.match(/^(.*?)(?:\/\/ (.*))?$/) ?? [];
      isPrinted = before.trim() === "" ? isPrinted : before.includes("console.log(");
      if (isPrinted && comment !== undefined) lines.push(comment);
    }
    return lines;
  }
}

/** Every example in a file. @param {string} file */
function examplesOf(file) {
  const text = readFileSync(join(PACKAGE, "ts", file), "utf8");
  return [...text.matchAll(/^ *\/\*\*$([\s\S]*?)^ *\*\/\n(.*)/gm)].flatMap(
    ({ 1: comment = "", 2: next = "", index }) => {
      const lines = comment.replace(/^ *\* ?/gm, "");
      const of = /\w+/.exec(next.replace(/^ *(?:(?:export|async|class|function) |\*)*/, ""))?.[0] ?? "";
      const at = text.slice(0, index).split("\n").length;
      return [...lines.matchAll(/@example\n```ts\n([\s\S]*?)```/g)].map(
        ({ 1: code = "" }, nth) => new Example(`${file}:${at}:${nth}`, of, code),
      );
    },
  );
}

const examples = readdirSync(join(PACKAGE, "ts"))
  .filter((name) => name.endsWith(".ts"))
  .flatMap(examplesOf);

test("every public item is described, and every link leads somewhere", LIMIT, () => {
  execFileSync(process.execPath, [join(PACKAGE, "node_modules/typedoc/bin/typedoc")], { cwd: PACKAGE, stdio: "pipe" });
});

test("every main item has an example", () => {
  const described = new Set(examples.map(({ of }) => of));
  assert.deepEqual(
    MAIN.filter((name) => !described.has(name)),
    [],
  );
});

test("every example is well typed", LIMIT, () => {
  for (const { file, code } of examples) writeFileSync(join(folder, file), `${code}\nexport {};\n`);
  const flags = ["--strict", "--noEmit", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess"];
  const modules = [
    "--module",
    "nodenext",
    "--target",
    "es2023",
    "--lib",
    "es2023,esnext.disposable,dom",
    "--types",
    "",
  ];
  const args = [TSC, ...flags, ...modules, ...examples.map(({ file }) => file)];
  const { stdout } = spawned(args);
  assert.equal(stdout, "");
});

/** @param {string[]} args */
function spawned(args) {
  try {
    return { stdout: execFileSync(process.execPath, args, { cwd: folder, stdio: "pipe" }).toString() };
  } catch (error) {
    return { stdout: String(/** @type {{ stdout: Buffer }} */ (error).stdout) };
  }
}

test("every example runs, and prints what it says", LIMIT, async (t) => {
  const run = promisify(execFile);
  const flags = ["--experimental-websocket", "--no-warnings"];
  const work = examples.map((example) => async () => {
    const there = example.code
      .replaceAll(/wss:\/\/relay\.example|ws:\/\/127\.0\.0\.1:4200/g, place.serverUrl)
      .replaceAll("http://127.0.0.1:4200", place.serverUrl.replace("ws:", "http:"));
    // Links that an example leaves open would go on.
    const { code } = await transform(`${there}\nprocess.exit();`, { loader: "ts", format: "esm", target: "es2022" });
    const own = join(folder, example.file.replace(/\.ts$/, ""));
    mkdirSync(own);
    writeFileSync(join(own, "main.mjs"), code);
    await t.test(`${example.of} (${example.name})`, async () => {
      const { stdout } = await run(process.execPath, [...flags, "main.mjs"], { cwd: own, timeout: LIMIT.timeout });
      assert.deepEqual(stdout.split("\n").slice(0, -1), example.said);
    });
  });
  const next = async () => {
    for (let one = work.shift(); one; one = work.shift()) await one();
  };
  await Promise.all([next(), next()]);
});
