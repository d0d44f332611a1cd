// The store of a repo in IndexedDB: a row is there with everything that it brings, or not at all.

import { type Database, result } from "./database.js";
import { bytesOf, opsUpTo, type Store } from "./store.js";
import type { Loaded, Query, Remembered, Row, RowHeaders, StoredAt, StoredOp } from "./surface.js";
import { unhex } from "./values.js";

/** How many rows are read at once. */
const PAGE_ROWS = 64;
/** For how many ops rows are read at once. */
const PAGE_OPS = 64;
/** Of how many peers is told what is remembered of them. */
const PEERS_MAX = 1_000;

type Bytes = Pick<Row, "headers" | "bodies">;

const NONE = new Uint8Array();

/** A store in a database. */
export class DatabaseStore implements Store {
  readonly #database: Database;
  /** What is written together with the next row of this device, by the keys. */
  readonly #joins: (row: Row, transaction: IDBTransaction) => void;

  constructor(database: Database, joins: (row: Row, transaction: IDBTransaction) => void) {
    this.#database = database;
    this.#joins = joins;
  }

  persist(rows: readonly Row[]): Promise<void> {
    return this.#database.write((transaction) => {
      for (const row of rows) {
        const { bodies, ...headers } = row;
        transaction.objectStore("rows").add(headers);
        if (bodies.length > 0) transaction.objectStore("bodies").add(bodies, row.seq);
        this.#joins(row, transaction);
      }
    });
  }

  async load(query: Query): Promise<Loaded> {
    switch (query.type) {
      case "rows":
        return this.#rows(query.after);
      case "ops":
        return { type: "ops", ops: await this.#ops(query.ops, query.bytesMax) };
      case "peers":
        return { type: "peers", peers: await this.#peers() };
      case "blobPiece":
        return { type: "piece" };
      default:
        return { type: "blobs", blobs: [] };
    }
  }

  remember(remembered: Remembered): Promise<void> {
    return this.#database.write((transaction) => {
      transaction.objectStore("peers").put(remembered, unhex(remembered.peer));
    }, "relaxed");
  }

  close(): void {
    this.#database.close();
  }

  async #rows(after: number): Promise<Loaded> {
    const range = IDBKeyRange.lowerBound(after, true);
    const rows = await this.#database.read<RowHeaders[]>((all) =>
      result(all.objectStore("rows").getAll(range, PAGE_ROWS)),
    );
    return { type: "rows", rows, more: rows.length === PAGE_ROWS };
  }

  #peers(): Promise<Remembered[]> {
    return this.#database.read((all) => result(all.objectStore("peers").getAll(null, PEERS_MAX)));
  }

  /** Ops in order, for which no more rows are in memory at once than some of them lie in. */
  async #ops(places: readonly StoredAt[], bytesMax = Number.POSITIVE_INFINITY): Promise<StoredOp[][]> {
    const read: StoredOp[][] = [];
    for (let left = bytesMax; read.length < places.length && left > 0; ) {
      const some = places.slice(read.length, read.length + PAGE_OPS);
      const rows = await this.#rowsOf(some);
      const ops = opsUpTo(some, left, (seq) => rows.get(seq));
      read.push(...ops);
      left -= ops.reduce((bytes, [op]) => bytes + bytesOf(op), 0);
    }
    return read;
  }

  #rowsOf(places: readonly StoredAt[]): Promise<Map<number, Bytes>> {
    const seqs = new Set(places.flatMap(({ op, lateBody }) => (lateBody ? [op.row, lateBody.row] : [op.row])));
    return this.#database.read(async (all) => {
      const rows = new Map<number, Bytes>();
      const read = async (seq: number) => {
        const [row, bodies = NONE] = await Promise.all([
          result<RowHeaders | undefined>(all.objectStore("rows").get(seq)),
          result<Uint8Array | undefined>(all.objectStore("bodies").get(seq)),
        ]);
        if (row) rows.set(seq, { headers: row.headers, bodies });
      };
      await Promise.all([...seqs].map(read));
      return rows;
    });
  }
}
