// Stores: what keeps a repo's rows. One in memory is here; others have the same four verbs.

import { call } from "./core.js";
import type { Loaded, Place, Query, Remembered, Row, RowHeaders, StoredAt, StoredOp } from "./surface.js";

type Maybe<T> = T | Promise<T>;

/**
 * What keeps a repo. A driver calls one verb at a time, in order; rows may also be loaded beside that, to tell what
 * changed.
 */
export interface Store {
  /** Writes rows in one batch: all of them are durable when this is done, or none is there when it fails. */
  persist(rows: readonly Row[]): Maybe<void>;
  /** Reads. */
  load(query: Query): Maybe<Loaded>;
  /** Remembers something of a peer; what was remembered of it before is forgotten. It need not be durable. */
  remember(peer: Remembered): Maybe<void>;
  /** Lets go of what it holds. */
  close(): Maybe<void>;
}

/** What a row brings, in order. */
export function broughtBy({ seq, headers, digest }: RowHeaders): readonly Brought[] {
  return call((core) => core.broughtBy(seq, headers, digest));
}

/** What a row brings: an op, or the late body of one. */
export interface Brought {
  readonly id: string;
  /** Whether the op itself is here, and not its body alone. */
  readonly isOp: boolean;
  readonly headerAt: number;
  readonly bodyAt: number;
}

/** A store that is gone with the program. */
export class MemoryStore implements Store {
  readonly #rows: Row[] = [];
  readonly #peers = new Map<string, Remembered>();

  /** How many rows there are: the last one's local sequence. */
  get length(): number {
    return this.#rows.length;
  }

  persist(rows: readonly Row[]): void {
    this.#rows.push(...rows);
  }

  load(query: Query): Loaded {
    switch (query.type) {
      case "rows":
        return { type: "rows", rows: this.#rows.slice(query.after), more: false };
      case "ops":
        return { type: "ops", ops: this.#opsUpTo(query.ops, query.bytesMax ?? Number.POSITIVE_INFINITY) };
      case "peers":
        return { type: "peers", peers: [...this.#peers.values()] };
      case "blobPiece":
        return { type: "piece" };
      default:
        return { type: "blobs", blobs: [] };
    }
  }

  remember(peer: Remembered): void {
    this.#peers.set(peer.peer, peer);
  }

  close(): void {}

  /** Takes the rows behind one away. */
  truncate(rows: number): void {
    this.#rows.length = rows;
  }

  #opsUpTo(places: readonly StoredAt[], bytesMax: number): StoredOp[][] {
    const read: StoredOp[][] = [];
    let bytes = 0;
    for (const at of places) {
      if (bytes >= bytesMax) break;
      const op = this.op(at);
      bytes += op ? op.header.length + (op.body?.length ?? 0) : 0;
      read.push(op ? [op] : []);
    }
    return read;
  }

  /** The op at a place. */
  op({ op, lateBody }: StoredAt): StoredOp | undefined {
    const { header, signature, bodyBytes } = this.#record(op);
    if (!header) return undefined;
    const body = lateBody ? this.#body(lateBody, this.#record(lateBody).bodyBytes) : this.#body(op, bodyBytes);
    return { header, ...(body && { body }), ...(signature && { signature }) };
  }

  #record(at: Place): { header?: Uint8Array; signature?: Uint8Array; bodyBytes?: number } {
    const headers = this.#rows[at.row - 1]?.headers;
    if (!headers) return {};
    return call((functions) =>
      functions.readRecord(headers.subarray(at.headerAt, at.headerAt + functions.recordBytesMax())),
    );
  }

  #body(at: Place, bytes: number | undefined): Uint8Array | undefined {
    if (bytes === undefined) return undefined;
    return this.#rows[at.row - 1]?.bodies.slice(at.bodyAt, at.bodyAt + bytes);
  }
}
