// Opening a repo.

import { native } from "#source";
import type { BranchPolicy } from "./core.js";
import { TrellisError } from "./errors.js";
import type { Host } from "./host.js";
import { MemoryKeys, type Signer } from "./keys.js";
import type { Native } from "./native.js";
import { type AnyRecords, type Link, type Records, Repo } from "./repo.js";
import { MemoryStore } from "./store.js";
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
  /** What this device wants to hold of branches, by pattern, beside what the repo says. */
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
let hasWarned = false;

/**
 * Opens a repo, or makes one: it begins with its first write, or with what its first link brings. Never waits for the
 * network, unless `join` says so.
 *
 * In Node the name is the path of a folder, and the repo is kept in `.trellis` in it. Elsewhere, in this version, and with
 * `storage: "memory"` it is kept in memory: it is gone when the last `Repo` of its name is closed.
 *
 * @param name what people call it, or its folder. Who opens the same one again in one program has the same repo.
 * @throws TrellisError `unsupported` where WebAssembly is absent, and for options that a folder does not take; what the disk
 * reports; with `join` what keeps the peer from being reached.
 */
export async function open<R extends Records = AnyRecords>(name: string, options: OpenOptions = {}): Promise<Repo<R>> {
  if (typeof name !== "string" || name === "") throw new TrellisError("invalid_argument", "A repo has a name.");
  const addon = HAS_ADDON && options.storage === undefined ? native() : undefined;
  if (options.storage === undefined && !addon) warn();
  const key = HAS_ADDON && addon ? `\0${addon.place(name)}` : name;
  const begin = () => (HAS_ADDON && addon ? inFolder(addon, name, options) : inMemory(options));
  const use = shared.get(key) ?? { opened: begin(), users: 0 };
  use.users += 1;
  shared.set(key, use);
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    use.users -= 1;
    if (use.users > 0) return;
    shared.delete(key);
    await (await use.opened).host.close();
  };
  try {
    const { host, branch } = await use.opened;
    const repo = new Repo<R>({ host, name, authorName: options.authorName, close }, options.branch ?? branch);
    await repo.status();
    if (options.join !== undefined && !(HAS_ADDON && addon)) await join(repo.sync(options.join));
    return repo;
  } catch (thrown) {
    await close();
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

async function inMemory({ identity, clock = Date.now, branchPolicies: policies }: OpenOptions): Promise<Opened> {
  const host = new WasmHost({ store: new MemoryStore(), keys: new MemoryKeys(identity), now: clock, policies });
  return { host, branch: "main" };
}

/** What a folder has of its own: its key, the system's time, and policies in its settings. */
const OWN_OF_FOLDERS = ["identity", "clock", "branchPolicies"] as const;

async function inFolder(addon: Native, path: string, options: OpenOptions): Promise<Opened> {
  const refused = OWN_OF_FOLDERS.find((option) => options[option] !== undefined);
  if (refused !== undefined)
    throw new TrellisError(
      "unsupported",
      `A repo in a folder has its own key, time and settings. Leave ${refused} out, or say storage: "memory".`,
    );
  const { branch, authorName, join: url } = options;
  const host = await addon.open(path, { branch, authorName, ...(url !== undefined && { join: { url } }) });
  return { host, branch: host.branch };
}

/** Says once in Node that what is written is not kept. */
function warn(): void {
  const { process } = globalThis as { process?: { emitWarning?: (text: string, options: object) => void } };
  if (hasWarned || !process?.emitWarning) return;
  hasWarned = true;
  process.emitWarning(
    "trellis-sync keeps repos in memory here: what is written is gone when the program ends, unless a peer has it.",
    { code: "TRELLIS_MEMORY", detail: 'Say open(name, { storage: "memory" }) where that is meant.' },
  );
}
