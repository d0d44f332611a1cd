// Opening a repo.

import { native, notice } from "#source";
import type { BranchPolicy } from "./core.js";
import { TrellisError } from "./errors.js";
import type { Host } from "./host.js";
import { openInWorker, type WorkerLike } from "./in-worker.js";
import { MemoryKeys, type Signer, seedOf } from "./keys.js";
import type { Link } from "./link.js";
import type { Native } from "./native.js";
import { WIRE_VERSION } from "./remote.js";
import { Repo } from "./repo.js";
import { MemoryStore } from "./store.js";
import { TabHost } from "./tabs.js";
import type { AnyRecords, Records } from "./view.js";
import { WasmHost } from "./wasm-host.js";

/** How a repo is opened. */
export interface OpenOptions {
  /**
   * The key that the device writes under; a new one where it is left out. A folder takes an `Identity`, and then its key file
   * is neither read nor made. A browser's repo has its own.
   */
  readonly identity?: Signer;
  /** What people call whoever writes: it stands as `actor` in every op that has no other. */
  readonly authorName?: string;
  /** The branch to work on; `main` where it is left out. */
  readonly branch?: string;
  /** Where it is kept; where the platform keeps repos, if it is left out. `memory` says that it need not outlive the program. */
  readonly storage?: "memory";
  /** The time, in milliseconds since 1970; the platform's where it is left out. A browser's repo has its own. */
  readonly clock?: () => number;
  /** A peer whose repo this is: it is taken from there before `open` returns, if it is not here yet, and none is begun here. */
  readonly join?: string;
  /**
   * A worker that runs `trellis-sync/worker`: the repo lives there, and its work does not block this thread. The worker is
   * the program's, which ends it when no repo needs it any more.
   */
  readonly worker?: WorkerLike;
  /**
   * What this device wants to hold of branches, by pattern, beside what the repo says. Where it is left out a folder has what its
   * settings say; of the tabs of a browser, which should say the same, the one that writes decides.
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
 * In Node the name is the path of a folder, and the repo is kept in `.trellis` in it. Browsers keep it in IndexedDB, and all
 * pages and workers of an origin that open the name have the same repo. Elsewhere, and with `storage: "memory"`, it is kept in
 * memory: it is gone when the last `Repo` of its name is closed.
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
 * @throws TrellisError `unsupported` where WebAssembly is absent, where the browser keeps nothing for the page, and for options that a
 * repo which is kept does not take; `schema_newer` where a newer version of the page has opened it; `version_mismatch`
 * where another tab runs another version of this package; `storage_full`; what the disk reports; with `join` what keeps the peer from
 * being reached.
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
    const { repo: begun } = await repo.status();
    if (HAS_DATABASE && host.isPersistent) askToKeep(host);
    if (options.join !== undefined && begun === undefined && !(HAS_ADDON && addon)) await join(repo.sync(options.join));
    return repo;
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

/** Opens another repo, to look at it: where repos are folders it has to be there. @internal */
export async function openLinked(place: string, isKept: boolean): Promise<Repo> {
  const addon = HAS_ADDON && isKept ? native() : undefined;
  if (!HAS_ADDON || !addon) return open(place, HAS_DATABASE && isKept ? {} : { storage: "memory" });
  const host = await addon.open(place, { isReadOnly: true, mustExist: true });
  return new Repo({ host, name: place, close: () => host.close() }, host.branch);
}

/** What another repo is linked by, wherever the program stands. @internal */
export function placeOf(path: string, isKept: boolean): string {
  return HAS_ADDON && isKept ? (native()?.place(path) ?? path) : path;
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

/** The host of a repo in this thread: in the browser's database where there is one, else in memory. @internal */
export function hostOf(name: string, options: OpenOptions): Promise<Held> {
  if (HAS_DATABASE && options.storage === undefined && globalThis.indexedDB)
    return held(`\0${name}`, () => inDatabase(name, options));
  return held(name, () => inMemory(options));
}

/** The host of a repo in the browser's database. */
async function inDatabase(name: string, options: OpenOptions): Promise<Opened> {
  refuseOwn(options);
  return { host: await TabHost.open(name, options.branchPolicies), branch: "main" };
}

/** The host of a repo in a worker. */
async function inWorker(name: string, worker: WorkerLike, options: OpenOptions): Promise<Held> {
  if (!HAS_WORKERS) throw new TrellisError("unsupported", "There are no workers here.");
  const { identity, clock, branchPolicies, storage } = options;
  if (clock) throw new TrellisError("invalid_argument", "A repo in a worker has the worker's clock.");
  const opening = { version: WIRE_VERSION, name, storage, branchPolicies, author: identity?.author };
  const host = await openInWorker(worker, opening, identity);
  return { host, branch: "main", release: () => host.close() };
}

async function inMemory({ identity, clock = Date.now, branchPolicies: policies }: OpenOptions): Promise<Opened> {
  const host = new WasmHost({ store: new MemoryStore(), keys: new MemoryKeys(identity), now: clock, policies });
  return { host, branch: "main" };
}

/** Asks the browser, as soon as something is there, to keep it when the device runs short of room. */
function askToKeep(host: Host): void {
  const deafen = host.listen((event) => {
    if (event) return;
    deafen();
    navigator.storage?.persist?.().catch(() => {});
  });
}

/** What a browser keeps has a key and a time of its own. */
function refuseOwn(options: OpenOptions): void {
  const own = ["identity", "clock"] as const;
  const refused = own.find((option) => options[option] !== undefined);
  if (refused === undefined) return;
  throw new TrellisError(
    "unsupported",
    `A repo that a browser keeps has its own key and time. Leave ${refused} out, or say storage: "memory".`,
  );
}

async function inFolder(addon: Native, path: string, options: OpenOptions): Promise<Opened> {
  const { branch, authorName, branchPolicies, identity, clock, join: url } = options;
  const said = { branch, authorName, branchPolicies, ...(url !== undefined && { join: { url } }) };
  const seed = identity && seedOf(identity);
  if (identity && !seed)
    throw new TrellisError("unsupported", "A folder takes an Identity, and no other signer: it signs by itself.");
  const host = await addon.open(path, said, { seed, clock });
  return { host, branch: host.branch };
}
