// The store of a repo in IndexedDB: a row is there with everything that it brings, or not at all.

import { type Database, result } from "./database.js";
import { rowsUpTo, type Store } from "./store.js";
import type { Loaded, Query, Remembered, Row, RowBytes, RowHeaders } from "./surface.js";
import { unhex } from "./values.js";

/** How many rows are read at once. */
const PAGE_ROWS = 64;
/** Of how many peers is told what is remembered of them. */
const PEERS_MAX = 1_000;

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
        return { type: "ops", rows: await this.#whole([...new Set(query.rows)], query.bytesMax) };
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

  /** Whole rows: at least one, and no more when they have so many bytes. */
  async #whole(seqs: readonly number[], bytesMax?: number): Promise<RowBytes[]> {
    const read: RowBytes[] = [];
    for (let at = 0, left = bytesMax ?? Number.POSITIVE_INFINITY; at < seqs.length && left > 0; at += PAGE_ROWS) {
      const page = rowsUpTo(await this.#rowsAt(seqs.slice(at, at + PAGE_ROWS)), left);
      read.push(...page);
      left -= page.reduce((bytes, { headers, bodies }) => bytes + headers.length + bodies.length, 0);
    }
    return read;
  }

  #rowsAt(seqs: readonly number[]): Promise<RowBytes[]> {
    return this.#database.read(async (all) => {
      const read = async (seq: number): Promise<RowBytes[]> => {
        const [row, bodies = NONE] = await Promise.all([
          result<RowHeaders | undefined>(all.objectStore("rows").get(seq)),
          result<Uint8Array | undefined>(all.objectStore("bodies").get(seq)),
        ]);
        return row ? [{ seq, headers: row.headers, bodies }] : [];
      };
      return (await Promise.all(seqs.map(read))).flat();
    });
  }
}
