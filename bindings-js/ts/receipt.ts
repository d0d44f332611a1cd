// Receipts: the promise for one write.

import { abortedBy, TrellisError } from "./errors.js";
import type { Host, RepoStatus } from "./host.js";
import type { OpId } from "./ops.js";
import type { Answer, Withheld } from "./surface.js";

/** How safe a write is: on this device, on a peer's disk, or on that of a relay. */
export type Tier = "local" | "peer" | "relay";

/** What is known of a write that has become safe. */
export interface Safe {
  /** Those of its ops that a peer gives no effect, and why. They are kept all the same. */
  readonly withheld: readonly Withheld[];
}

const DURABLE_MS = 30_000;

/** The promise for one write: its ops are in this device's store. */
export class Receipt {
  /** The ops written, in order; none where nothing had to change. */
  readonly ops: readonly OpId[];
  readonly #host: Host;

  /** Writes give receipts. @hidden */
  constructor(host: Host, ops: readonly OpId[]) {
    this.#host = host;
    this.ops = ops;
  }

  /**
   * Waits until the ops are as safe as the tier says.
   *
   * @example
   * ```ts
   * const receipt = await repo.set("todo/1/title", "Buy milk");
   * await receipt.durable("local"); // in this device's store
   * const link = repo.sync("wss://relay.example");
   * const { withheld } = await receipt.durable("relay", { timeout: 5_000 }); // on a relay's disk
   * console.log(withheld.length); // 0
   * await link.close();
   * ```
   *
   * @param tier `local`, `peer` or `relay`.
   * @param options `timeout` in milliseconds, 30,000 where it is left out; `signal` ends the waiting.
   * @throws TrellisError `timeout`: they are not yet, and go on being sent. `invalid_op`: a peer refuses them for good.
   * `aborted` by the signal.
   */
  async durable(tier: Tier, { timeout = DURABLE_MS, signal }: DurableOptions = {}): Promise<Safe> {
    if (this.ops.length === 0) return { withheld: [] };
    const until = this.#host.now() + Math.max(0, Math.ceil(timeout));
    const waiting = this.#host.carryOut({ type: "durable", ops: this.ops, tier, until });
    const { withheld } = expected(await withSignal(waiting, signal), "durable");
    return { withheld };
  }
}

/** How long a receipt waits. */
export interface DurableOptions {
  /** Milliseconds. */
  readonly timeout?: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/** What a promise comes to, unless a signal says before that nobody waits any more. */
export async function withSignal<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(abortedBy(signal));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** An answer of the kind that was asked for. */
export function expected<T extends Answer["type"]>(answer: Answer, type: T): Answer & { type: T } {
  if (answer.type !== type) throw new TrellisError("aborted", "The machine gave another answer than was asked for.");
  return answer as Answer & { type: T };
}

/** The whole picture of a machine. */
export async function statusOf(machine: Pick<Host, "carryOut">): Promise<RepoStatus> {
  return expected(await machine.carryOut({ type: "status" }), "status").status as RepoStatus;
}
