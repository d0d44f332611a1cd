// Repo: a verb for everything that a program does with its data.

import { Batch, type Resolution, type WriteOptions } from "./batch.js";
import type { Connection } from "./connection.js";
import type { Entry } from "./entry.js";
import type { RepoStatus, SyncOptions } from "./host.js";
import { Link } from "./link.js";
import { kept } from "./listing.js";
import type { Op, OpId } from "./ops.js";
import { expected, type Receipt, statusOf } from "./receipt.js";
import { Session } from "./session.js";
import { growing, Subscription } from "./subscription.js";
import type {
  Answer,
  BranchView,
  Conflict,
  Edit,
  Event,
  ImportReport,
  Json,
  LoggedOp,
  Manifest,
  Member,
  Patch,
  Plan,
  VerifyReport,
} from "./surface.js";
import { asJson } from "./values.js";
import { type AnyRecords, type Records, RepoView } from "./view.js";
import { whole } from "./whole.js";
import { type RepoParts, written } from "./write.js";

/** A change of the log, as `changes` gives it. */
export interface Changed {
  /** Its local sequence: what to go on from. */
  readonly seq: number;
  /** Whether it was written here. */
  readonly isLocal: boolean;
  /** What it brought. */
  readonly ops: readonly LoggedOp[];
}

/** How branches are joined. */
export interface MergeOptions extends Omit<WriteOptions, "ifBase"> {
  /** Why. */
  readonly message?: string;
  /** What it has to do, of `Repo.plan`; whatever it does where it is left out. */
  readonly plan?: Plan;
}

const LOG_OPS = 100;

/**
 * A repo: what it shows, and everything that can be done with it. `open` gives one. In the examples here, `repo` is one that
 * was just opened.
 */
export class Repo<R extends Records = AnyRecords> extends RepoView<R> implements AsyncDisposable {
  readonly #parts: RepoParts;

  /** Use `open`. @hidden */
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
   * @example
   * ```ts
   * await repo.set("todo/1", { title: "Buy milk", done: false });
   * const receipt = await repo.set("todo/1/done", true); // collection / key / field...
   * console.log(receipt.ops.length, await repo.get("todo/1")); // 1 { done: true, title: 'Buy milk' }
   * ```
   *
   * @throws TrellisError `invalid_argument` for what is no place or no JSON; `payload_too_large`, `clock_ahead`,
   * `permission_denied`, `storage_full`; nothing was changed then.
   */
  set(path: string, value: unknown, options: WriteOptions = {}): Promise<Receipt> {
    return this.#write((batch) => batch.set(path, value, options), options);
  }

  /**
   * As `set` for a whole entity; with `replace` it becomes just the value, and whatever else it held is gone, also what
   * others add to it meanwhile.
   *
   * @example
   * ```ts
   * import { open } from "trellis-sync";
   * const repo = await open<{ todo: { title: string } }>("notes"); // records have types
   * await repo.put("todo", "1", { title: "Buy milk" });
   * const [first] = await repo.entries("todo");
   * console.log(first?.value?.title); // Buy milk
   * ```
   */
  put<C extends keyof R & string>(
    collection: C,
    key: string,
    value: R[C],
    options: WriteOptions & { replace?: boolean } = {},
  ): Promise<Receipt> {
    return this.#write((batch) => batch.put(collection, key, value, options), options);
  }

  /**
   * Changes places of an entity, which pointers name. Counters and sets merge: what two devices add and insert apart is all
   * there when they meet.
   *
   * @example
   * ```ts
   * await repo.patch("todo", "1", { set: { "/title": "Buy milk" }, add: { "/votes": 2 }, insert: { "/tags": ["home"] } });
   * console.log(await repo.get("todo/1")); // { tags: [ 'home' ], title: 'Buy milk', votes: 2 }
   * ```
   *
   * @throws TrellisError `invalid_argument` where places are named twice or inside one another.
   */
  patch(collection: keyof R & string, key: string, patch: Patch, options: WriteOptions = {}): Promise<Receipt> {
    return this.#write((batch) => batch.patch(collection, key, patch, options), options);
  }

  /**
   * Adds a record that never changes. It stands in the log and in the feed, and not among the entries.
   *
   * @example
   * ```ts
   * const { ops } = await repo.append("visits", "2026-11-26", { pages: 3 });
   * for (const id of ops) console.log((await repo.op(id)).body); // { pages: 3 }
   * ```
   */
  append<C extends keyof R & string>(
    collection: C,
    key: string,
    value: R[C],
    options: WriteOptions = {},
  ): Promise<Receipt> {
    return this.#write((batch) => batch.append(collection, key, value), options);
  }

