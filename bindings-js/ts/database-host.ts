// A repo in IndexedDB, for the one tab that writes it.

import { type BranchPolicy, prepare } from "./core.js";
import { Database } from "./database.js";
import { DatabaseKeys } from "./database-keys.js";
import { beginLog } from "./database-log.js";
import { DatabaseStore } from "./database-store.js";
import type { HostLink, StorageStatus, SyncOptions } from "./host.js";
import { isOver } from "./link.js";
import { WasmHost } from "./wasm-host.js";

/** What a repo in a database is opened with. */
export interface DatabaseOptions {
  readonly policies?: Readonly<Record<string, BranchPolicy>> | undefined;
  /** Is called when the database can be used no more although nobody closed it. */
  readonly lost: () => void;
}

interface SharedLink {
  readonly link: HostLink;
  users: number;
}

/** A machine over a database. Whoever asks for a link to the same peer in the same way has the same link. */
export class DatabaseHost extends WasmHost {
  /** The number of this writer. */
  readonly epoch: number;
  readonly #database: Database;
  readonly #shared = new Map<string, SharedLink>();

  private constructor(database: Database, keys: DatabaseKeys, policies: DatabaseOptions["policies"]) {
    const store = new DatabaseStore(database, (row, transaction) => keys.joins(row, transaction));
    const level = database.isStrict ? "disk" : "os";
    const storage = async (): Promise<StorageStatus> => ({
      kind: "indexeddb",
      level,
      isKeyExportable: keys.isExportable,
      isPersisted: (await navigator.storage?.persisted()) ?? false,
    });
    super({ store, keys, now: Date.now, policies, level, storage });
    this.#database = database;
    this.epoch = database.epoch;
  }

  /** Opens the database of a repo, and becomes its writer. @throws TrellisError as `Database.open` */
  static async open(name: string, { policies, lost }: DatabaseOptions): Promise<DatabaseHost> {
    const prepared = prepare();
    await beginLog(name);
    const database = await Database.open(name, lost);
    try {
      await database.claim();
      const keys = await DatabaseKeys.open(database);
      await prepared;
      return new DatabaseHost(database, keys, policies);
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  }

  /** What is being written is answered before it closes. */
  override async close(): Promise<void> {
    await this.#database.idle();
    await super.close();
  }

  override sync(url: string, options: SyncOptions): HostLink {
    const way = JSON.stringify([url, options]);
    const known = this.#shared.get(way);
    const shared = known && !isOver(known.link.status.state) ? known : { link: super.sync(url, options), users: 0 };
    shared.users += 1;
    this.#shared.set(way, shared);
    const { link } = shared;
    return {
      get status() {
        return link.status;
      },
      onStatus: (heard) => link.onStatus(heard),
      progress: () => link.progress(),
      close: async () => {
        shared.users -= 1;
        if (shared.users > 0) return;
        if (this.#shared.get(way) === shared) this.#shared.delete(way);
        await link.close();
      },
    };
  }
}
