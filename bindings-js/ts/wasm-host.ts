// The host in browsers, and wherever no addon is: the WASM machine over a store, with links by WebSocket.

import { type Connection, dialWebSocket, isAsked } from "./connection.js";
import type { BranchPolicy } from "./core.js";
import { Driver } from "./driver.js";
import { asError } from "./errors.js";
import { type Host, type HostLink, kept, type LogChange, type StorageStatus, type SyncOptions } from "./host.js";
import { exchange } from "./http.js";
import type { Keys } from "./keys.js";
import { Backoff, isFinal, pause, stateAfter, Teller, wake } from "./link.js";
import { type Ended, pump } from "./pump.js";
import { expected, statusOf } from "./receipt.js";
import { broughtBy, type Store } from "./store.js";
import type { Answer, Command, Event } from "./surface.js";

/** What a host begins with. */
export interface WasmHostOptions {
  readonly store: Store;
  readonly keys: Keys;
  readonly now: () => number;
  readonly policies?: Readonly<Record<string, BranchPolicy>> | undefined;
  /** How safe what the store has confirmed is, as peers are told: `disk` unless it is said. */
  readonly level?: "os" | "disk";
  /** How the store keeps the repo; in memory, where that is not said. */
  readonly storage?: () => Promise<StorageStatus>;
}

const IN_MEMORY: StorageStatus = { kind: "memory", level: "memory", isKeyExportable: true, isPersisted: false };

/** A machine in this process. */
export class WasmHost implements Host {
  readonly isPersistent: boolean;
  readonly #storage: (() => Promise<StorageStatus>) | undefined;
  readonly #driver: Driver;
  readonly #store: Store;
  readonly #heard = new Set<(event?: Event) => void>();
  readonly #links = new Set<HostLink>();

  constructor({ store, keys, now, policies, level, storage }: WasmHostOptions) {
    this.#store = store;
    this.#storage = storage;
    this.isPersistent = storage !== undefined;
    const heard = (event?: Event) => {
      for (const heard of [...this.#heard]) heard(event);
    };
    this.#driver = new Driver({ store, keys, now, policies, level, heard });
  }

  now(): number {
    return this.#driver.now();
  }

  async carryOut(command: Command): Promise<Answer> {
    const answer = await this.#driver.carryOut(command);
    return answer.type === "status" ? kept(answer, (await this.#storage?.()) ?? IN_MEMORY) : answer;
  }

  async changes(after: number): Promise<readonly LogChange[]> {
    const changes: LogChange[] = [];
    for (let more = true, last = after; more; ) {
      const loaded = await this.#store.load({ type: "rows", after: last });
      if (loaded.type !== "rows") break;
      for (const row of loaded.rows) {
        const { seq, isLocal } = row;
        changes.push({ seq, isLocal, ops: broughtBy(row) });
        last = seq;
      }
      more = loaded.more;
    }
    return changes;
  }

  listen(heard: (event?: Event) => void): () => void {
    this.#heard.add(heard);
    return () => this.#heard.delete(heard);
  }

  sync(url: string, options: SyncOptions): HostLink {
    const { expected, branches } = options;
    const terms = { isInitiator: true, expected, branches };
    if (isAsked(url, options)) {
      return this.#link((teller, signal, began) =>
        this.#redialled(teller, signal, () => exchange(this.#driver, url, terms, teller, signal, { began })),
      );
    }
    return this.#link((teller, signal, began) =>
      this.#redialled(teller, signal, async () => {
        const connection = await dialWebSocket(url, options, signal);
        return pump(this.#driver, connection, terms, teller, signal, { began });
      }),
    );
  }

  connect(connection: Connection, isInitiator: boolean): HostLink {
    return this.#link(async (teller, signal, began) => {
      const { failure } = await pump(this.#driver, connection, { isInitiator }, teller, signal, { began });
      teller.tell({ isInSync: false, state: stateAfter(failure), ...(failure && { reason: failure }) });
    });
  }

  wake(): void {
    wake();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links].map((link) => link.close()));
    await this.#driver.close();
  }

  /** Dials, and dials again with growing pauses, until the link is closed or nothing can come of it. */
  async #redialled(teller: Teller, signal: AbortSignal, once: () => Promise<Ended>): Promise<void> {
    const backoff = new Backoff();
    while (!signal.aborted) {
      if (!teller.status.reason) teller.tell({ state: "connecting" });
      const hasBegun = await this.#hasBegun().catch(() => true);
      const { failure, hasProgress } = await once().catch(
        (thrown: unknown): Ended => ({ failure: asError(thrown), hasProgress: false }),
      );
      if (signal.aborted) break;
      teller.tell({ isInSync: false, state: stateAfter(failure), ...(failure && { reason: failure }) });
      if (isFinal(failure) && (hasBegun || failure?.code !== "auth_failed")) return;
      if (hasProgress) backoff.reset();
      await pause(backoff.next(), signal);
    }
    teller.tell({ isInSync: false, state: "closed" });
  }

  /** Whether the repo has ops. One without asks for whatever repo there is, and may be let in once it has its own. */
  async #hasBegun(): Promise<boolean> {
    return (await statusOf(this)).repo !== undefined;
  }

  #link(work: (teller: Teller, signal: AbortSignal, began: (id: number) => void) => Promise<void>): HostLink {
    const teller = new Teller();
    const stop = new AbortController();
    let id: number | undefined;
    const began = (number: number) => {
      id = number;
    };
    const running = work(teller, stop.signal, began).finally(() => this.#links.delete(link));
    const link: HostLink = {
      get status() {
        return teller.status;
      },
      onStatus: (heard) => teller.listen(heard),
      progress: async () => {
        const { links } = expected(await this.carryOut({ type: "links" }), "links");
        return links.find(({ link }) => link === id)?.progress;
      },
      close: async () => {
        stop.abort();
        await running;
      },
    };
    this.#links.add(link);
    return link;
  }
}
