// Ways to peers that have names: in memory, by WebSocket, and by signed requests.

import { type Connection, type ConnectOptions, dialWebSocket, memoryPair, peerUrl } from "./connection.js";
import { TrellisError } from "./errors.js";
import type { KnownPeer } from "./http.js";

/** A way to a peer: a connection that stays open, or a URL that answers signed requests. */
export type Way =
  | {
      /** The connection, on which nothing was said yet. */
      readonly connection: Connection;
    }
  | {
      /** The address. */
      readonly url: string;
      /** What is known of the peer there; the same object every time. */
      readonly known: KnownPeer;
    };

/** Knows peers by the names that a program gave them, and opens ways to them. */
export interface Transport {
  /** Opens a way to a peer. @throws TrellisError `not_found` where nobody has that name, `offline` where nobody answers. */
  dial(peer: string, signal: AbortSignal): Promise<Way>;
  /** Hands over connections that peers open to this side, from now on. Returns what ends that. */
  arrivals?(arrived: (connection: Connection) => void): () => void;
}

const registry = new Map<string, Set<WeakRef<MemoryTransport>>>();

/**
 * A peer among peers in one program. All that were made there know each other by their ids.
 *
 * @example
 * ```ts
 * import { MemoryTransport, type Op, SyncEngine } from "trellis-sync";
 * const log: Op[] = await repo.ops();
 * const engine = new SyncEngine({
 *   localPeerId: "peer-a",
 *   transport: new MemoryTransport("peer-a", "Alice"),
 *   getLocalOps: () => log,
 *   onOpsReceived: (ops) => void log.push(...ops),
 * });
 * await engine.pullFrom("peer-b").catch(({ code }) => console.log(code)); // not_found
 * ```
 */
export class MemoryTransport implements Transport {
  /** What others dial. */
  readonly id: string;
  /** What people call it. */
  readonly name: string;
  #door: ((connection: Connection) => void) | undefined;

  /** Makes it known under its id. */
  constructor(id: string, name: string = id) {
    this.id = id;
    this.name = name;
    const peers = [...(registry.get(id) ?? [])].filter((peer) => peer.deref());
    registry.set(id, new Set([...peers, new WeakRef(this)]));
  }

  /** As `Transport.dial`. */
  async dial(peer: string): Promise<Way> {
    const peers = [...(registry.get(peer) ?? [])].map((peer) => peer.deref()).filter((peer) => peer !== undefined);
    if (peers.length === 0) throw unknown();
    const door = peers.reverse().flatMap((peer) => peer.#door ?? [])[0];
    if (!door)
      throw new TrellisError("offline", "The peer is away: nothing answers for it in this program. Try again later.");
    const [ours, theirs] = memoryPair();
    door(theirs);
    return { connection: ours };
  }

  /** As `Transport.arrivals`. @throws TrellisError `locked` where another engine answers for this peer */
  arrivals(arrived: (connection: Connection) => void): () => void {
    if (this.#door) throw new TrellisError("locked", "Another engine answers for this peer already.");
    this.#door = arrived;
    return () => {
      this.#door = undefined;
    };
  }
}

/** A connection on which nothing was said yet is used so long: a server ends one where nobody proves a key in time. */
const SILENT_MS_MAX = 5_000;

/**
 * Peers behind `ws://` and `wss://` URLs.
 *
 * @example
 * ```ts
 * import { type Op, SyncEngine, WebSocketSyncTransport } from "trellis-sync";
 * await repo.set("todo/1/title", "Buy milk");
 * const log: Op[] = await repo.ops();
 * const transport = new WebSocketSyncTransport("peer-a");
 * await transport.connect("relay", "ws://127.0.0.1:4200");
 * const engine = new SyncEngine({ localPeerId: "peer-a", transport, getLocalOps: () => log, onOpsReceived: () => {} });
 * const { opsSent } = await engine.pushTo("relay");
 * console.log(opsSent); // 2
 * ```
 */
export class WebSocketSyncTransport implements Transport {
  /** What this side calls itself. */
  readonly localPeerId: string;
  readonly #options: ConnectOptions;
  readonly #peers = new Map<string, { url: string; open?: Connection | undefined; since: number }>();

  /** Knows no peer yet. */
  constructor(localPeerId: string, options: ConnectOptions = {}) {
    this.localPeerId = localPeerId;
    this.#options = options;
  }

  /**
   * Connects to a peer, and knows it by this name from now on: it is dialled again when that is needed.
   *
   * @throws TrellisError `invalid_argument`, `permission_denied`, `offline`, `timeout`; the peer is not known then.
   */
  async connect(peer: string, url: string): Promise<void> {
    const open = await dialWebSocket(url, this.#options, new AbortController().signal);
    this.#peers.get(peer)?.open?.close();
    this.#peers.set(peer, { url, open, since: Date.now() });
  }

  /** Forgets a peer. */
  disconnect(peer: string): void {
    this.#peers.get(peer)?.open?.close();
    this.#peers.delete(peer);
  }

  /** As `Transport.dial`. */
  async dial(peer: string, signal: AbortSignal): Promise<Way> {
    const known = this.#peers.get(peer);
    if (!known) throw unknown();
    const { open, since, url } = known;
    known.open = undefined;
    if (open && Date.now() - since < SILENT_MS_MAX) return { connection: open };
    open?.close();
    return { connection: await dialWebSocket(url, this.#options, signal) };
  }
}

/**
 * Peers behind `http://` and `https://` URLs, which answer signed requests.
 *
 * @example
 * ```ts
 * import { HttpSyncTransport, type Op, SyncEngine } from "trellis-sync";
 * await repo.set("todo/1/title", "Buy milk");
 * const log: Op[] = await repo.ops();
 * const transport = new HttpSyncTransport("peer-a");
 * transport.addPeer("relay", "http://127.0.0.1:4200");
 * const engine = new SyncEngine({ localPeerId: "peer-a", transport, getLocalOps: () => log, onOpsReceived: () => {} });
 * const { opsSent } = await engine.pushTo("relay");
 * console.log(opsSent); // 2
 * ```
 */
export class HttpSyncTransport implements Transport {
  /** What this side calls itself. */
  readonly localPeerId: string;
  readonly #options: ConnectOptions;
  readonly #peers = new Map<string, { url: string; known: KnownPeer }>();

  /** Knows no peer yet. */
  constructor(localPeerId: string, options: ConnectOptions = {}) {
    this.localPeerId = localPeerId;
    this.#options = options;
  }

  /**
   * Knows a peer by this name from now on. Nothing is sent yet.
   *
   * @throws TrellisError `invalid_argument`; `permission_denied` for plain text to another machine.
   */
  addPeer(peer: string, url: string): void {
    peerUrl(url, ["http", "https"], this.#options);
    this.#peers.set(peer, { url, known: {} });
  }

  /** As `Transport.dial`. */
  async dial(peer: string): Promise<Way> {
    const known = this.#peers.get(peer);
    if (!known) throw unknown();
    return known;
  }
}

function unknown(): TrellisError {
  return new TrellisError("not_found", "No peer of this name is known here. Add it to the transport first.");
}
