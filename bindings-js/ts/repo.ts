// Repo: a verb for everything that a program does with its data.

import { Batch } from "./batch.js";
import type { Connection } from "./connection.js";
import { call } from "./core.js";
import { TrellisError } from "./errors.js";
import type { Host, HostLink, SyncOptions } from "./host.js";
import type { LinkStatus } from "./link.js";
import { type Op, type OpId, opsOf, opsShown } from "./ops.js";
import { parsePlace, valueAt } from "./places.js";
import { expected, Receipt, withSignal } from "./receipt.js";
import { growing, Subscription } from "./subscription.js";
import type {
  Answer,
  BranchView,
  Command,
  Conflict,
  Edit,
  Entity,
  Event,
  ImportReport,
  Json,
  LoggedOp,
  Manifest,
  Member,
  Patch,
  Progress,
  Side,
  Status,
  VerifyReport,
} from "./surface.js";
import { asJson, random } from "./values.js";

/** The types of a program's records, by collection. */
export type Records = { [collection: string]: unknown };
/** Records of any shape. */
// biome-ignore lint/suspicious/noExplicitAny: who gives no types wants none checked.
export type AnyRecords = { [collection: string]: any };

/** How a write is made. */
export interface WriteOptions {
  /** The writes that the writer was looking at; what this replica shows where it is left out. */
  readonly ifBase?: readonly OpId[];
  /** On whose behalf, if not the author's own. */
  readonly actor?: string;
  /** Ends the waiting, not a write that has begun. */
  readonly signal?: AbortSignal;
}

/** An entity as it is shown. */
export interface Entry<T = unknown> {
  readonly collection: string;
  readonly key: string;
  /** Its value; while conflicts are open, a provisional one. Left out where it is not here. */
  readonly value?: T;
  /** The writes that it is made of: the base of whoever writes on top. */
  readonly frontier: readonly OpId[];
  readonly conflicts: readonly Conflict[];
}

/** How a conflict is closed: by one of its sides, by another value, or by nothing in its place. */
export type Resolution = Side | { readonly value: unknown } | "absent";

/** Which entities. */
export interface Query<C extends string = string> {
  readonly collection?: C;
  /** Only keys that begin with this. */
  readonly prefix?: string;
}

/** A change of the log, as `changes` gives it. */
export interface Changed {
  /** Its local sequence: what to go on from. */
  readonly seq: number;
  /** Whether it was written here. */
  readonly isLocal: boolean;
  readonly ops: readonly LoggedOp[];
}

const MAIN = "main";
const LOG_OPS = 100;

/** What `get` and `entries` read of: a repo, or the repo as it was. */
export class RepoView<R extends Records = AnyRecords> {
  /** The branch that is looked at. */
  readonly branchName: string;
  protected readonly host: Host;
  readonly #at: readonly OpId[];

  constructor(host: Host, branchName: string, at: readonly OpId[]) {
    this.host = host;
    this.branchName = branchName;
    this.#at = at;
  }

