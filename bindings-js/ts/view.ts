// What `get` and `entries` read of.

import { type Entry, entryOf } from "./entry.js";
import { TrellisError } from "./errors.js";
import type { Host } from "./host.js";
import { listing } from "./listing.js";
import type { OpId } from "./ops.js";
import { parsePlace, valueAt } from "./places.js";
import { expected } from "./receipt.js";
import type { Answer, Command, Entity, Json } from "./surface.js";

/** The types of a program's records, by collection. */
export type Records = { [collection: string]: unknown };
/** Records of any shape. */
// biome-ignore lint/suspicious/noExplicitAny: who gives no types wants none checked.
export type AnyRecords = { [collection: string]: any };

/** Which entities. */
export interface Query<C extends string = string> {
  /** Only those of this collection. */
  readonly collection?: C;
  /** Only keys that begin with this. */
  readonly prefix?: string;
}

const MAIN = "main";

/** What `get` and `entries` read of: a repo, or the repo as it was. */
export class RepoView<R extends Records = AnyRecords> {
  /** The branch that is looked at. */
  readonly branchName: string;
  protected readonly host: Host;
  readonly #at: readonly OpId[];

  /** Use `Repo.at`. @hidden */
  constructor(host: Host, branchName: string, at: readonly OpId[]) {
    this.host = host;
    this.branchName = branchName;
    this.#at = at;
  }

  /**
   * What stands at a place: `collection/key`, or `collection/key/field...`. Bytes are a `Uint8Array`.
   *
   * @example
   * ```ts
   * await repo.set("todo/1", { title: "Buy milk", tags: ["home"] });
   * console.log(await repo.get("todo/1/title"), await repo.get("todo/2")); // Buy milk undefined
   * ```
   *
   * @returns `undefined` where nothing is there.
   * @throws TrellisError `invalid_argument` for what is no place; `body_missing` where the content is not here.
   */
  async get<T = Json | Uint8Array>(path: string): Promise<T | undefined> {
    const { collection, key, pointer } = parsePlace(path);
    const { shown } = await this.#entity(collection, key);
    switch (shown.type) {
      case "json":
        return valueAt(shown.value, pointer) as T | undefined;
      case "bytes":
        return pointer.length === 0 ? (shown.bytes as T) : undefined;
      case "bodyMissing":
        throw new TrellisError("body_missing", "The content of this entity is not here.");
      default:
        return undefined;
    }
  }

  /**
   * An entity with its base and its conflicts.
   *
   * @example
   * ```ts
   * const { ops } = await repo.set("todo/1/title", "Buy milk");
   * const { value, frontier, conflicts } = await repo.entry("todo", "1");
   * console.log(value, frontier[0] === ops[0], conflicts); // { title: 'Buy milk' } true []
   * await repo.set("todo/1/done", true, { ifBase: frontier }); // on top of just that
   * ```
   *
   * @throws TrellisError `invalid_argument` for names that no entity has.
   */
  async entry<C extends keyof R & string>(collection: C, key: string): Promise<Entry<R[C]>> {
    return entryOf(await this.#entity(collection, key));
  }

  /**
   * The entities of a collection, ascending by key.
   *
   * @example
   * ```ts
   * await repo.set("todo/1/title", "Buy milk");
   * await repo.set("todo/2/title", "Buy oats");
   * for (const { key, value } of await repo.entries("todo")) console.log(key, value?.title);
   * // 1 Buy milk
   * // 2 Buy oats
   * ```
   */
  entries<C extends keyof R & string>(collection: C): Promise<Entry<R[C]>[]> {
    return this.query({ collection });
  }

  /**
   * Entities, ascending by collection and key.
   *
   * @example
   * ```ts
   * await repo.set("todo/home-1/title", "Buy milk");
   * await repo.set("todo/work-1/title", "Write");
   * const found = await repo.query({ collection: "todo", prefix: "home-" });
   * console.log(found.map(({ key }) => key)); // [ 'home-1' ]
   * ```
   */
  async query<C extends keyof R & string>(query: Query<C> = {}): Promise<Entry<R[C]>[]> {
    const { collection, prefix } = query;
    const command: Command = {
      type: "entries",
      branch: this.branchName,
      at: this.#at,
      collection,
      keyPrefix: prefix,
    };
    const answer = await this.ask(command, { type: "entries", entities: [] });
    return answer.entities.map((entity) => entryOf<R[C]>(entity));
  }

  /** What reads the entities of a collection again and again, and asks for those that changed. @hidden */
  protected listed(collection: string): () => Promise<readonly Entry[]> {
    const { branchName: branch, host } = this;
    return listing(async (since) => {
      const command: Command = { type: "entriesSince", branch, collection, since };
      return expected(await host.carryOut(command), "entriesSince");
    });
  }

  async #entity(collection: string, key: string): Promise<Entity> {
    const absent: Entity = { collection, key, shown: { type: "absent" }, frontier: [], conflicts: [] };
    const command: Command = { type: "get", branch: this.branchName, collection, key, at: this.#at };
    return (await this.ask(command, { type: "entity", entity: absent })).entity;
  }

  /** Asks. `main` is there from the start, even if nobody has written to it. */
  protected async ask<A extends Answer>(command: Command, none: A): Promise<A> {
    try {
      return expected(await this.host.carryOut(command), none.type) as A;
    } catch (thrown) {
      const isNone = thrown instanceof TrellisError && thrown.code === "not_found" && thrown.op === undefined;
      if (isNone && this.branchName === MAIN) return none;
      throw thrown;
    }
  }
}
