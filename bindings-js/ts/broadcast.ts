// Ways between the tabs and workers of one web origin, without a server.

import { type Connection, Inbox, lost, MEMORY } from "./connection.js";
import { TrellisError } from "./errors.js";
import { alive, webLocks, whenGone } from "./life.js";
import type { Transport, Way } from "./transports.js";
import { hex, random } from "./values.js";

/** How long a peer may take to answer, in milliseconds. */
const ANSWER_MS = 10_000;

/** What a connection begins and ends with, beside frames. */
const OPEN = { trellis: "open" };
const END = { trellis: "end" };

/**
 * A peer among the tabs and workers of one web origin, which know each other by their ids.
 *
 * @example
 * ```ts
 * import { BroadcastTransport, open } from "trellis-sync";
 * const [ann, bob] = [await open("ann's"), await open("bob's")]; // as in two tabs
 * await ann.set("todo/1/title", "Buy milk");
 * const stop = new BroadcastTransport("ann").arrivals((one) => void ann.connect(one, { isInitiator: false }));
 * const { connection } = await new BroadcastTransport("bob").dial("ann");
 * const link = bob.connect(connection);
 * await link.inSync();
 * console.log(await bob.get("todo/1/title")); // Buy milk
 * await link.close();
 * stop();
 * ```
 */
export class BroadcastTransport implements Transport {
  /** What others dial. */
  readonly id: string;

  /** Makes one. Nobody can dial it before it takes arrivals. @throws TrellisError `unsupported` without `BroadcastChannel` */
  constructor(id: string) {
    if (typeof BroadcastChannel !== "function")
      throw new TrellisError("unsupported", "There is no BroadcastChannel here. Use a transport over a network.");
    this.id = id;
  }

  /**
   * As `Transport.dial`.
   *
   * @throws TrellisError `offline` where no tab takes arrivals for that peer; `aborted`
   */
  async dial(peer: string, signal?: AbortSignal): Promise<Extract<Way, { readonly connection: Connection }>> {
    const name = `trellis-sync/link/${hex(random(16))}`;
    const end = new End(name, "a", await alive(`${name}/a`));
    const door = new BroadcastChannel(doorOf(peer));
    try {
      const { held } = (await webLocks()?.query()) ?? {};
      if (held && !held.some((lock) => lock.name === doorOf(peer))) throw away();
      door.postMessage(name);
      await end.opened(signal);
      return { connection: end.connection };
    } catch (thrown) {
      end.connection.close();
      throw thrown;
    } finally {
      door.close();
    }
  }

  /** As `Transport.arrivals`. Where another tab takes them for this peer, this one does so when that is gone. */
  arrivals(arrived: (connection: Connection) => void): () => void {
    const over = new AbortController();
    const { signal } = over;
    const answer = async ({ data: name }: MessageEvent<string>) => {
      const end = new End(name, "b", await alive(`${name}/b`));
      end.open();
      arrived(end.connection);
    };
    const take = () => {
      const door = new BroadcastChannel(doorOf(this.id));
      door.onmessage = answer;
      return new Promise<void>((resolve) => {
        signal.addEventListener("abort", () => {
          door.close();
          resolve();
        });
      });
    };
    const taking = webLocks()?.request(doorOf(this.id), { signal }, take) ?? take();
    taking.catch(() => {});
    return () => over.abort();
  }
}

function doorOf(peer: string): string {
  return `trellis-sync/peer/${peer}`;
}

function away(): TrellisError {
  return new TrellisError("offline", "The peer is away: no tab answers for it. Try again later.");
}

/** One end of a connection. Each notices that the other is gone by the lock that it holds. */
class End {
  readonly connection: Connection;
  readonly #channel: BroadcastChannel;
  readonly #isOpen: Promise<void>;

  constructor(name: string, side: "a" | "b", die: (() => void) | undefined) {
    const channel = new BroadcastChannel(name);
    const inbox = new Inbox();
    const over = new AbortController();
    const finish = (failure?: TrellisError) => {
      over.abort();
      channel.close();
      inbox.end(failure);
      die?.();
    };
    const watch = () => whenGone(`${name}/${side === "a" ? "b" : "a"}`, () => finish(lost()), over.signal);
    this.#isOpen = new Promise((resolve) => {
      channel.onmessage = ({ data }) => {
        if (data.trellis === "end") return finish();
        if (data.trellis !== "open") return inbox.frame(data);
        watch();
        resolve();
      };
    });
    if (side === "b") watch();
    this.#channel = channel;
    this.connection = {
      origin: MEMORY,
      binding: new TextEncoder().encode(MEMORY),
      listen: (listener) => inbox.listen(listener),
      send: (frame) => {
        if (!over.signal.aborted) channel.postMessage(frame);
      },
      close: () => {
        if (over.signal.aborted) return;
        channel.postMessage(END);
        finish();
      },
    };
  }

  /** Says that this side is there. */
  open(): void {
    this.#channel.postMessage(OPEN);
  }

  /** The other side has said so. @throws TrellisError */
  opened(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(away()), ANSWER_MS);
      const abort = () => reject(new TrellisError("aborted", "The link was closed."));
      signal?.addEventListener("abort", abort);
      void this.#isOpen.then(resolve).finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      });
    });
  }
}