  /**
   * What stands at a place: `collection/key`, or `collection/key/field...`. Bytes are a `Uint8Array`.
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

  /** An entity with its base and its conflicts. @throws TrellisError `invalid_argument` */
  async entry<C extends keyof R & string>(collection: C, key: string): Promise<Entry<R[C]>> {
    return entryOf(await this.#entity(collection, key));
  }

  /** The entities of a collection, ascending by key. */
  entries<C extends keyof R & string>(collection: C): Promise<Entry<R[C]>[]> {
    return this.query({ collection });
  }

  /** Entities, ascending by collection and key. */
  async query<C extends keyof R & string>(query: Query<C> = {}): Promise<Entry<R[C]>[]> {
    const { collection, prefix } = query;
    const command: Command = {
      type: "entries",
      branch: this.branchName,
      at: this.#at,
      ...(collection !== undefined && { collection }),
      ...(prefix !== undefined && { keyPrefix: prefix }),
    };
    const answer = await this.ask(command, { type: "entries", entities: [] });
    return answer.entities.map((entity) => entryOf<R[C]>(entity));
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

function entryOf<T>({ collection, key, shown, frontier, conflicts }: Entity): Entry<T> {
  const value = shown.type === "json" ? shown.value : shown.type === "bytes" ? shown.bytes : undefined;
  return { collection, key, frontier, conflicts, ...(value !== undefined && { value: value as T }) };
}

/** What a repo is made of, whichever branch is looked at. */
export interface RepoParts {
  readonly host: Host;
  /** What people call it. */
  readonly name: string;
  /** What people call whoever writes. */
  readonly authorName?: string | undefined;
  /** Lets go of the host. */
  readonly close: () => Promise<void>;
}

/** A repo: what it shows, and everything that can be done with it. */
export class Repo<R extends Records = AnyRecords> extends RepoView<R> implements AsyncDisposable {
  readonly #parts: RepoParts;

  /** Use `open`. */
  constructor(parts: RepoParts, branchName: string) {
    super(parts.host, branchName, []);
    this.#parts = parts;
  }

  /** What people call it. */
  get name(): string {
    return this.#parts.name;
  }

  /** Whether it is still there after the program has ended. */
  get isPersistent(): boolean {
    return this.host.isPersistent;
  }

  /**
   * Gives a place a value. A whole entity that exists becomes the value by the difference to what is shown, so fields that
   * do not change are not written. A `Uint8Array` makes the entity those bytes.
   *
   * @throws TrellisError `invalid_argument` for what is no place or no JSON; `payload_too_large`, `clock_ahead`,
   * `permission_denied`, `storage_full`; nothing was changed then.
   */
  set(path: string, value: unknown, options: WriteOptions = {}): Promise<Receipt> {
    return this.#write((batch) => batch.set(path, value, options), options);
  }

  /** As `set` for a whole entity; with `replace` it becomes just the value, and whatever else it held is gone. */
  put<C extends keyof R & string>(
    collection: C,
    key: string,
    value: R[C],
    options: WriteOptions & { replace?: boolean } = {},
  ): Promise<Receipt> {
    return this.#write((batch) => batch.put(collection, key, value, options), options);
  }

  /** Changes places of an entity. @throws TrellisError `invalid_argument` where places are named twice or inside one another */
  patch(collection: keyof R & string, key: string, patch: Patch, options: WriteOptions = {}): Promise<Receipt> {
    return this.#write((batch) => batch.patch(collection, key, patch, options), options);
  }

  /** Adds a record that never changes. */
  append<C extends keyof R & string>(
    collection: C,
    key: string,
    value: R[C],
    options: WriteOptions = {},
  ): Promise<Receipt> {
    return this.#write((batch) => batch.append(collection, key, value), options);
  }

  /** Removes an entity, or a place inside one. */
  delete(path: string, options: WriteOptions = {}): Promise<Receipt> {
    return this.#write((batch) => batch.delete(path, options), options);
  }

  /** Several edits: one transaction, one signature, one receipt. Where `fill` throws, nothing is written. */
  batch(fill: (batch: Batch<R>) => unknown, options: Omit<WriteOptions, "ifBase"> = {}): Promise<Receipt> {
    return this.#write(fill, options);
  }

  /** Gives back what this device's last write to the branch replaced. @throws TrellisError `not_found` */
  undo(options: Omit<WriteOptions, "ifBase"> = {}): Promise<Receipt> {
    return this.#commit([{ type: "undo" }], options);
  }

  /** The open conflicts of the branch, ascending by collection, key and path. */
  async conflicts(): Promise<readonly Conflict[]> {
    const none: Answer & { type: "conflicts" } = { type: "conflicts", conflicts: [] };
    return (await this.ask({ type: "conflicts", branch: this.branchName }, none)).conflicts;
  }

  /**
   * Closes a conflict: by one of its `sides`, by `{ value }`, or by `"absent"`.
   *
   * @throws TrellisError `conflict_moved` where it is closed or has other members by now; look at it again.
   */
  resolve(conflict: Conflict, resolution: Resolution, options: Omit<WriteOptions, "ifBase"> = {}): Promise<Receipt> {
    return this.#write((batch) => batch.resolve(conflict, resolution), options);
  }

  /** The repo as it was when these ops were the branch's heads: a value, and not a mode that the repo is in. */
  at(heads: OpId | readonly OpId[]): RepoView<R> {
    return new RepoView<R>(this.host, this.branchName, typeof heads === "string" ? [heads] : heads);
  }

  /** Ops of the branch's log, the last one first; at most `limit` of them, 100 where it is left out. */
  async log({ entity, limit = LOG_OPS }: { entity?: string; limit?: number } = {}): Promise<readonly LoggedOp[]> {
    const none: Answer & { type: "log" } = { type: "log", ops: [] };
    const of = entity === undefined ? {} : { entity };
    return (await this.ask({ type: "log", branch: this.branchName, opsMax: limit, ...of }, none)).ops;
  }

  /** An op, whole. @throws TrellisError `not_found` */
  async op(id: OpId): Promise<Op> {
    const { ops } = expected(await this.host.carryOut({ type: "show", ops: [id] }), "log");
    const stored = ops[0]?.stored;
    if (!stored) throw new TrellisError("not_found", "There is no such op here.", { op: id });
    return opsShown([stored])[0] as Op;
  }

  /** Every branch. */
  async branches(): Promise<readonly BranchView[]> {
    return (await this.status()).branches;
  }

  /** The same repo, looking at another branch, which need not be there yet. */
  branch(name: string): Branch<R> {
    return new Branch<R>(this.#parts, name, this.branchName);
  }

  /** Joins another branch into this one. @throws TrellisError `not_found` */
  merge(
    source: string,
    { message, ...options }: { message?: string } & Omit<WriteOptions, "ifBase"> = {},
  ): Promise<Receipt> {
    return this.#commit([{ type: "merge", source, ...(message !== undefined && { message }) }], options);
  }

  /** The whole picture. */
  async status(): Promise<Status> {
    return expected(await this.host.carryOut({ type: "status" }), "status").status;
  }

  /** The members and their roles; nobody where everybody may write. */
  async members(): Promise<readonly Member[]> {
    return expected(await this.host.carryOut({ type: "members" }), "members").members;
  }

  /** Makes somebody a member, or changes the role. @throws TrellisError `permission_denied` for all but owners */
  addMember(author: string, name: string, role: "owner" | "writer" | "reader"): Promise<Receipt> {
    return this.#commit([{ type: "addMember", author, name, role }], {}, "_repo");
  }

  /** Ends a membership. @throws TrellisError `permission_denied` for all but owners, `not_found` */
  removeMember(author: string): Promise<Receipt> {
    return this.#commit([{ type: "removeMember", author }], {}, "_repo");
  }

  /** What collections declare, ascending by collection; the others merge by `graph_merge`. */
  async manifests(): Promise<readonly Manifest[]> {
    return expected(await this.host.carryOut({ type: "manifests" }), "manifests").manifests;
  }

  /** Says how a collection merges and who may see and change it. @throws TrellisError `invalid_argument` */
  declare(collection: string, manifest: Json): Promise<Receipt> {
    return this.#commit([{ type: "declare", collection, manifest: asJson(manifest) }], {}, "_repo");
  }

  /** Takes the content of ops, or places of patches, out of everybody's sight. @throws TrellisError `permission_denied` */
  redact(ops: readonly OpId[], pointers: readonly string[] = []): Promise<Receipt> {
    return this.#commit([{ type: "redact", ops, pointers }], {}, "_repo");
  }

  /**
   * Changes of the log behind a local sequence, then every later one as it comes.
   *
   * @param since the last `seq` that is known; 0 for all.
   * @throws TrellisError `aborted` when the signal says so.
   */
  async *changes(since = 0, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<Changed, void, undefined> {
    let last = since;
    for await (const { seq, isLocal, ops: ids } of growing(
      () => this.host.changes(last),
      (changed) => this.host.listen((event) => event ?? changed()),
      signal,
    )) {
      last = seq;
      const ops = ids.length > 0 ? expected(await this.host.carryOut({ type: "show", ops: ids }), "log").ops : [];
      yield { seq, isLocal, ops };
    }
  }

  /**
   * Keeps what stands at a place, or the entries of a collection, up to date: calls `heard` now and whenever it changed.
   *
   * @returns the subscription, which has a synchronous `getSnapshot`, and is an async iterator.
   */
  subscribe<T = Json | Uint8Array>(
    path: `${string}/${string}`,
    heard?: (value: T | undefined) => void,
  ): Subscription<T | undefined>;
  subscribe<C extends keyof R & string>(
    collection: C,
    heard?: (entries: readonly Entry<R[C]>[]) => void,
  ): Subscription<readonly Entry<R[C]>[]>;
  subscribe(target: string, heard?: (value: never) => void): unknown {
    const listen = (changed: () => void) => this.host.listen((event) => event ?? changed());
    const subscription: Subscription<unknown> = target.includes("/")
      ? new Subscription<unknown>(() => this.get(target), undefined, listen)
      : new Subscription<unknown>(() => this.entries(target as keyof R & string), [], listen);
    if (heard) void subscription.ready.then(() => subscription.subscribe(heard as (value: unknown) => void));
    return subscription;
  }

  /** Calls `heard` with what nobody asked for: forks, a new key, damage, presence. Returns what ends that. */
  onEvent(heard: (event: Event) => void): () => void {
    return this.host.listen((event) => event && heard(event));
  }

  /** Tells every connected peer something that nobody keeps. @throws TrellisError `payload_too_large` */
  async announce(topic: string, bytes: Uint8Array): Promise<void> {
    await this.host.carryOut({ type: "announce", topic, bytes });
  }

  /**
   * Begins to sync with a peer, and goes on until the link is closed: dials, and dials again with growing pauses when the
   * connection is lost. Returns at once. By `http://` and `https://` no connection stays open: the peer is asked for news.
   *
   * @throws TrellisError `invalid_argument` for what is no URL of a peer; `permission_denied` for plain text to another machine.
   */
  sync(url: string, options: SyncOptions = {}): Link {
    return new Link(this.host.sync(url, options));
  }

  /** Syncs over a connection that is open: one that this side opened, unless it is said that the peer did. */
  connect(connection: Connection, { isInitiator = true }: { isInitiator?: boolean } = {}): Link {
    return new Link(this.host.connect(connection, isInitiator));
  }

  /** Every op, or those that are not in the causal past of the `known` ones, as a bundle, which another repo imports. */
  async export(known: readonly OpId[] = []): Promise<Uint8Array> {
    const { ops } = expected(await this.host.carryOut({ type: "export", known }), "ops");
    return call((functions) => functions.bundleOf(ops));
  }

  /** Every op, dependencies first, as objects. */
  async ops(known: readonly OpId[] = []): Promise<Op[]> {
    return opsShown(expected(await this.host.carryOut({ type: "export", known }), "ops").ops);
  }

  /** Takes ops from elsewhere: a bundle, or objects, in any order. @throws TrellisError `invalid_argument` for what is neither */
  async import(from: Uint8Array | readonly Op[]): Promise<ImportReport> {
    const ops = from instanceof Uint8Array ? call<[]>((functions) => functions.opsOfBundle(from)) : opsOf(from);
    return expected(await this.host.carryOut({ type: "import", ops }), "imported").report;
  }

  /** Reads and rehashes everything, and checks every signature. What does not hold is in the report. */
  async verify(): Promise<VerifyReport> {
    return expected(await this.host.carryOut({ type: "verify" }), "verified").report;
  }

  /** Ends the links and lets go of the store. */
  close(): Promise<void> {
    return this.#parts.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #write(fill: (batch: Batch<R>) => unknown, options: WriteOptions): Promise<Receipt> {
    const batch = new Batch<R>();
    await fill(batch);
    return this.#commit(batch.edits, options);
  }

  async #commit(edits: readonly Edit[], { actor, signal }: WriteOptions, branch = this.branchName): Promise<Receipt> {
    if (edits.length === 0) return new Receipt(this.host, []);
    const behalf = actor ?? this.#parts.authorName;
    const of = behalf === undefined ? {} : { actor: behalf };
    const write = () => this.host.carryOut({ type: "write", branch, edits, random: random(32), ...of });
    const written = write().catch(async (thrown: unknown) => {
      if (!(await this.#hasBegun(thrown))) throw thrown;
      return write();
    });
    const { ops } = expected(await withSignal(written, signal), "written");
    return new Receipt(this.host, ops);
  }

  /** Begins the repo where a write failed because it had not begun. Whether it did. */
  async #hasBegun(thrown: unknown): Promise<boolean> {
    if (!(thrown instanceof TrellisError) || thrown.code !== "not_found") return false;
    if ((await this.status()).repo !== undefined) return false;
    try {
      await this.host.carryOut({ type: "create", name: this.name, nonce: random(32) });
    } catch (thrown) {
      // Another write or a link began it meanwhile.
      if (!(thrown instanceof TrellisError) || thrown.code !== "already_exists") throw thrown;
    }
    return true;
  }
}

/** A repo that looks at a branch. */
export class Branch<R extends Records = AnyRecords> extends Repo<R> {
  readonly #source: string;

  constructor(parts: RepoParts, name: string, source: string) {
    super(parts, name);
    this.#source = source;
  }

  /** Begins the branch from the one that was looked at before, or from another. @throws TrellisError `already_exists` */
  create({ from = this.#source }: { from?: string } = {}): Promise<Receipt> {
    return this.merge(from);
  }
}

/** A link to a peer. It ends when it is closed. */
export class Link implements AsyncDisposable {
  readonly #link: HostLink;

  constructor(link: HostLink) {
    this.#link = link;
  }

  /** How it stands. */
  get status(): LinkStatus {
    return this.#link.status;
  }

  /** Calls `heard` whenever it stands otherwise. Returns what ends that. */
  onStatus(heard: (status: LinkStatus) => void): () => void {
    return this.#link.onStatus(heard);
  }

  /**
   * Waits until both sides have the same, durably.
   *
   * @throws TrellisError what keeps the peer from being reached: `offline`, `auth_failed`, `repo_mismatch`, ...
   */
  async inSync({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    let stop = () => {};
    const reached = new Promise<void>((resolve, reject) => {
      const look = ({ isInSync, reason, state }: LinkStatus) => {
        if (isInSync) resolve();
        else if (reason) reject(reason);
        else if (state === "closed") reject(new TrellisError("aborted", "The link was closed."));
      };
      stop = this.#link.onStatus(look);
      look(this.#link.status);
    });
    try {
      await withSignal(reached, signal);
    } finally {
      stop();
    }
  }

  /** How far it is; nothing while the peer is not known. */
  progress(): Promise<Progress | undefined> {
    return this.#link.progress();
  }

  /** Ends it, and tells the peer. */
  close(): Promise<void> {
    return this.#link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
