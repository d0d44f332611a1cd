// The engine, for programs that bring their own store: give it the ops that there are, and it makes them and a peer's equal.

import { type Connection, lost } from "./connection.js";
import { type BranchPolicy, call, more } from "./core.js";
import { Driver } from "./driver.js";
import { asError, TrellisError } from "./errors.js";
import { exchange, type Tally } from "./http.js";
import { Identity, MemoryKeys, type Signer } from "./keys.js";
import { type Nacked, Teller } from "./link.js";
import { type Op, opsOf, opsShown, reconcile } from "./ops.js";
import { type Ended, pump } from "./pump.js";
import { broughtBy, MemoryStore } from "./store.js";
import type { Answer, Command, Reconciled, Row, StoredOp } from "./surface.js";
import type { Transport } from "./transports.js";

/** What an engine is made of. */
export interface SyncEngineOptions {
  /** What this side calls itself, for people. Peers know it by its key. */
  readonly localPeerId: string;
  /** The way to its peers. */
  readonly transport: Transport;
  /** The ops that are here, in the order in which they came. It is read once, and then only where it has grown. */
  readonly getLocalOps: () => readonly Op[];
  /**
   * Takes ops that a peer had and that are new here: each once, behind those that it depends on. One whose body comes later
   * comes again with it. When this returns, or its promise is kept, they count as safe, and the peer is told so. Where it
   * throws, none of them do: the link ends, and they come again with the next sync.
   */
  readonly onOpsReceived: (ops: Op[]) => void | Promise<void>;
  /** What holds for every branch, beside what the repo says of it. */
  readonly branchPolicy?: BranchPolicy;
  /** The key that it proves to peers; a new one where it is left out. Give it the author's, for peers that let in members alone. */
  readonly identity?: Signer;
}

/** What a sync did. Afterwards both sides have the same ops. */
export interface Synced {
  /** The peer's key. */
  readonly peer: string;
  /** Ops that went out. */
  readonly opsSent: number;
  /** Ops that came. */
  readonly opsReceived: number;
  /** How often this side spoke and was answered, with the proofs of who they are. */
  readonly rounds: number;
  /** Bytes that went out, with everything around the ops. */
  readonly bytesSent: number;
  /** Bytes that came. */
  readonly bytesReceived: number;
  /** What the peer refused of what went to it, or gives no effect. */
  readonly nacked?: Nacked;
  /** The linear branches that stand on several lines now. */
  readonly diverged: readonly string[];
}

/**
 * Keeps a program's ops equal to those of its peers, and answers peers until it is closed.
 *
 * @example
 * ```ts
 * import { createGenesis, createOp, Identity, MemoryTransport, type Op, SyncEngine } from "trellis-sync";
 * const identity = Identity.generate();
 * const [ours, theirs]: [Op[], Op[]] = [[createGenesis("notes", { identity })], []];
 * ours.push(createOp({ collection: "todo", key: "1", body: { title: "Buy milk" } }, { identity, after: ours }));
 * const engineOf = (localPeerId: string, log: Op[]) =>
 *   new SyncEngine({
 *     localPeerId,
 *     transport: new MemoryTransport(localPeerId),
 *     getLocalOps: () => log,
 *     onOpsReceived: (ops) => void log.push(...ops), // or keep them, and return the promise
 *   });
 * const [engine, peer] = [engineOf("peer-a", ours), engineOf("peer-b", theirs)];
 * const { opsSent, opsReceived } = await engine.pushTo("peer-b");
 * console.log(opsSent, opsReceived, theirs.length, engine.reconcileWith(theirs).relation); // 2 0 2 equal
 * await Promise.all([engine.close(), peer.close()]);
 * ```
 */