  /**
   * Removes an entity, or a place inside one.
   *
   * @example
   * ```ts
   * await repo.set("todo/1", { title: "Buy milk", done: true });
   * await repo.delete("todo/1/done");
   * console.log(await repo.get("todo/1")); // { title: 'Buy milk' }
   * await repo.delete("todo/1");
   * console.log(await repo.get("todo/1")); // undefined
   * ```
   */
  delete(path: string, options: WriteOptions = {}): Promise<Receipt> {
    return this.#write((batch) => batch.delete(path, options), options);
  }

  /**
   * Several edits: one transaction, one signature, one receipt. Where `fill` throws, nothing is written.
   *
   * @example
   * ```ts
   * const receipt = await repo.batch((batch) => batch.set("todo/1/done", true).delete("todo/2").append("done", "1", { at: 3 }));
   * console.log(receipt.ops.length); // 3
   * ```
   */
  batch(fill: (batch: Batch<R>) => unknown, options: Omit<WriteOptions, "ifBase"> = {}): Promise<Receipt> {
    return this.#write(fill, options);
  }

  /**
   * Gives back what this device's last write to the branch replaced. What others wrote on top of it stays, as a conflict.
   *
   * @example
   * ```ts
   * await repo.set("todo/1/title", "Buy milk");
   * await repo.set("todo/1/title", "Buy oats");
   * await repo.undo();
   * console.log(await repo.get("todo/1/title")); // Buy milk
   * ```
   *
   * @throws TrellisError `not_found` where there is nothing to undo.
   */
  undo(options: Omit<WriteOptions, "ifBase"> = {}): Promise<Receipt> {
    return this.#commit([{ type: "undo" }], options);
  }

  /**
   * The open conflicts of the branch, ascending by collection, key and path. A conflict has the base and every side, and one
   * of them is shown until it is closed.
   *
   * @example
   * ```ts
   * const { ops } = await repo.set("todo/1/title", "Buy milk");
   * await repo.set("todo/1/title", "Buy oats", { ifBase: ops });
   * await repo.set("todo/1/title", "Buy rice", { ifBase: ops }); // as another device would, that was offline
   * for (const { collection, key, path, base, sides } of await repo.conflicts())
   *   console.log(collection, key, path, base, sides.length); // todo 1 /title { type: 'json', value: 'Buy milk' } 2
   * ```
   */
  async conflicts(): Promise<readonly Conflict[]> {
    const none: Answer & { type: "conflicts" } = { type: "conflicts", conflicts: [] };
    return (await this.ask({ type: "conflicts", branch: this.branchName }, none)).conflicts;
  }

  /**
   * Closes a conflict: by one of its `sides`, by `{ value }`, or by `"absent"`.
   *
   * @example
   * ```ts
   * const { ops } = await repo.set("todo/1/title", "Buy milk");
   * await repo.set("todo/1/title", "Buy oats", { ifBase: ops });
   * await repo.set("todo/1/title", "Buy rice", { ifBase: ops });
   * const [conflict] = await repo.conflicts();
   * if (conflict) await repo.resolve(conflict, { value: "Buy oats and rice" });
   * console.log(await repo.get("todo/1/title"), (await repo.conflicts()).length); // Buy oats and rice 0
   * ```
   *
   * @throws TrellisError `conflict_moved` where it is closed or has other members by now; look at it again.
   */
  resolve(conflict: Conflict, resolution: Resolution, options: Omit<WriteOptions, "ifBase"> = {}): Promise<Receipt> {
    return this.#write((batch) => batch.resolve(conflict, resolution), options);
  }

  /**
   * The repo as it was when these ops were the branch's heads: a value, and not a mode that the repo is in.
   *
   * @example
   * ```ts
   * const { ops } = await repo.set("todo/1/title", "Buy milk");
   * await repo.set("todo/1/title", "Buy oats");
   * console.log(await repo.at(ops).get("todo/1/title")); // Buy milk
   * ```
   */
  at(heads: OpId | readonly OpId[]): RepoView<R> {
    return new RepoView<R>(this.host, this.branchName, typeof heads === "string" ? [heads] : heads);
  }

