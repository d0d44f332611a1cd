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
        return { type: "ops", ops: opsUpTo(query.ops, query.bytesMax, (seq) => this.#rows[seq - 1]) };
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

  /** The op at a place. */
  op(at: StoredAt): StoredOp | undefined {
    return opAt(at, (seq) => this.#rows[seq - 1]);
  }
}

type RowOf = (seq: number) => Pick<Row, "headers" | "bodies"> | undefined;

/** The first of the ops at these places: at least one, and no more when they have so many bytes. */
export function opsUpTo(places: readonly StoredAt[], bytesMax = Number.POSITIVE_INFINITY, rowOf: RowOf): StoredOp[][] {
  const read: StoredOp[][] = [];
  let bytes = 0;
  for (const at of places) {
    if (bytes >= bytesMax) break;
    const op = opAt(at, rowOf);
    bytes += bytesOf(op);
    read.push(op ? [op] : []);
  }
  return read;
}

/** How many bytes an op has, as reads count them. */
export function bytesOf(op: StoredOp | undefined): number {
  return op ? op.header.length + (op.body?.length ?? 0) : 0;
}

function opAt({ op, lateBody }: StoredAt, rowOf: RowOf): StoredOp | undefined {
  const { header, signature, bodyBytes } = record(op, rowOf);
  if (!header) return undefined;
  const body = lateBody ? bodyAt(lateBody, record(lateBody, rowOf).bodyBytes, rowOf) : bodyAt(op, bodyBytes, rowOf);
  return { header, ...(body && { body }), ...(signature && { signature }) };
}

function record(at: Place, rowOf: RowOf): { header?: Uint8Array; signature?: Uint8Array; bodyBytes?: number } {
  const headers = rowOf(at.row)?.headers;
  if (!headers) return {};
  return call((functions) =>
    functions.readRecord(headers.subarray(at.headerAt, at.headerAt + functions.recordBytesMax())),
  );
}

function bodyAt(at: Place, bytes: number | undefined, rowOf: RowOf): Uint8Array | undefined {
  if (bytes === undefined) return undefined;
  return rowOf(at.row)?.bodies.slice(at.bodyAt, at.bodyAt + bytes);
}
