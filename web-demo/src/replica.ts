// One copy of the board: what it shows, what is written to it, and how safe each write is.

import type {
  Branch,
  Conflict,
  LoggedOp,
  Op,
  Patch,
  Plan,
  Receipt,
  Repo,
  Resolution,
  Session,
  Status,
} from "trellis-sync";
import { type BoardRecords, CARDS, type Card, cardOf, NOTE_KEY, NOTES, type Note, noteOf } from "./model.js";

export type BoardRepo = Repo<BoardRecords>;
type BoardBranch = Branch<BoardRecords>;

/** How safe a write is by now. */
export interface Written {
  readonly what: string;
  readonly key: string;
  readonly at: number;
  readonly isOnPeer: boolean;
  readonly isOnRelay: boolean;
  /** Why a peer refuses it for good. */
  readonly refused?: string;
}

/** What a replica shows. */
export interface Seen {
  readonly cards: readonly Card[];
  readonly note: Note;
  /** Ops of the branch, the first one first. */
  readonly log: readonly LoggedOp[];
  /** Every op, with what it says. */
  readonly book: ReadonlyMap<string, Op>;
  /** Ops of every branch of the board, by their clocks. */
  readonly graph: readonly LoggedOp[];
  readonly status: Status;
  /** What waits to be taken, while it is held. */
  readonly incoming: Plan | undefined;
}

const LOG_OPS = 400;
const WRITES_MAX = 30;
/** One wait for a peer; it is renewed as long as the page is open. */
const WAIT_MS = 6 * 3_600_000;
const MAIN = "main";
/** What the names of branches begin with on which copies hold what comes in. */
const HELD = "held/";

/** One copy of the board. */
export class Replica {
  readonly main: BoardRepo;
  /** What people call whoever writes here. */
  who: string;
  seen: Seen | undefined;
  writes: readonly Written[] = [];
  /** How many ops of earlier visits no peer is known to have. */
  earlier = 0;
  /** What went wrong last. */
  trouble: string | undefined;
  #held: BoardBranch | undefined;
  #session: Session<BoardRecords> | undefined;
  readonly #book = new Map<string, Op>();
  /** What the book has been read up to. */
  #bookHeads: readonly string[] = [];
  #isStale = false;
  #isReading = false;
  readonly #heard = new Set<() => void>();
  readonly #ended = new AbortController();

  constructor(repo: BoardRepo, who: string) {
    this.main = repo;
    this.who = who;
  }

  /** Reads it, and goes on reading it whenever it changes. */
  async begin(): Promise<void> {
    await this.#resumeHold();
    await this.refresh();
    void this.#follow();
  }

  /** Ends all waiting and closes the repo. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.main.close();
  }

  onChange(heard: () => void): void {
    this.#heard.add(heard);
  }

  /** Whether there is a board to write to. */
  get hasBegun(): boolean {
    return this.seen?.status.repo !== undefined;
  }

  /** Those that are open. */
  get conflicts(): readonly Conflict[] {
    const { cards = [], note } = this.seen ?? {};
    return [...cards, ...(note ? [note] : [])].flatMap(({ conflicts }) => conflicts);
  }

  /** The clocks of the ops that were written here, the first one first. */
  get ownClocks(): readonly bigint[] {
    const { log = [], status } = this.seen ?? {};
    return log.filter(({ author }) => author === status?.author).map(({ hlc }) => BigInt(hlc));
  }

  get isHolding(): boolean {
    return this.#held !== undefined;
  }

  /** What is looked at and written to. */
  get branch(): BoardRepo {
    return this.#held ?? this.main;
  }

