// The database of a repo in IndexedDB: its schema, who may write to it, and what its failures mean.

import { TrellisError } from "./errors.js";
import type { Row } from "./surface.js";

/** The schema that this program writes. */
const SCHEMA_VERSION = 2;

/** What stands in the stores of the database. docs/format.md describes each. */
const STORES = ["rows", "bodies", "meta", "keys", "peers"] as const;

/** The name of a repo's database. */
function databaseName(repo: string): string {
  return `trellis-sync/${repo}`;
}

/** The steps from one version to the next; the first makes version 1 of nothing. They move rows, and never re-encode an op. */
const MIGRATIONS: readonly ((database: IDBDatabase, transaction: IDBTransaction) => void)[] = [
  (database) => {
    database.createObjectStore("rows", { keyPath: "seq" });
    for (const name of ["meta", "keys", "peers"]) database.createObjectStore(name);
  },
  bodiesApart,
];

/** Version 1 had the bodies in the rows, so that opening read all of them. */
function bodiesApart(database: IDBDatabase, transaction: IDBTransaction): void {
  const apart = database.createObjectStore("bodies");
  onResult<IDBCursorWithValue | null>(transaction.objectStore("rows").openCursor(), (cursor) => {
    if (!cursor) return;
    const { bodies, ...row } = cursor.value as Row;
    if (bodies.length > 0) apart.put(bodies, row.seq);
    cursor.update(row);
    cursor.continue();
  });
}

/** An open database, of which one program is the writer. */
export class Database {
  readonly #database: IDBDatabase;
  /** The number of this writer. Whoever comes after it has a greater one, also where the storage was cleared meanwhile. */
  epoch = 0;
  /** Why it is open no more. */
  #failure: TrellisError | undefined;
  readonly #lost: () => void;
  readonly #writing = new Set<Promise<void>>();
  /** Whether what is written is on the disk when a transaction is complete; otherwise it is with the system. */
  isStrict = false;

  private constructor(database: IDBDatabase, lost: () => void) {
    this.#database = database;
    this.#lost = lost;
    database.onversionchange = ({ newVersion }) => this.#lose(newVersion === null ? deleted() : newer());
    database.onclose = () => this.#lose(deleted());
  }

  /**
   * Opens the database of a repo, makes it, or brings it to the present schema.
   *
   * @param lost is called when it can be used no more although nobody closed it.
   * @throws TrellisError `schema_newer`, `locked` while a program with an older schema has it open, `unsupported` where the
   * browser keeps nothing, `storage_full`, `storage_corrupt`
   */
  static open(repo: string, lost: () => void): Promise<Database> {
    return new Promise((resolve, reject) => {
      const failed = (thrown: unknown) => reject(databaseError(thrown));
      let request: IDBOpenDBRequest;
      try {
        request = indexedDB.open(databaseName(repo), SCHEMA_VERSION);
      } catch (thrown) {
        return failed(thrown);
      }
      let isLate = false;
      request.onupgradeneeded = ({ oldVersion }) => {
        const transaction = request.transaction as IDBTransaction;
        for (const migrate of MIGRATIONS.slice(oldVersion)) migrate(request.result, transaction);
      };
      request.onblocked = () => {
        isLate = true;
        reject(new TrellisError("locked", "An older version of this page has the repo open. Close its tabs."));
      };
      request.onerror = () => failed(request.error);
      request.onsuccess = () => {
        if (isLate) request.result.close();
        else resolve(new Database(request.result, lost));
      };
    });
  }

  /** Becomes the writer: whoever was it before writes nothing from now on. */
  claim(): Promise<void> {
    return this.#transact("strict", (transaction) => {
      const meta = transaction.objectStore("meta");
      onResult<number | undefined>(meta.get("epoch"), (epoch = 0) => {
        this.epoch = Math.max(epoch + 1, Date.now());
        meta.put(this.epoch, "epoch");
      });
    });
  }

  /**
   * Writes, all or nothing; it is done when all of it is complete.
   *
   * @throws TrellisError `locked` where another program has become the writer; `storage_full`; why it was closed
   */
  write(work: (transaction: IDBTransaction) => void, durability: IDBTransactionDurability = "strict"): Promise<void> {
    return this.#transact(durability, (transaction, fail) => {
      onResult<number>(transaction.objectStore("meta").get("epoch"), (epoch) => {
        if (epoch === this.epoch) return work(transaction);
        fail(new TrellisError("locked", "Another tab has taken the repo over. Nothing was written; try again."));
        this.#lose();
      });
    });
  }

  /** Reads, of one state. */
  async read<T>(work: (transaction: IDBTransaction) => Promise<T>): Promise<T> {
    if (this.#failure) throw this.#failure;
    try {
      return await work(this.#database.transaction(STORES));
    } catch (thrown) {
      throw this.#failure ?? databaseError(thrown);
    }
  }

  /** Closes it. */
  close(): void {
    this.#failure ??= new TrellisError("aborted", "The repo was closed. Open it again.");
    this.#database.close();
  }

  /** Waits until what is being written now is written, or has failed. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#writing);
  }

  #transact(
    durability: IDBTransactionDurability,
    work: (transaction: IDBTransaction, fail: (failure: TrellisError) => void) => void,
  ): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      let transaction: IDBTransaction;
      let failure: TrellisError | undefined;
      try {
        transaction = this.#database.transaction(STORES, "readwrite", { durability });
      } catch (thrown) {
        return reject(databaseError(thrown));
      }
      if (durability === "strict") this.isStrict = transaction.durability === "strict";
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(failure ?? this.#failure ?? databaseError(transaction.error));
      work(transaction, (why) => {
        failure = why;
        transaction.abort();
      });
    });
    this.#writing.add(written);
    const forget = () => this.#writing.delete(written);
    written.then(forget, forget);
    return written;
  }

  #lose(failure?: TrellisError): void {
    if (this.#failure) return;
    this.#failure = failure ?? new TrellisError("locked", "Another tab has taken the repo over. Try again.");
    this.#database.close();
    this.#lost();
  }
}

/** Calls `heard` with what a request gives, within its transaction. */
export function onResult<T>(request: IDBRequest, heard: (result: T) => void): void {
  request.onsuccess = () => heard(request.result);
}

/** What a request gives. Others may be made in its transaction as soon as that is there. */
export function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function newer(): TrellisError {
  return new TrellisError("schema_newer", "A newer version of this page has opened the repo. Load the page again.");
}

function deleted(): TrellisError {
  return new TrellisError("storage_corrupt", "The browser's storage was cleared while the repo was open.");
}

/** A failure of IndexedDB as an error of ours. */
function databaseError(cause: unknown): TrellisError {
  if (cause instanceof TrellisError) return cause;
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : "";
  const error = (code: "storage_full" | "unsupported" | "storage_corrupt", message: string) =>
    new TrellisError(code, message, { cause });
  switch (name) {
    case "VersionError":
      return newer();
    case "QuotaExceededError":
      return error("storage_full", "The browser has no more room for this page. Nothing of that was saved; free some.");
    case "SecurityError":
    case "InvalidStateError":
      return error(
        "unsupported",
        'This browser keeps nothing for this page. Let it, or say open(name, { storage: "memory" }).',
      );
    default:
      return error("storage_corrupt", "The browser's storage failed; nothing of that write is counted as saved.");
  }
}
