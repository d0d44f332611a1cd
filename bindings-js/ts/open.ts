// Opening a repo.

import { native, notice } from "#source";
import type { BranchPolicy } from "./core.js";
import { TrellisError } from "./errors.js";
import type { Host } from "./host.js";
import { openInWorker, type WorkerLike } from "./in-worker.js";
import { MemoryKeys, type Signer } from "./keys.js";
import type { Link } from "./link.js";
import type { Native } from "./native.js";
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
  /**
   * What this device wants to hold of branches, by pattern, beside what the repo says; of a folder, what its settings say
   * where it is left out.
   */
  readonly branchPolicies?: Readonly<Record<string, BranchPolicy>>;
}

/** What a repo that is open needs: what runs it, and the branch that it is opened on. */
interface Opened {
  readonly host: Host;
  readonly branch: string;
}

interface Shared {
  readonly opened: Promise<Opened>;
  users: number;
}

/** The repos that are open, by name or folder: who opens one again shares it. */
const shared = new Map<string, Shared>();

/**
 * Opens a repo, or makes one: it begins with its first write, or with what its first link brings. Never waits for the
 * network, unless `join` says so.
 *
 * In Node the name is the path of a folder, and the repo is kept in `.trellis` in it. Elsewhere, in this version, and with
 * `storage: "memory"` it is kept in memory: it is gone when the last `Repo` of its name is closed.
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
 * @param name what people call it, or its folder. Who opens the same one again in one program has the same repo.
 * @throws TrellisError `unsupported` where WebAssembly is absent, and for options that a folder does not take; what the disk
 * reports; with `join` what keeps the peer from being reached.
 */
export async function open<R extends Records = AnyRecords>(name: string, options: OpenOptions = {}): Promise<Repo<R>> {
  if (typeof name !== "string" || name === "") throw new TrellisError("invalid_argument", "A repo has a name.");
  const { worker, storage } = options;
  const addon = HAS_ADDON && storage === undefined && !worker ? native() : undefined;
  if (storage === undefined && !addon) notice();
  const { host, branch, release } = await (worker
    ? inWorker(name, worker, options)
    : HAS_ADDON && addon
      ? held(`\0${addon.place(name)}`, () => inFolder(addon, name, options))
      : hostOf(name, options));
  try {
    const repo = new Repo<R>({ host, name, authorName: options.authorName, close: release }, options.branch ?? branch);
    await repo.status();
    if (options.join !== undefined && !(HAS_ADDON && addon)) await join(repo.sync(options.join));
    return repo;
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

/** Opens another repo, to look at it: where repos are folders it has to be there. @internal */
export async function openLinked(place: string, isFolder: boolean): Promise<Repo> {
  const addon = HAS_ADDON && isFolder ? native() : undefined;
  if (!HAS_ADDON || !addon) return open(place, { storage: "memory" });
  const host = await addon.open(place, { isReadOnly: true, mustExist: true });
  return new Repo({ host, name: place, close: () => host.close() }, host.branch);
}

/** What another repo is linked by, wherever the program stands. @internal */
export function placeOf(path: string, isFolder: boolean): string {
  return HAS_ADDON && isFolder ? (native()?.place(path) ?? path) : path;
}

async function join(link: Link): Promise<void> {
  try {
    await link.inSync();
  } finally {
    await link.close();
  }
}

/** What a program uses of what is open, and what lets go of it. */
interface Held extends Opened {
  release(): Promise<void>;
}

/** What is open under a key, which whoever opens it again shares. */
async function held(key: string, begin: () => Promise<Opened>): Promise<Held> {
  const use = shared.get(key) ?? { opened: begin(), users: 0 };
  use.users += 1;
  shared.set(key, use);
  let isReleased = false;
  const release = async () => {
    if (isReleased) return;
    isReleased = true;
    use.users -= 1;
    if (use.users > 0) return;
    shared.delete(key);
    await (await use.opened).host.close();
  };
  try {
    return { ...(await use.opened), release };
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

/** The host of a repo in this thread, in memory. @internal */
export function hostOf(name: string, options: OpenOptions): Promise<Held> {
  return held(name, () => inMemory(options));
}

/** The host of a repo in a worker. */
async function inWorker(name: string, worker: WorkerLike, options: OpenOptions): Promise<Held> {
  const { identity, clock, branchPolicies } = options;
  if (clock) throw new TrellisError("invalid_argument", "A repo in a worker has the worker's clock.");
  const opening = { version: WIRE_VERSION, name, branchPolicies, author: identity?.author };
  const host = await openInWorker(worker, opening, identity);
  return { host, branch: "main", release: () => host.close() };
}

async function inMemory({ identity, clock = Date.now, branchPolicies: policies }: OpenOptions): Promise<Opened> {
  const host = new WasmHost({ store: new MemoryStore(), keys: new MemoryKeys(identity), now: clock, policies });
  return { host, branch: "main" };
}

/** What a folder has of its own: its key, and the system's time. */
const OWN_OF_FOLDERS = ["identity", "clock"] as const;

async function inFolder(addon: Native, path: string, options: OpenOptions): Promise<Opened> {
  const refused = OWN_OF_FOLDERS.find((option) => options[option] !== undefined);
  if (refused !== undefined)
    throw new TrellisError(
      "unsupported",
      `A repo in a folder has its own key and time. Leave ${refused} out, or say storage: "memory".`,
    );
  const { branch, authorName, branchPolicies, join: url } = options;
  const host = await addon.open(path, {
    branch,
    authorName,
    branchPolicies,
    ...(url !== undefined && { join: { url } }),
  });
  return { host, branch: host.branch };
}