  patch(key: string, patch: Patch, what: string, ifBase?: readonly string[]): Promise<boolean> {
    return this.#write(what, key, (actor) =>
      this.branch.patch(CARDS, key, patch, { actor, ...(ifBase && { ifBase }) }),
    );
  }

  remove(key: string, what: string): Promise<boolean> {
    return this.#write(what, key, (actor) => this.branch.delete(`${CARDS}/${key}`, { actor }));
  }

  /** Writes the note on top of what its writer was looking at. Gives the base of what is written next. */
  async writeNote(text: string, ifBase: readonly string[]): Promise<readonly string[]> {
    let base = ifBase;
    await this.#write("Edited the note", NOTE_KEY, async (actor) => {
      const receipt = await this.branch.set(`${NOTES}/${NOTE_KEY}/text`, text, { actor, ifBase });
      if (receipt.ops.length > 0) base = receipt.ops;
      return receipt;
    });
    return base;
  }

  resolve(conflict: Conflict, resolution: Resolution): Promise<boolean> {
    return this.#write("Resolved a conflict", conflict.key, async (actor) => {
      try {
        return await this.branch.resolve(conflict, resolution, { actor });
      } catch (thrown) {
        // Somebody was quicker, or clicked twice: what stands there now is shown anyway.
        if (codeOf(thrown) === "conflict_moved") return undefined;
        throw thrown;
      }
    });
  }

  /** From now on what others write waits on `main`, while this copy goes on along a branch of its own. */
  async hold(): Promise<void> {
    const held = this.main.branch(await this.#heldName());
    await this.#try(async () => {
      const isThere = (await this.main.branches()).some(({ name }) => name === held.branchName);
      await (isThere ? held.merge(MAIN, { actor: this.who }) : held.create());
      this.#held = held;
    });
    await this.refresh();
  }

  /** Takes what waits, just as it was shown; what came since then goes on waiting. */
  async take(): Promise<void> {
    await this.#try(async () => {
      await this.#session?.apply({ actor: this.who });
    });
    await this.refresh();
  }

  /** Joins both branches, and works on `main` again. */
  async letGo(): Promise<void> {
    const held = this.#held;
    if (!held) return;
    await this.#write("Let incoming writes in", "", (actor) => this.main.merge(held.branchName, { actor }));
    this.#held = undefined;
    this.#session = undefined;
    await this.refresh();
  }

  /** Reads everything that is shown; at once again where it became stale meanwhile. */
  async refresh(): Promise<void> {
    this.#isStale = true;
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isStale && !this.#ended.signal.aborted) {
        this.#isStale = false;
        await this.#try(async () => {
          this.seen = await this.#read();
        });
        this.tell();
      }
    } finally {
      this.#isReading = false;
    }
  }

  /** Has everybody look again. */
  tell(): void {
    for (const heard of this.#heard) heard();
  }

  async #read(): Promise<Seen> {
    const { branch } = this;
    const status = await this.main.status();
    const incoming = await this.#plan();
    for (const op of await this.main.ops(this.#bookHeads)) this.#book.set(op.hash, op);
    this.#bookHeads = status.branches.flatMap(({ heads }) => heads);
    const [cards, note, ...logs] = await Promise.all([
      branch.entries(CARDS),
      branch.entry(NOTES, NOTE_KEY),
      branch.log({ limit: LOG_OPS }),
      ...status.branches.filter(isOfBoard).map(({ name }) => this.main.branch(name).log({ limit: LOG_OPS })),
    ]);
    const [log = [], ...others] = logs.map((ops) => ops.filter(isSaidOnBoard));
    const graph = byClock([...log, ...others.flat()]);
    return {
      cards: cards.map(cardOf),
      note: noteOf(note),
      log: log.toReversed(),
      book: this.#book,
      graph,
      status,
      incoming,
    };
  }

  async #plan(): Promise<Plan | undefined> {
    if (!this.#held) return undefined;
    this.#session = await this.#held.session({ branch: MAIN });
    return this.#session.preview();
  }

  async #heldName(): Promise<string> {
    return `${HELD}${(await this.main.status()).author.slice(0, 12)}`;
  }

  /** A page that was closed while it held something goes on holding it. */
  async #resumeHold(): Promise<void> {
    const name = await this.#heldName();
    if (!(await this.main.branches()).some((branch) => branch.name === name)) return;
    const session = await this.main.session({ branch: name });
    if ((await session.preview()).ops > 0) this.#held = this.main.branch(name);
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    try {
      for await (const _ of this.main.changes(0, { signal })) void this.refresh();
    } catch (thrown) {
      if (!signal.aborted) this.#fail(thrown);
    }
  }

  async #write(what: string, key: string, work: (actor: string) => Promise<Receipt | undefined>): Promise<boolean> {
    return this.#try(async () => {
      const receipt = await work(this.who);
      if (!receipt || receipt.ops.length === 0) return;
      const at = Date.now();
      const write: Written = { what, key, at, isOnPeer: false, isOnRelay: false };
      const follow = { write };
      this.writes = [write, ...this.writes].slice(0, WRITES_MAX);
      void this.#watch(receipt, "peer", follow);
      void this.#watch(receipt, "relay", follow);
      this.tell();
    });
  }

  async #watch(receipt: Receipt, tier: "peer" | "relay", follow: { write: Written }): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await receipt.durable(tier, { timeout: WAIT_MS, signal });
        return this.#became(follow, tier === "peer" ? { isOnPeer: true } : { isOnPeer: true, isOnRelay: true });
      } catch (thrown) {
        if (codeOf(thrown) === "timeout") continue;
        if (!signal.aborted) this.#became(follow, { refused: messageOf(thrown) });
        return;
      }
    }
  }

  #became(follow: { write: Written }, change: Partial<Written>): void {
    const next = { ...follow.write, ...change };
    this.writes = this.writes.map((write) => (write === follow.write ? next : write));
    follow.write = next;
    this.tell();
  }

  async #try(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (thrown) {
      if (!this.#ended.signal.aborted) this.#fail(thrown);
      return false;
    }
  }

  #fail(thrown: unknown): void {
    this.trouble = messageOf(thrown);
    this.tell();
  }
}

function isOfBoard({ name }: { name: string }): boolean {
  return name === MAIN || name.startsWith(HELD);
}

/** Whether an op is about the board, and not about the repo. */
function isSaidOnBoard({ branch }: LoggedOp): boolean {
  return isOfBoard({ name: branch });
}

/** Each op once, in the order of their clocks, in which no op stands before what its author had seen. */
function byClock(ops: readonly LoggedOp[]): LoggedOp[] {
  const once = [...new Map(ops.map((op) => [op.id, op])).values()];
  return once.sort((one, other) => compare(BigInt(one.hlc), BigInt(other.hlc)) || compare(one.id, other.id));
}

function compare<T extends bigint | string>(one: T, other: T): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function codeOf(thrown: unknown): unknown {
  return (thrown as { code?: unknown }).code;
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
