// Links, as a program sees them, and how they stand.

import { TrellisError } from "./errors.js";
import type { HostLink } from "./host.js";
import { withSignal } from "./receipt.js";
import type { Progress } from "./surface.js";

/** What state a link is in. */
export type LinkState =
  /** The peer is being dialled, or is not known yet. */
  | "connecting"
  /** The peer is known, and both tell each other what they have. */
  | "connected"
  /** The peer cannot be reached; it is dialled again. */
  | "offline"
  /** The peer does not let this device in. */
  | "needs-auth"
  /** The peer cannot sync with this replica, whenever it is dialled. */
  | "rejected"
  /** It was ended. */
  | "closed";

/** How a link stands. */
export interface LinkStatus {
  /** What state it is in. */
  readonly state: LinkState;
  /** Why it is not connected. */
  readonly reason?: TrellisError;
  /** The peer's key, once it is known. */
  readonly peer?: string;
  /** Whether the peer stores and forwards for others. */
  readonly isRelay: boolean;
  /** Whether both had the same when that was last looked at. */
  readonly isInSync: boolean;
  /** What the peer refused, or gave no effect. */
  readonly nacked?: Nacked;
}

/** What a peer refused, or gives no effect. It is kept here all the same. */
export interface Nacked {
  /** How many ops. */
  readonly ops: number;
  /** Why it refused the last of them, as an error code. */
  readonly code: string;
  /** On a linear branch, the head of the line that was there first. */
  readonly head?: string;
}

/**
 * A link to a peer. It ends when it is closed.
 *
 * @example
 * ```ts
 * await repo.set("todo/1/title", "Buy milk");
 * const link = repo.sync("wss://relay.example");
 * const states: string[] = [];
 * const deafen = link.onStatus(({ state }) => states.push(state));
 * await link.inSync();
 * deafen();
 * const progress = await link.progress();
 * console.log(states.at(-1), progress?.opsOut, progress?.unacked); // connected 2 0
 * await link.close();
 * ```
 */
export class Link implements AsyncDisposable {
  readonly #link: HostLink;

  /** Use `Repo.sync` or `Repo.connect`. @hidden */
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

  /** As `close`, at the end of a block that says `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** A status that may be looked at and listened to. */
export class Teller {
  #status: LinkStatus = { state: "connecting", isRelay: false, isInSync: false };
  readonly #heard = new Set<(status: LinkStatus) => void>();

  get status(): LinkStatus {
    return this.#status;
  }

  tell(change: Partial<LinkStatus>): void {
    this.become({ ...this.#status, ...change });
  }

  become(status: LinkStatus): void {
    this.#status = status;
    for (const heard of [...this.#heard]) queueMicrotask(() => heard(this.#status));
  }

  /** The peer is known, or known again. */
  open(peer: string, isRelay: boolean): void {
    const { reason: _, ...rest } = this.#status;
    this.become({ ...rest, state: "connected", peer, isRelay });
  }

  listen(heard: (status: LinkStatus) => void): () => void {
    this.#heard.add(heard);
    return () => this.#heard.delete(heard);
  }
}

/** The state that a failure leaves a link in. */
export function stateAfter(failure: TrellisError | undefined): LinkState {
  switch (failure?.code) {
    case undefined:
      return "closed";
    case "auth_failed":
    case "permission_denied":
      return "needs-auth";
    case "repo_mismatch":
    case "version_mismatch":
    case "invalid_argument":
    case "unsupported":
      return "rejected";
    default:
      return "offline";
  }
}

/** Whether a link in this state is not dialled again. */
export function isOver(state: LinkState): boolean {
  return ["closed", "needs-auth", "rejected"].includes(state);
}

/** Whether dialling again is of no use. */
export function isFinal(failure: TrellisError | undefined): boolean {
  return failure?.code === "not_found" || ["needs-auth", "rejected"].includes(stateAfter(failure));
}

const FIRST_MS = 250;
const LAST_MS = 30_000;

/** Growing pauses, anywhere below what they may be by now, so that many who lost one relay do not come back at once. */
export class Backoff {
  #most = FIRST_MS;

  /** The next pause, in milliseconds. */
  next(): number {
    const most = this.#most;
    this.#most = Math.min(2 * most, LAST_MS);
    return most * Math.random();
  }

  reset(): void {
    this.#most = FIRST_MS;
  }
}

/** What ends pauses before their time. */
const pauses = new Set<() => void>();

/** Ends every pause: peers may be reached again. */
export function wake(): void {
  for (const done of [...pauses]) done();
}

/** Calls `heard` whenever the page comes into sight, until the signal says that it is over. Workers have no page. */
export function onVisible(heard: () => void, signal: AbortSignal): void {
  const { document } = globalThis;
  document?.addEventListener("visibilitychange", () => document.visibilityState === "visible" && heard(), { signal });
}

/** Waits for so many milliseconds, until the platform is online again or the page in sight, or until the signal says so. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const over = new AbortController();
    const done = () => {
      clearTimeout(timer);
      over.abort();
      pauses.delete(done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    pauses.add(done);
    signal.addEventListener("abort", done, over);
    globalThis.addEventListener?.("online", done, over);
    onVisible(done, over.signal);
  });
}
