// How long a replica in memory takes to take in what a peer has: P2, by the driver of the package.

import * as addon from "trellis-sync";

/** @typedef {import("trellis-sync").Connection} Connection */
/** @typedef {string | Uint8Array<ArrayBuffer>} Frame */
/** @typedef {typeof import("trellis-sync")} Package */

const AUTHORS = 8;
const RUN = 1_000;
/** Frames with ops are longer, all others shorter. */
const FRAME_BYTES = 10_000;
/** What a sender may say at once it says within this time, in milliseconds. */
const BURST_MS = 200;

let names = 0;
/** A repo in memory, alone of its name. @param {Package} trellis */
const opened = (trellis) => trellis.open(`ingest-${names++}`, { storage: "memory" });

/** Bundles: what all share, and what is new, with so many signatures. @param {number} shared @param {number} fresh */
export async function story(shared, fresh) {
  const first = await opened(addon);
  await first.set("notes/0/title", "Calm");
  const genesis = await first.export();
  const bundles = [genesis];
  const tails = [];
  for (let author = 0; author < AUTHORS; author++) {
    const repo = await opened(addon);
    await repo.import(genesis);
    const heads = (await repo.ops()).map((op) => op.hash);
    const write = async (/** @type {number} */ ops, /** @type {number} */ from) => {
      for (let at = 0; at < ops; at += RUN)
        await repo.batch((batch) => {
          for (let more = at; more < Math.min(at + RUN, ops); more++)
            batch.put("notes", `${author}-${from + more}`, {
              title: `Note ${more}`,
              done: more % 2 === 0,
              rank: more / 7,
            });
        });
    };
    await write(shared / AUTHORS, 0);
    bundles.push(await repo.export(heads));
    const known = (await repo.branches()).flatMap((branch) => branch.heads);
    await write(fresh / AUTHORS, shared);
    tails.push(await repo.export(known));
    await repo.close();
  }
  await first.close();
  return { bundles, tails, signatures: AUTHORS * Math.ceil(fresh / AUTHORS / RUN) };
}

/**
 * Milliseconds that a replica takes for the frames of a peer with everything.
 *
 * @param {Package} trellis @param {Awaited<ReturnType<typeof story>>} story
 */
export async function ingested(trellis, { bundles, tails }) {
  const [sender, receiver] = [await opened(addon), await opened(trellis)];
  for (const repo of [sender, receiver]) for (const bundle of bundles) await repo.import(bundle);
  for (const bundle of tails) await sender.import(bundle);
  const { ops } = await sender.status();
  const [one, other] = addon.memoryPair();
  const [kept, gate] = held(one);
  sender.connect(kept);
  const link = receiver.connect(other, { isInitiator: false });
  await gate.still;
  const begun = performance.now();
  gate.open();
  while ((await receiver.status()).ops < ops) await new Promise((done) => setImmediate(done));
  const spent = performance.now() - begun;
  await link.close();
  await Promise.all([sender.close(), receiver.close()]);
  return spent;
}

/**
 * A connection that keeps what comes from the first long frame on back until it is opened, and tells when it has that.
 *
 * @param {Connection} inner @returns {[Connection, { still: Promise<void>, open: () => void }]}
 */
function held(inner) {
  /** @type {Frame[]} */
  const kept = [];
  let isOpen = false;
  let isStill = () => {};
  const still = new Promise((/** @type {(nothing: void) => void} */ done) => {
    isStill = done;
  });
  const connection = {
    ...inner,
    send: (/** @type {Frame} */ frame) => {
      if (isOpen || (kept.length === 0 && frame.length < FRAME_BYTES)) return inner.send(frame);
      if (kept.push(frame) === 1) setTimeout(isStill, BURST_MS);
    },
  };
  const open = () => {
    isOpen = true;
    for (const frame of kept) inner.send(frame);
  };
  return [connection, { still, open }];
}

/** Milliseconds that a signature takes to check. @param {Package} trellis */
export function checked(trellis) {
  const identity = addon.Identity.generate();
  const message = new Uint8Array(64);
  const signature = identity.sign(message);
  const times = 50;
  const begun = performance.now();
  for (let at = 0; at < times; at++) trellis.raw.isSigned(identity.author, message, signature);
  return (performance.now() - begun) / times;
}