export class SyncEngine implements AsyncDisposable {
  /** What this side calls itself. */
  readonly localPeerId: string;
  /** The key that it proves to peers. */
  readonly author: string;
  readonly #options: SyncEngineOptions;
  readonly #driver: Driver;
  readonly #stop = new AbortController();
  readonly #end: (() => void) | undefined;
  readonly #store: ProgramStore;
  /** Ops of the log that were read, and those of them that nothing vouched for yet. */
  #read = 0;
  #bare: StoredOp[] = [];
  #growing: Promise<void> = Promise.resolve();

  /** @throws TrellisError `locked` where another engine answers for the transport's peer. */
  constructor(options: SyncEngineOptions) {
    this.#options = options;
    this.localPeerId = options.localPeerId;
    const keys = new MemoryKeys(options.identity ?? Identity.generate());
    this.author = keys.current().author;
    this.#store = new ProgramStore(options.onOpsReceived);
    const policies = options.branchPolicy && { "**": options.branchPolicy };
    this.#driver = new Driver({ store: this.#store, keys, now: Date.now, policies, heard: () => {} });
    this.#end = options.transport.arrivals?.((connection) => void this.#answer(connection));
  }

  /**
   * Gives a peer what it lacks, and takes what is lacking here: afterwards both have the same.
   *
   * @throws TrellisError `not_found` for a peer that the transport does not know, `offline` for one that does not answer,
   * what the peer refuses this one for, and what `onOpsReceived` throws. What came before that stays.
   */
  pushTo(peer: string, { signal }: { signal?: AbortSignal } = {}): Promise<Synced> {
    return this.#sync(peer, signal);
  }

  /** The same, for those who are more interested in what the peer has. @throws TrellisError as `pushTo` */
  pullFrom(peer: string, { signal }: { signal?: AbortSignal } = {}): Promise<Synced> {
    return this.#sync(peer, signal);
  }

  /** What the ops here and these make together. Changes nothing. @throws TrellisError `invalid_argument` */
  reconcileWith(ops: readonly Op[]): Reconciled {
    return reconcile(this.#options.getLocalOps(), ops);
  }

  /** Answers no more peers. */
  async close(): Promise<void> {
    this.#end?.();
    this.#stop.abort();
    await this.#driver.close();
  }

  /** As `close`, at the end of a block that says `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #sync(peer: string, signal: AbortSignal | undefined): Promise<Synced> {
    const stop = new AbortController();
    const abort = () => stop.abort();
    for (const other of [signal, this.#stop.signal]) {
      if (other?.aborted) stop.abort();
      else other?.addEventListener("abort", abort);
    }
    try {
      this.#store.refusal = undefined;
      await this.#grow();
      return await this.#carry(peer, stop);
    } catch (thrown) {
      throw this.#store.refusal ?? asError(thrown);
    } finally {
      for (const other of [signal, this.#stop.signal]) other?.removeEventListener("abort", abort);
    }
  }

  async #carry(peer: string, stop: AbortController): Promise<Synced> {
    const way = await this.#options.transport.dial(peer, stop.signal);
    const teller = new Teller();
    const tally: Tally = { bytesSent: 0, bytesReceived: 0, rounds: 0 };
    let link = 0;
    const began = (number: number) => {
      link = number;
    };
    const terms = { isInitiator: true };
    const ended: Promise<Ended> =
      "url" in way
        ? exchange(this.#driver, way.url, terms, teller, stop.signal, { began, tally, known: way.known })
        : pump(this.#driver, counted(way.connection, tally), terms, teller, stop.signal, { began });
    const inSync = new Promise<void>((resolve) => {
      teller.listen((status) => status.isInSync && resolve());
    });
    const early = await Promise.race([ended, inSync]);
    if (early) throw early.failure ?? lost();
    const links = await this.#ask({ type: "links" }, "links");
    const progress = links.links.find((view) => view.link === link)?.progress;
    stop.abort();
    await ended;
    const { status } = await this.#ask({ type: "status" }, "status");
    const { nacked } = teller.status;
    return {
      peer: teller.status.peer ?? "",
      opsSent: progress?.opsOut ?? 0,
      opsReceived: progress?.opsIn ?? 0,
      ...tally,
      ...(nacked && { nacked }),
      diverged: status.branches.filter(({ isDiverged }) => isDiverged).map(({ name }) => name),
    };
  }

  async #ask<T extends Answer["type"]>(command: Command, type: T): Promise<Answer & { type: T }> {
    const answer = await this.#driver.carryOut(command);
    if (answer.type !== type) throw new TrellisError("aborted", "The machine gave another answer.");
    return answer as Answer & { type: T };
  }

  /** Answers on a connection that a peer opened, until it has had enough. */
  async #answer(connection: Connection): Promise<void> {
    try {
      await this.#grow();
    } catch {
      return connection.close();
    }
    await pump(this.#driver, connection, { isInitiator: false }, new Teller(), this.#stop.signal);
  }

  /** Takes in what the log has grown by. One after the other. */
  #grow(): Promise<void> {
    const grown = this.#growing.then(() => this.#import());
    this.#growing = grown.catch(() => {});
    return grown;
  }

