// Subscriptions: what a program shows, kept up to date, with a snapshot that is there at once.

import { abortedBy } from "./errors.js";

/** A value that is kept up to date. It is a store for Svelte, and fits `useSyncExternalStore` of React. */
export class Subscription<T> implements AsyncIterable<T>, Disposable {
  readonly #read: () => Promise<T>;
  readonly #stop: () => void;
  #snapshot: T;
  #version = 0;
  #isReading = false;
  #isStale = false;
  #isOver = false;
  readonly #heard = new Set<(value: T) => void>();
  #wake: (() => void)[] = [];
  /** Is kept when the snapshot has been read for the first time. */
  readonly ready: Promise<void>;

  /** Use `Repo.subscribe`. @hidden */
  constructor(read: () => Promise<T>, empty: T, listen: (changed: () => void) => () => void) {
    this.#read = read;
    this.#snapshot = empty;
    this.#stop = listen(() => void this.#refresh());
    this.ready = this.#refresh();
  }

  /** What there was when it was last read. The same object as long as nothing changed. */
  readonly getSnapshot = (): T => this.#snapshot;

  /** Calls `heard` with the snapshot now, and with every later one. Returns what ends that. */
  readonly subscribe = (heard: (value: T) => void): (() => void) => {
    const own = (value: T) => heard(value);
    this.#heard.add(own);
    own(this.#snapshot);
    return () => void this.#heard.delete(own);
  };

  /** Ends it: nothing is read or told any more. */
  readonly unsubscribe = (): void => {
    this.#isOver = true;
    this.#stop();
    this.#heard.clear();
    for (const wake of this.#wake.splice(0)) wake();
  };

  /** As `unsubscribe`, at the end of a block that says `using`. */
  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  /** Every snapshot from the present one on; where they come faster than they are taken, the last one. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    await this.ready;
    let seen = -1;
    while (!this.#isOver) {
      if (seen !== this.#version) {
        seen = this.#version;
        yield this.#snapshot;
      } else {
        await woken((wake) => this.#wake.push(wake));
      }
    }
  }

  /** Reads, and reads again where it was told meanwhile that something changed. */
  async #refresh(): Promise<void> {
    this.#isStale = true;
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isStale && !this.#isOver) {
        this.#isStale = false;
        this.#take(await this.#read());
      }
    } catch {
      // A repo that was closed or failed says so to whoever asks it; here the last snapshot stays.
    } finally {
      this.#isReading = false;
    }
  }

  #take(value: T): void {
    if (this.#isOver || (value === this.#snapshot && this.#version > 0)) return;
    this.#snapshot = value;
    this.#version += 1;
    for (const heard of [...this.#heard]) heard(value);
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** How often a wait looks around, which does nothing: as long as it may, a process does not end. */
const WAIT_MS = 2 ** 31 - 1;

/** Waits until the function is called that `register` is given. A process that waits here does not end. */
async function woken(register: (wake: () => void) => void): Promise<void> {
  const alive = setInterval(() => {}, WAIT_MS);
  try {
    await new Promise<void>(register);
  } finally {
    clearInterval(alive);
  }
}

/** The items of a list that grows, as they come, until a signal says that it is enough. */
export async function* growing<T>(
  since: () => Promise<readonly T[]>,
  listen: (changed: () => void) => () => void,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  let wake = () => {};
  let isStale = false;
  const changed = () => {
    isStale = true;
    wake();
  };
  const stop = listen(changed);
  signal?.addEventListener("abort", changed);
  try {
    for (;;) {
      isStale = false;
      for (const item of await since()) {
        if (signal?.aborted) throw abortedBy(signal);
        yield item;
      }
      if (signal?.aborted) throw abortedBy(signal);
      if (!isStale)
        await woken((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    stop();
    signal?.removeEventListener("abort", changed);
  }
}
