// Stores: what keeps a repo's rows. One in memory is here; others have the same four verbs.

import { call } from "./core.js";
import type { Loaded, Query, Remembered, Row, RowBytes, RowHeaders } from "./surface.js";

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

/** The ids of the ops that a row brings, or completes by a body, in order. */
export function broughtBy({ seq, headers, digest }: RowHeaders): readonly string[] {
  return call((core) => core.broughtBy(seq, headers, digest));
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
        return {
          type: "ops",
          rows: rowsUpTo(
            [...new Set(query.rows)].flatMap((seq) => this.row(seq) ?? []),
            query.bytesMax,
          ),
        };
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

  /** A row. */
  row(seq: number): Row | undefined {
    return this.#rows[seq - 1];
  }
}

/** The first of some rows: at least one, and no more when they have so many bytes. */
export function rowsUpTo(rows: Iterable<RowBytes>, bytesMax = Number.POSITIVE_INFINITY): RowBytes[] {
  const read: RowBytes[] = [];
  let bytes = 0;
  for (const { seq, headers, bodies } of rows) {
    if (bytes >= bytesMax) break;
    bytes += headers.length + bodies.length;
    read.push({ seq, headers, bodies });
  }
  return read;
}