  /**
   * Ops of the branch's log, the last one first; at most `limit` of them, 100 where it is left out.
   *
   * @example
   * ```ts
   * await repo.set("todo/1/title", "Buy milk");
   * await repo.set("todo/2/title", "Buy oats");
   * for (const { kind, collection, key } of await repo.log({ limit: 2 })) console.log(kind, collection, key);
   * // patch todo 2
   * // patch todo 1
   * ```
   *
   * @param options `entity` as `collection/key`, for the ops of one entity alone.
   */
  async log({ entity, limit = LOG_OPS }: { entity?: string; limit?: number } = {}): Promise<readonly LoggedOp[]> {
    const none: Answer & { type: "log" } = { type: "log", ops: [] };
    const of = entity === undefined ? {} : { entity };
    return (await this.ask({ type: "log", branch: this.branchName, opsMax: limit, ...of }, none)).ops;
  }

  /** An op, whole. @throws TrellisError `not_found` */
  async op(id: OpId): Promise<Op> {
    return whole(this.host, "op", id);
  }

  /** Every branch, also those in which the repo keeps what it says of itself; their names begin with `_`. */
  async branches(): Promise<readonly BranchView[]> {
    return (await this.status()).branches;
  }

  /**
   * The same repo, looking at another branch, which need not be there yet.
   *
   * @example
   * ```ts
   * await repo.set("todo/1/title", "Buy milk");
   * const draft = repo.branch("draft");
   * await draft.create();
   * await draft.set("todo/1/title", "Buy oats");
   * console.log(await repo.get("todo/1/title"), await draft.get("todo/1/title")); // Buy milk Buy oats
   * ```
   */
  branch(name: string): Branch<R> {
    return new Branch<R>(this.#parts, name, this.branchName);
  }

  /**
   * Joins another branch into this one.
   *
   * @example
   * ```ts
   * await repo.set("todo/1/title", "Buy milk");
   * const draft = repo.branch("draft");
   * await draft.create();
   * await draft.set("todo/2/title", "Buy oats");
   * await repo.merge("draft", { message: "Take the draft" });
   * console.log((await repo.entries("todo")).length); // 2
   * ```
   *
   * @throws TrellisError `not_found` for a branch that is not there; `conflict_moved` where it would do something else by now
   * than the plan says.
   */
  merge(source: string, { message, plan, ...options }: MergeOptions = {}): Promise<Receipt> {
    const planned = plan && { at: plan.heads, plan: plan.id };
    return this.#commit([{ type: "merge", source, ...planned, message }], options);
  }

  /** What joining another branch would change, entity by entity. Changes nothing. @throws TrellisError `not_found` */
  async plan(source: string): Promise<Plan> {
    return expected(await this.host.carryOut({ type: "plan", branch: this.branchName, source }), "plan").plan;
  }

  /**
   * A draft of changes, which is looked at as a plan before it is applied: another branch, begun from this one where it is
   * not there yet.
   *
   * @example
   * ```ts
   * await repo.set("todo/1", { title: "Buy milk" });
   * const session = await repo.session({ branch: "draft" });
   * await session.draft.set("todo/1/title", "Buy oats");
   * const { items } = await session.preview(); // changes nothing
   * for (const { collection, key, patch } of items) console.log(collection, key, patch);
   * // todo 1 [ { op: 'replace', path: '/title', value: 'Buy oats' } ]
   * await session.apply();
   * console.log(session.phase, await repo.get("todo/1/title")); // completed Buy oats
   * ```
   */
  async session({ branch }: { branch: string }): Promise<Session<R>> {
    const draft = this.branch(branch);
    const begun = (await this.branches()).map(({ name }) => name);
    if (!begun.includes(branch) && begun.includes(this.branchName)) await draft.create();
    return new Session<R>(this, draft);
  }

  /**
   * The whole picture: ids, branches, and what waits for what.
   *
   * @example
   * ```ts
   * await repo.set("todo/1/title", "Buy milk");
   * const { ops, branches, missing } = await repo.status();
   * console.log(ops, branches.map(({ name }) => name), missing.length); // 2 [ '_repo', 'main' ] 0
   * ```
   */
  async status(): Promise<RepoStatus> {
    return statusOf(this.host);
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
   * @example
   * ```ts
   * await repo.set("todo/1/title", "Buy milk");
   * for await (const { seq, isLocal, ops } of repo.changes(0)) {
   *   for (const { collection, key } of ops) console.log(seq, isLocal, collection, key);
   *   // 1 true _repo genesis
   *   // 2 true todo 1
   *   if (seq === 2) break; // it would wait for the next
   * }
   * ```
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
   * @example
   * ```ts
   * const todo = repo.subscribe("todo", (entries) => console.log(entries.length));
   * // 0
   * // 1
   * await todo.ready;
   * await repo.set("todo/1/title", "Buy milk");
   * for await (const entries of todo) if (entries.length === 1) break;
   * console.log(todo.getSnapshot()[0]?.key); // 1
   * todo.unsubscribe();
   * ```
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
      ? new Subscription<unknown>(
          kept(() => this.get(target)),
          undefined,
          listen,
        )
      : new Subscription<unknown>(this.listed(target), [], listen);
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
   * @example
   * ```ts
   * const receipt = await repo.set("todo/1/title", "Buy milk");
   * const link = repo.sync("wss://relay.example");
   * await receipt.durable("relay", { timeout: 5_000 });
   * console.log(link.status.state); // connected
   * await link.close();
   * ```
   *
   * @throws TrellisError `invalid_argument` for what is no URL of a peer; `permission_denied` for plain text to another
   * machine; `unsupported` for `ws://` and `wss://` where there is no `WebSocket`, as in Node 20 without
   * `--experimental-websocket`.
   */
  sync(url: string, options: SyncOptions = {}): Link {
    return new Link(this.host.sync(url, options));
  }

  /**
   * Syncs over a connection that is open: one that this side opened, unless it is said that the peer did.
   *
   * @example
   * ```ts
   * import { memoryPair, open } from "trellis-sync";
   * const [ann, bob] = [await open("ann's"), await open("bob's")];
   * await ann.set("todo/1/title", "Buy milk");
   * const [one, other] = memoryPair(); // a connection without a network
   * ann.connect(one);
   * await bob.connect(other, { isInitiator: false }).inSync();
   * console.log(await bob.get("todo/1/title")); // Buy milk
   * ```
   */
  connect(connection: Connection, { isInitiator = true }: { isInitiator?: boolean } = {}): Link {
    return new Link(this.host.connect(connection, isInitiator));
  }

  /**
   * Every op, or those that are not in the causal past of the `known` ones, as a bundle, which another repo imports.
   *
   * @example
   * ```ts
   * await repo.set("todo/1/title", "Buy milk");
   * const bundle = await repo.export();
   * console.log(bundle instanceof Uint8Array); // true
   * ```
   */
  async export(known: readonly OpId[] = []): Promise<Uint8Array> {
    return whole(this.host, "export", known);
  }

  /** Every op, dependencies first, as objects. */
  async ops(known: readonly OpId[] = []): Promise<Op[]> {
    return whole(this.host, "ops", known);
  }

  /**
   * Takes ops from elsewhere: a bundle, or objects, in any order.
   *
   * @example
   * ```ts
   * import { open } from "trellis-sync";
   * const [repo, copy] = [await open("notes"), await open("a copy")];
   * await repo.set("todo/1/title", "Buy milk");
   * const { admitted, refused } = await copy.import(await repo.export());
   * console.log(admitted.length, refused.length, await copy.get("todo/1/title")); // 2 0 Buy milk
   * ```
   *
   * @throws TrellisError `invalid_argument` for what is neither.
   */
  async import(from: Uint8Array | readonly Op[]): Promise<ImportReport> {
    return whole(this.host, "import", from);
  }

  /**
   * Reads and rehashes everything, and checks every signature. What does not hold is in the report.
   *
   * @example
   * ```ts
   * await repo.set("todo/1/title", "Buy milk");
   * const { ops, corrupt, uncovered } = await repo.verify();
   * console.log(ops, corrupt.length, uncovered.length); // 2 0 0
   * ```
   */
  async verify(): Promise<VerifyReport> {
    return expected(await this.host.carryOut({ type: "verify" }), "verified").report;
  }

  /** Ends the links and lets go of the store. Further calls fail with `aborted`. */
  close(): Promise<void> {
    return this.#parts.close();
  }

  /** As `close`, at the end of a block that says `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #write(fill: (batch: Batch<R>) => unknown, options: WriteOptions): Promise<Receipt> {
    const batch = new Batch<R>();
    await fill(batch);
    return this.#commit(batch.edits, options);
  }

  #commit(edits: readonly Edit[], options: WriteOptions, branch = this.branchName): Promise<Receipt> {
    return written(this.#parts, branch, edits, options);
  }
}

/** A repo that looks at a branch. `Repo.branch` gives one. */
export class Branch<R extends Records = AnyRecords> extends Repo<R> {
  readonly #source: string;

  /** Use `Repo.branch`. @hidden */
  constructor(parts: RepoParts, name: string, source: string) {
    super(parts, name);
    this.#source = source;
  }

  /** Begins the branch from the one that was looked at before, or from another. @throws TrellisError `already_exists` */
  create({ from = this.#source }: { from?: string } = {}): Promise<Receipt> {
    return this.merge(from);
  }
}