  async #import(): Promise<void> {
    const log = this.#options.getLocalOps();
    const ops = [...this.#bare, ...opsOf(log.slice(this.#read))];
    const read = log.length;
    if (ops.length === 0) return;
    for (const op of ops) this.#store.own.add(idOf(op));
    const { report } = await this.#ask({ type: "import", ops }, "imported");
    this.#read = read;
    const dropped = new Set(report.dropped);
    this.#bare = ops.filter((op) => dropped.has(idOf(op)));
  }
}

/** A connection on which everything is counted. */
function counted(connection: Connection, tally: Tally): Connection {
  let isAnswered = true;
  return {
    origin: connection.origin,
    binding: connection.binding,
    listen: (listener) =>
      connection.listen({
        frame: (frame) => {
          tally.bytesReceived += frame.length;
          isAnswered = true;
          listener.frame(frame);
        },
        end: (failure) => listener.end(failure),
      }),
    send: (frame) => {
      tally.bytesSent += frame.length;
      if (isAnswered) tally.rounds += 1;
      isAnswered = false;
      connection.send(frame);
    },
    close: () => connection.close(),
  };
}

/** Rows in memory, of which those that a peer brought go to the program before they count as durable. */
class ProgramStore extends MemoryStore {
  /** The program's own ops. */
  readonly own = new Set<string>();
  /** Why the program did not take ops. */
  refusal: TrellisError | undefined;
  readonly #take: (ops: Op[]) => void | Promise<void>;
  /** In which row each op lies. */
  readonly #rowOf = new Map<string, number>();

  constructor(take: (ops: Op[]) => void | Promise<void>) {
    super();
    this.#take = take;
  }

  override persist(rows: readonly Row[]): void | Promise<void> {
    const before = this.length;
    super.persist(rows);
    const ops = rows.flatMap((row) => this.#opsOf(row));
    if (ops.length === 0) return;
    const taken = Promise.resolve().then(() => this.#take(opsShown(ops)));
    return taken.catch((thrown) => {
      this.truncate(before);
      this.refusal = asError(thrown);
      throw this.refusal;
    });
  }

  #opsOf(row: Row): StoredOp[] {
    const completed = new Set<number>();
    for (const id of broughtBy(row)) {
      const earlier = this.#rowOf.get(id);
      if (earlier === undefined) this.#rowOf.set(id, row.seq);
      else if (earlier !== row.seq) completed.add(earlier);
    }
    const rows = [...[...completed].flatMap((seq) => this.row(seq) ?? []), row];
    const ops: StoredOp[] = call((core) => core.opsBrought(rows));
    return ops.filter((op) => !this.own.has(idOf(op)));
  }
}

function idOf(op: StoredOp): string {
  return call(() => more().opId(op.header));
}
