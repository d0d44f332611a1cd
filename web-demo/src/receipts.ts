// Receipts: how safe each write is by now.

import { h } from "./dom.js";
import type { Written } from "./replica.js";
import { clock, count } from "./words.js";

/** Where a write may be safe: a page without a relay has two such places. */
export type Tiers = "peer" | "relay";

const HERE = { name: "here", is: (_: Written) => true };
/** Where a relay is, that alone is linked to: it is the peer. */
const STEPS = {
  peer: [HERE, { name: "peer", is: ({ isOnPeer }: Written) => isOnPeer }],
  relay: [HERE, { name: "relay, a peer", is: ({ isOnRelay }: Written) => isOnRelay }],
};

/** Who the peer is that a tick tells of. */
const PEER_IS = {
  peer: "A peer is whoever this copy is linked to: the other copy.",
  relay: "A peer is whoever this copy is linked to: the relay, which is one that keeps the board for others.",
};

/** What a receipt says, in one sentence. */
export function receiptWords(write: Written): string {
  if (write.refused !== undefined) return `Saved here; a peer refuses it: ${write.refused}`;
  if (write.isOnRelay) return "Saved here, on a peer and on the relay";
  return write.isOnPeer ? "Saved here and on a peer" : "Saved here; no peer has it yet";
}

/** A receipt. */
export function receipt(write: Written, tiers: Tiers): HTMLElement {
  const steps = STEPS[tiers].map(({ name, is }) =>
    h("span", { class: is(write) ? "step reached" : "step" }, is(write) ? "✓ " : "○ ", name),
  );
  return h(
    "span",
    {
      class: write.refused === undefined ? "receipt" : "receipt refused",
      role: "img",
      "aria-label": receiptWords(write),
    },
    steps,
  );
}

/** Own writes that no peer has yet. */
export function waiting(writes: readonly Written[]): number {
  return writes.filter(({ isOnPeer, refused }) => !isOnPeer && refused === undefined).length;
}

/** Every write of this visit with its receipt, the last one first. */
export function receiptList(writes: readonly Written[], tiers: Tiers): HTMLElement {
  const alone = waiting(writes);
  return h(
    "details",
    { class: "fold writes", key: "writes" },
    h(
      "summary",
      {},
      h("span", {}, "Receipts"),
      h("span", { class: "aside" }, alone > 0 ? `${count(alone, "write")} only here` : ""),
    ),
    writes.length === 0 &&
      h("p", { class: "quiet" }, "Each write of yours gets a receipt here: where it is safe by now."),
    h("p", { class: "quiet", key: "peer" }, PEER_IS[tiers]),
    h(
      "ol",
      { class: "rows" },
      writes.map((write) =>
        h(
          "li",
          {},
          h("time", {}, clock(new Date(write.at))),
          h("span", { class: "grow", dir: "auto" }, write.what),
          receipt(write, tiers),
        ),
      ),
    ),
  );
}
