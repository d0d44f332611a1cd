// A board from a server into IndexedDB, until it is stored, and how the page is blocked meanwhile.

import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { open } from "trellis-sync/inline";
import { freePort } from "../../../tests/browser/place.mjs";
import { byTurns, line } from "./lines.mjs";
import { fill } from "./pages/repo.mjs";
import { blocked } from "./site.mjs";

/** @typedef {import("./site.mjs").Site} Site */
/** @typedef {import("./site.mjs").Side} Side */

const OPS = 100_000;
const PER_WRITE = 100;
const ROUNDS = 5;
const SERVER = fileURLToPath(new URL("server.mjs", import.meta.url));

/** @param {Site} site @param {(text: string) => unknown} say */
export async function pull(site, say) {
  const [ours, yjs] = [await trellis(site), await server(site)];
  say(`${OPS} ops are on the servers; ours has them on its disk, ${PER_WRITE} in a write, that of Yjs in memory.`);
  const [theirs = [], own = [], worker = []] = await byTurns(ROUNDS, [
    () => pulled(site, "yjs", yjs),
    () => pulled(site, "ours", ours),
    () => pulled(site, "ours", ours, "&worker"),
  ]);
  return [...lines("", own, theirs), ...lines(", in a worker", worker, theirs)];
}

/** @typedef {Awaited<ReturnType<typeof pulled>>} Pulled */
/** @param {string} way @param {readonly Pulled[]} ours @param {readonly Pulled[]} theirs */
function lines(way, ours, theirs) {
  const name = `${OPS} ops pulled and stored${way}`;
  const compare = (/** @type {keyof Pulled} */ what, /** @type {import("./lines.mjs").About} */ about) =>
    line(
      about,
      ours.map((run) => run[what]),
      theirs.map((run) => run[what]),
    );
  return [
    compare("rate", { id: "W3", name, unit: "ops/s", goal: 1, isMore: true }),
    compare("over", { id: "W4", name: `${name}, tasks beyond 50 ms`, unit: "ms", goal: 1 }),
    compare("longest", { id: "W4", name: `${name}, longest task`, unit: "ms", goal: 1 }),
  ];
}

/** Takes the board into a store that is new. @param {Site} site @param {Side} side @param {string} url */
function pulled(site, side, url, more = "") {
  return site.within(site.profile(), async (context) => {
    const page = await site.open(context, side, "board", more);
    await blocked(page);
    const ms = await page.evaluate(([url, ops]) => bench.pull(url, ops), /** @type {[string, number]} */ ([url, OPS]));
    return { rate: (OPS / ms) * 1000, ...(await blocked(page)) };
  });
}

/** A `trellis serve` with the board; its address. @param {Site} site */
async function trellis(site) {
  const repo = await open("board", { storage: "memory" });
  await fill(repo, 0, OPS, PER_WRITE);
  writeFileSync(join(site.folder, "board.bundle"), await repo.export());
  await repo.close();
  site.trellis("clone board.bundle board");
  const port = await freePort();
  await site.serve(`-C board serve --open --listen 127.0.0.1:${port} --allow-origin ${site.url}`);
  return `ws://127.0.0.1:${port}`;
}

/** The server of y-websocket with the board; its address. @param {Site} site */
async function server(site) {
  const port = await freePort();
  const child = spawn(process.execPath, [SERVER, `${port}`, `${OPS}`], { stdio: ["ignore", "pipe", "inherit"] });
  site.ends.unshift(() => child.kill("SIGKILL"));
  await new Promise((done, fail) => {
    child.stdout.once("data", done);
    child.once("exit", (code) => fail(new Error(`the server of Yjs ends with ${code}`)));
  });
  return `ws://127.0.0.1:${port}`;
}
