// Opening a repo.

import { notice } from "#source";
import type { BranchPolicy } from "./core.js";
import { TrellisError } from "./errors.js";
import type { Host } from "./host.js";
import { openInWorker, type WorkerLike } from "./in-worker.js";
import { MemoryKeys, type Signer } from "./keys.js";
import type { Link } from "./link.js";
import { WIRE_VERSION } from "./remote.js";
import { Repo } from "./repo.js";
import { MemoryStore } from "./store.js";
import type { AnyRecords, Records } from "./view.js";
import { WasmHost } from "./wasm-host.js";

/** How a repo is opened. */
export interface OpenOptions {
  /** The key that the device writes under; a new one where it is left out. */
  readonly identity?: Signer;
  /** What people call whoever writes: it stands as `actor` in every op that has no other. */
  readonly authorName?: string;
  /** The branch to work on; `main` where it is left out. */
  readonly branch?: string;
  /** Where it is kept. `memory` says that it need not outlive the program. */
  readonly storage?: "memory";
  /** The time, in milliseconds since 1970; the platform's where it is left out. */
  readonly clock?: () => number;
  /** A peer whose repo this is: it is taken from there before `open` returns, and none is begun here. */
  readonly join?: string;
  /**
   * A worker that runs `trellis-sync/worker`: the repo lives there, and its work does not block this thread. The worker is
   * the program's, which ends it when no repo needs it any more.
   */
  readonly worker?: WorkerLike;
  /** What this device wants to hold of branches, by pattern, beside what the repo says. */
  readonly branchPolicies?: Readonly<Record<string, BranchPolicy>>;
}

interface Shared {
  readonly host: Host;
  users: number;
}

/** The repos that are open, by name: who opens one again shares it. */
const shared = new Map<string, Shared>();

/**
 * Opens a repo, or makes one: it begins with its first write, or with what its first link brings. Never waits for the
 * network, unless `join` says so.
 *
 * In this version a repo is kept in memory: it is gone when the last `Repo` of its name is closed.
 *
 * @example
 * ```ts
 * import { open } from "trellis-sync";
 * const repo = await open("notes");
 * const receipt = await repo.set("todo/1/title", "Buy milk"); // collection / key / field...
 * const link = repo.sync("wss://relay.example"); // returns at once
 * await receipt.durable("relay", { timeout: 5_000 }); // "local" | "peer" | "relay"
 * ```
 *
 * @param name what people call it. Who opens the same name again in one program has the same repo.
 * @throws TrellisError `unsupported` where WebAssembly is absent; with `join` what keeps the peer from being reached.
 */
export async function open<R extends Records = AnyRecords>(name: string, options: OpenOptions = {}): Promise<Repo<R>> {
  if (typeof name !== "string" || name === "") throw new TrellisError("invalid_argument", "A repo has a name.");
  if (options.storage === undefined) notice();
  const { host, release } = await (options.worker ? elsewhere(name, options.worker, options) : hostOf(name, options));
  const parts = { host, name, authorName: options.authorName, close: release };
  const repo = new Repo<R>(parts, options.branch ?? "main");
  try {
    await repo.status();
    if (options.join !== undefined) await join(repo.sync(options.join));
  } catch (thrown) {
    await release();
    throw thrown;
  }
  return repo;
}

async function join(link: Link): Promise<void> {
  try {
    await link.inSync();
  } finally {
    await link.close();
  }
}

/** A host, and what lets go of it. */
interface Held {
  readonly host: Host;
  release(): Promise<void>;
}

/** The host of a repo in this thread. @internal */
export function hostOf(name: string, options: OpenOptions): Held {
  const opened = sharedHost(name, options);
  let isReleased = false;
  const release = async () => {
    if (isReleased) return;
    isReleased = true;
    opened.users -= 1;
    if (opened.users > 0) return;
    shared.delete(name);
    await opened.host.close();
  };
  return { host: opened.host, release };
}

/** The host of a repo in a worker. */
async function elsewhere(name: string, worker: WorkerLike, options: OpenOptions): Promise<Held> {
  const { identity, clock, branchPolicies } = options;
  if (clock) throw new TrellisError("invalid_argument", "A repo in a worker has the worker's clock.");
  const opening = { version: WIRE_VERSION, name, branchPolicies, author: identity?.author };
  const host = await openInWorker(worker, opening, identity);
  return { host, release: () => host.close() };
}

function sharedHost(name: string, { identity, clock = Date.now, branchPolicies }: OpenOptions): Shared {
  const known = shared.get(name);
  if (known) {
    known.users += 1;
    return known;
  }
  const keys = new MemoryKeys(identity);
  const host = new WasmHost({ store: new MemoryStore(), keys, now: clock, policies: branchPolicies });
  const opened = { host, users: 1 };
  shared.set(name, opened);
  return opened;
}
