// Processes with the addon: how they end, what a kill leaves, and who else reads what they wrote.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { open, TrellisError } from "trellis-sync";
import { freePort, Place } from "../../tests/browser/place.mjs";

const LIMIT = { timeout: 240_000 };
const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const place = new Place();
const port = await freePort();
const SERVER = `ws://127.0.0.1:${port}`;

before(async () => {
  place.trellis("init served");
  await place.serve(`-C served serve --open --listen 127.0.0.1:${port}`);
});
after(() => place.end());

/** The absolute path of a repo. @param {string} name */
const at = (name) => join(place.folder, name);

/** A process that runs a module, which finds the package. @param {string} text @param {string[]} args */
function script(text, ...args) {
  const child = spawn(process.execPath, ["--no-warnings", "--expose-gc", "--input-type=module", "-", ...args], {
    cwd: PACKAGE,
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(text);
  return child;
}

/** How a process ended, and what it said. @param {ReturnType<typeof script>} child */
async function ended(child) {
  const said = { out: "", err: "" };
  child.stdout.on("data", (data) => {
    said.out += data;
  });
  child.stderr.on("data", (data) => {
    said.err += data;
  });
  const [code, signal] = await once(child, "close");
  return { code, signal, ...said };
}

/** Runs a module that has to end well; returns what it printed. @param {string} text @param {string[]} args */
async function run(text, ...args) {
  const { code, out, err } = await ended(script(text, ...args));
  assert.deepEqual([code, err], [0, ""]);
  return out;
}

const BEGUN = `
import { open } from "trellis-sync";
const [, , folder, server] = process.argv;
const repo = await open(folder, { join: server });
const receipt = await repo.set("todo/1/title", "Buy milk");
`;

/** Programs that leave things open, or do not. */
const SHORT = {
  closed: `${BEGUN}
const link = repo.sync(server);
await receipt.durable("relay");
await link.close();
await repo.close();`,
  "a repo left open": `${BEGUN}
repo.subscribe("todo", () => {});
repo.onEvent(() => {});
await receipt.durable("local");`,
  "a link that ended by itself": `
import { open } from "trellis-sync";
const [, , folder, server] = process.argv;
const repo = await open(folder);
await repo.set("todo/1/title", "Another repo");
repo.sync(server);`,
  "exit with all of it open": `${BEGUN}
repo.sync(server);
repo.sync(server.replace("ws", "http"));
repo.subscribe("todo", () => {});
receipt.durable("peer").catch(() => {});
process.exit();`,
  "exit within writes": `${BEGUN}
for (let at = 0; at < 50; at++) void repo.set(\`n/\${at}/x\`, at).catch(() => {});
setImmediate(() => process.exit());`,
  "a worker that is ended": `
import { once } from "node:events";
import { Worker } from "node:worker_threads";
const text = \`
import { parentPort, workerData } from "node:worker_threads";
import { open } from "trellis-sync";
const repo = await open(workerData.folder, { join: workerData.server });
repo.sync(workerData.server);
for (let at = 0; at < 50; at++) repo.set("n/" + at + "/x", at).catch(() => {});
await repo.set("a/1", 1);
parentPort.postMessage("written");\`;
const [, , folder, server] = process.argv;
const worker = new Worker(text, { eval: true, workerData: { folder, server } });
await once(worker, "message");
await worker.terminate();`,
  "a loop that waits for what comes": `${BEGUN}
setTimeout(() => void repo.set("todo/2/title", "Bake bread"), 20).unref();
for await (const todo of repo.subscribe("todo")) if (todo.length === 2) break;`,
  engines: `
import { createGenesis, Identity, MemoryTransport, SyncEngine } from "trellis-sync";
const [ops, copy] = [[createGenesis("notes", { identity: Identity.generate() })], []];
const [one] = [["a", ops], ["b", copy]].map(([localPeerId, log]) => new SyncEngine({
  localPeerId,
  transport: new MemoryTransport(localPeerId),
  getLocalOps: () => log,
  onOpsReceived: (received) => void log.push(...received),
}));
await one.pushTo("b");
if (copy.length !== 1) process.exit(1);`,
};
const SCRIPTS = 64;

test("short programs end well, whatever is open", LIMIT, async () => {
  const programs = Object.entries(SHORT);
  for (let group = 0; group < SCRIPTS; group += 4) {
    const numbers = [0, 1, 2, 3].map((more) => group + more).filter((number) => number < SCRIPTS);
    const all = numbers.map(async (number) => {
      const [name, text] = /** @type {[string, string]} */ (programs[number % programs.length]);
      const { code, signal, out, err } = await ended(script(text, at(`short-${number}`), SERVER));
      assert.deepEqual([code, signal, out, err], [0, null, "", ""], name);
    });
    await Promise.all(all);
  }
});

const KILLED = `
import { open } from "trellis-sync";
const repo = await open(process.argv[2]);
let next = (await repo.entries("n")).length;
const write = async () => {
  for (;;) {
    const number = next++;
    const receipt = number % 5 === 0
      ? await repo.batch((batch) => batch.set(\`n/\${number}/x\`, number).set(\`m/\${number}/x\`, number))
      : await repo.set(\`n/\${number}/x\`, number);
    await receipt.durable("local");
    process.stdout.write(number + "\\n");
  }
};
await Promise.all([write(), write(), write()]);
`;
const KILLS = 50;

/** Numbers that look random, the same for one seed. @param {number} seed */
function numbers(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test("nothing that was acknowledged is lost by a kill", LIMIT, async () => {
  const folder = at("killed");
  /** @type {Set<number>} */
  const acked = new Set();
  for (let seed = 1; seed <= KILLS; seed++) {
    const acks = 1 + numbers(seed)(12);
    const child = script(KILLED, folder);
    const closed = once(child, "close");
    let left = acks;
    for await (const line of createInterface(child.stdout)) {
      acked.add(Number(line));
      left -= 1;
      if (left === 0) child.kill("SIGKILL");
    }
    assert.equal((await closed)[1], "SIGKILL");
    const repo = await open(folder);
    const values = new Map((await repo.entries("n")).map(({ key, value }) => [Number(key), value]));
    for (const number of acked) assert.deepEqual(values.get(number), { x: number }, `seed ${seed}, ${number}`);
    for (const number of values.keys())
      if (number % 5 === 0) assert.equal(await repo.get(`m/${number}/x`), number, `seed ${seed}: half a batch`);
    const { corrupt, uncovered } = await repo.verify();
    assert.deepEqual([corrupt, uncovered], [[], []], `seed ${seed}`);
    await repo.close();
  }
  assert.ok(acked.size >= KILLS);
  place.trellis("-C killed verify");
});

test("processes share a folder, and hear of one another", LIMIT, async () => {
  const repo = await open(at("together"));
  const heard = repo.subscribe("by");
  const writer = `
import { open } from "trellis-sync";
const [, , folder, name] = process.argv;
const repo = await open(folder);
for (let at = 0; at < 20; at++) await repo.set(\`n/\${name}-\${at}/x\`, at);
await repo.set(\`by/\${name}\`, true);
await repo.close();`;
  await repo.set("by/us", true);
  await Promise.all(["one", "two"].map((name) => run(writer, at("together"), name)));
  for await (const entries of heard) if (entries.length === 3) break;
  assert.equal((await repo.entries("n")).length, 40);
  let changes = 0;
  for await (const { ops } of repo.changes()) {
    changes += ops.length;
    if (changes === 44) break;
  }
  assert.deepEqual(await repo.conflicts(), []);
  await repo.close();
});

test("the command line reads what Node wrote, and the other way round", async () => {
  const repo = await open(at("both"), { authorName: "ann" });
  const { ops } = await repo.set("todo/1/title", "By Node");
  assert.equal((await repo.op(/** @type {string} */ (ops[0]))).actor, "ann");
  assert.match(place.trellis("-C both get todo/1/title"), /By Node/);
  place.trellis("-C both set todo/2/title", { args: ["By hand"] });
  assert.equal(await repo.get("todo/2/title"), "By hand");
  await repo.close();
  place.trellis("-C both verify");
  place.trellis("init made");
  place.trellis("-C made set names/__proto__", { args: ['{"then":1}'] });
  const made = await open(at("made"));
  assert.deepEqual(Object.entries((await made.entry("names", "__proto__")).value), [["then", 1]]);
  await made.close();
});

test("a folder that cannot be one says why", async () => {
  const refused = async (/** @type {string} */ path, options = {}) => {
    const error = await open(path, options).then(
      () => undefined,
      (error) => error,
    );
    assert.ok(error instanceof TrellisError, path);
    return error;
  };
  const inFile = await refused(fileURLToPath(import.meta.url));
  assert.deepEqual([inFile.code, inFile.retryable, typeof inFile.path], ["not_a_repo", false, "string"]);
  assert.equal((await refused(at("round"), { branchPolicies: { main: { round: true } } })).code, "invalid_argument");
  const away = await refused(at("joined"), { join: `ws://127.0.0.1:${await freePort()}` });
  assert.deepEqual([away.code, away.retryable], ["offline", true]);
  place.trellis("-C joined status", { exit: 1 });
});

test("a folder asks of branches what the program says", async () => {
  const [ann, bob] = [await open(at("line"), { branchPolicies: { main: { linear: true } } }), await open(at("lines"))];
  await ann.set("a/1", 1);
  await bob.import(await ann.export());
  await ann.set("a/1", 2);
  await bob.set("a/1", 3);
  await ann.import(await bob.export());
  await bob.import(await ann.export());
  for (const [repo, isDiverged] of /** @type {const} */ ([
    [ann, true],
    [bob, false],
  ])) {
    assert.deepEqual((await repo.branches()).map((branch) => branch.isDiverged).includes(true), isDiverged);
    await repo.close();
  }
});

test("the event loop turns while the disk works", async () => {
  const repo = await open(at("turning"));
  let [turns, isDone] = [0, false];
  const turn = () => {
    turns += 1;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  await repo.batch((batch) => {
    for (let at = 0; at < 1000; at++) batch.set(`n/${at}/x`, at);
  });
  isDone = true;
  assert.ok(turns > 1);
  await repo.close();
});

const OPENS = 1000;
/** Opens that may fill what is kept for the next ones. */
const FIRST_OPENS = 500;
/** What a process may grow by over the opens behind these: 8 kB for each. */
const GROWTH_BYTES_MAX = 8 * 2 ** 20;

test("memory is given back", LIMIT, async () => {
  const growth = await run(
    `
import { open } from "trellis-sync";
const [, , folder] = process.argv;
const first = await open(folder);
await first.set("todo/1/title", "Buy milk");
await first.close();
let begun = 0;
const rss = () => {
  gc();
  return process.memoryUsage.rss();
};
for (let at = 1; at <= ${FIRST_OPENS + OPENS}; at++) {
  const repo = await open(folder);
  if ((await repo.get("todo/1/title")) !== "Buy milk") process.exit(1);
  repo.subscribe("todo", () => {}).unsubscribe();
  await repo.close();
  if (at === ${FIRST_OPENS}) begun = rss();
}
console.log(rss() - begun);`,
    at("again"),
  );
  assert.ok(Number(growth) <= GROWTH_BYTES_MAX, `${growth} bytes more after ${OPENS} opens`);
});
