// How fast the package is in Node: what crosses into JavaScript against JSON.parse of the same, by the addon and by
// WebAssembly, and how long it takes to be there. Runs are paired (ours, theirs, ours, theirs), and what counts is the median
// of the ratios. Nothing here passes or fails: the goals stand beside the figures.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as addon from "trellis-sync";
import * as wasm from "trellis-sync/inline";
import { checked, ingested, story } from "./ingest.mjs";

/** @typedef {typeof import("trellis-sync")} Package */
/** @typedef {{ id: string, name: string, ours: number, other: number, unit: string, ratio: number, goal: number, met: boolean }} Line */

const OPS = 10_000;
const ROUNDS = 15;
const STARTS = 9;
const SHARED = 100_000;
const INGESTS = 5;
const READY_MS = 50;
const HERE = fileURLToPath(new URL(".", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "trellis-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** @param {number[]} numbers */
const median = (numbers) => /** @type {number} */ ([...numbers].sort((one, two) => one - two)[numbers.length >> 1]);

/** Milliseconds. @param {() => unknown} work */
async function time(work) {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/**
 * @param {string} id @param {string} name @param {() => Promise<number>} ours @param {() => Promise<number>} other
 * @param {number} goal @returns {Promise<Line>}
 */
async function pairs(id, name, ours, other, goal, rounds = ROUNDS) {
  const [own, theirs, ratios] = [
    /** @type {number[]} */ ([]),
    /** @type {number[]} */ ([]),
    /** @type {number[]} */ ([]),
  ];
  for (let round = -2; round < rounds; round++) {
    const [one, two] = [await ours(), await other()];
    if (round < 0) continue;
    own.push(one);
    theirs.push(two);
    ratios.push(one / two);
  }
  const ratio = median(ratios);
  return { id, name, ours: median(own), other: median(theirs), unit: "ms", ratio, goal, met: ratio <= goal };
}

/** @param {string} name @param {() => unknown} ours @param {() => unknown} other */
const pair = (name, ours, other) =>
  pairs(
    "P11",
    name,
    () => time(ours),
    () => time(other),
    1.3,
  );

const body = (/** @type {number} */ at) => ({
  title: `Note ${at}`,
  done: at % 2 === 0,
  tags: ["home", "today"],
  rank: at / 7,
});

/** Ops as a peer's would come. */
function someOps() {
  const identity = addon.Identity.generate();
  const ops = [addon.createGenesis("bench", { identity })];
  for (let at = 0; at < OPS; at++)
    ops.push(addon.createOp({ collection: "notes", key: `${at}`, body: body(at) }, { identity, after: ops }));
  return ops;
}

let sum = 0;
/** Reads the key and the value of each. @param {readonly { key: string, value?: any, body?: any }[]} all */
function look(all) {
  for (const one of all) sum += one.key.length + ((one.body ?? one.value)?.title?.length ?? 0);
}

/** @param {string} name @param {Package} trellis @param {any[]} stored @param {readonly any[]} ops @returns {Promise<Line[]>} */
async function crossing(name, trellis, stored, ops) {
  const text = JSON.stringify(ops);
  const lines = [
    await pair(
      `${OPS} ops as objects, ${name}`,
      () => look(trellis.raw.opsShown(stored)),
      () => look(JSON.parse(text)),
    ),
  ];
  const options = name === "addon" ? {} : /** @type {const} */ ({ storage: "memory" });
  const repo = await trellis.open(join(folder, `notes-${name}`), options);
  for (let at = 0; at < OPS; at += 1000)
    await repo.batch((batch) => {
      for (let more = at; more < at + 1000; more++) batch.put("notes", `${more}`, body(more));
    });
  const entries = JSON.stringify(await repo.entries("notes"));
  lines.push(
    await pair(
      `${OPS} entries of a repo, ${name}`,
      async () => look(await repo.entries("notes")),
      () => look(JSON.parse(entries)),
    ),
  );
  await repo.close();
  return lines;
}

/** P10: WebAssembly against native code, at least half as fast but for the signatures, which are checked apart. */
async function ingesting() {
  const told = await story(SHARED, OPS);
  const [ours, other] = [() => ingested(wasm, told), () => ingested(addon, told)];
  const whole = await pairs("P10", `${OPS} ops of a peer: WebAssembly, addon`, ours, other, 2, INGESTS);
  const [own, theirs] = [whole.ours - told.signatures * checked(wasm), whole.other - told.signatures * checked(addon)];
  return [{ ...line("without the checks of signatures", own, theirs, 2), id: "P10" }, whole];
}

/** Milliseconds that a new process takes for something. @param {string} text */
function started(text) {
  const run = `const begun = performance.now(); ${text}; console.log(performance.now() - begun); process.exit();`;
  const once = () =>
    Number(
      execFileSync(process.execPath, ["--no-warnings", "--input-type=module", "-e", run], { cwd: HERE }).toString(),
    );
  return median(Array.from({ length: STARTS }, once));
}

/** @returns {Line[]} */
function starting() {
  const imported = (/** @type {string} */ name) => `const { Identity, open } = await import("${name}")`;
  const works = /** @type {const} */ ([
    ["import", ""],
    ["import, and the first call of the core", "; Identity.generate()"],
    ["import, and a repo in memory", '; await open("a", { storage: "memory" })'],
  ]);
  const lines = works.map(([name, more]) => {
    const [ours, other] = ["trellis-sync", "trellis-sync/inline"].map((entry) => started(imported(entry) + more));
    return line(`${name}: addon, WebAssembly`, /** @type {number} */ (ours), /** @type {number} */ (other));
  });
  const [imports, calls] = lines.map(({ other }) => other);
  const ready = /** @type {number} */ (calls) - /** @type {number} */ (imports);
  const folders = `; await (await open(${JSON.stringify(join(folder, "opened"))})).set("a/1", 1)`;
  const there = `; await open(${JSON.stringify(join(folder, "opened"))})`;
  started(imported("trellis-sync") + folders);
  const inFolder = started(imported("trellis-sync") + there);
  return [
    ...lines,
    { ...line("WebAssembly compiled and started, and the most that it may take", ready, READY_MS), id: "P10" },
    line("import, and a repo in a folder: addon, and import alone", inFolder, started(imported("trellis-sync"))),
  ];
}

/** @param {string} name @param {number} ours @param {number} other @returns {Line} */
const line = (name, ours, other, goal = 1) => ({
  id: "start",
  name,
  ours,
  other,
  unit: "ms",
  ratio: ours / other,
  goal,
  met: ours <= other * goal,
});

const ops = someOps();
const stored = addon.raw.opsOf(ops);
const lines = [
  ...(await crossing("addon", addon, stored, ops)),
  ...(await crossing("WebAssembly", wasm, stored, ops)),
  ...(await ingesting()),
  ...starting(),
];
if (process.argv.includes("--json")) console.log(JSON.stringify(lines));
else
  for (const { id, name, ours, other, unit, ratio, goal } of lines)
    console.log(
      `${id.padEnd(6)} ${name.padEnd(60)} ${ours.toFixed(1).padStart(8)} ${other.toFixed(1).padStart(8)} ${unit} ${ratio.toFixed(2).padStart(6)}, goal ${goal}`,
    );
if (Number.isNaN(sum)) process.exitCode = 1;
