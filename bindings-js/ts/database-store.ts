// The store of a repo in IndexedDB: a row is there with everything that it brings, or not at all.

import { type Database, result } from "./database.js";
import { rowsUpTo, type Store } from "./store.js";
import type { Loaded, Query, Remembered, Row, RowBytes, RowHeaders } from "./surface.js";
import { unhex } from "./values.js";

/** How many rows are read at once. */
const PAGE_ROWS = 64;
/** How many whole rows are read first where not all of them may be wanted. */
const FIRST_ROWS = 8;
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
        return { type: "ops", rows: await this.#whole(query.rows, query.bytesMax) };
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

  /** Whole rows: at least one, and no more when they have so many bytes; where all are wanted, ascending. */
  async #whole(wanted: readonly number[], bytesMax?: number): Promise<RowBytes[]> {
    const seqs = [...new Set(wanted)];
    if (bytesMax === undefined) seqs.sort((one, other) => one - other);
    const read: RowBytes[] = [];
    let left = bytesMax ?? Number.POSITIVE_INFINITY;
    for (
      let at = 0, rows = FIRST_ROWS;
      at < seqs.length && left > 0;
      at += rows, rows = Math.min(2 * rows, PAGE_ROWS)
    ) {
      const page = rowsUpTo(await this.#rowsAt(seqs.slice(at, at + rows)), left);
      read.push(...page);
      left -= page.reduce((bytes, { headers, bodies }) => bytes + headers.length + bodies.length, 0);
    }
    return read;
  }

  #rowsAt(seqs: readonly number[]): Promise<RowBytes[]> {
    return this.#database.read(async (all) => {
      const runs = runsOf(seqs).map((run) => rowsWithin(all, IDBKeyRange.bound(...run)));
      return (await Promise.all(runs)).flat();
    });
  }
}

/** The rows of a range. Those without bodies have none in the store of these. */
async function rowsWithin(all: IDBTransaction, range: IDBKeyRange): Promise<RowBytes[]> {
  const store = all.objectStore("bodies");
  const [rows, seqs, bodies] = await Promise.all([
    result<RowHeaders[]>(all.objectStore("rows").getAll(range)),
    result<IDBValidKey[]>(store.getAllKeys(range)),
    result<Uint8Array[]>(store.getAll(range)),
  ]);
  const bodiesOf = new Map(seqs.map((seq, at) => [seq, bodies[at]]));
  return rows.map(({ seq, headers }) => ({ seq, headers, bodies: bodiesOf.get(seq) ?? NONE }));
}

/** Numbers as runs of which each is one more than the last: where each run begins and ends. */
function runsOf(numbers: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run && run[1] + 1 === number) run[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}
