// Opening a repo.

import type { BranchPolicy } from "./core.js";
import { TrellisError } from "./errors.js";
import type { Host } from "./host.js";
import { MemoryKeys, type Signer } from "./keys.js";
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

interface Shared {
  readonly host: Host;
  users: number;
}

/** The repos that are open, by name: who opens one again shares it. */
const shared = new Map<string, Shared>();
let hasWarned = false;

/**
 * Opens a repo, or makes one: it begins with its first write, or with what its first link brings. Never waits for the
 * network, unless `join` says so.
 *
 * In this version a repo is kept in memory: it is gone when the last `Repo` of its name is closed.
 *
 * @param name what people call it. Who opens the same name again in one program has the same repo.
 * @throws TrellisError `unsupported` where WebAssembly is absent; with `join` what keeps the peer from being reached.
 */
export async function open<R extends Records = AnyRecords>(name: string, options: OpenOptions = {}): Promise<Repo<R>> {
  if (typeof name !== "string" || name === "") throw new TrellisError("invalid_argument", "A repo has a name.");
  if (options.storage === undefined) warn();
  const host = hostOf(name, options);
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    host.users -= 1;
    if (host.users > 0) return;
    shared.delete(name);
    await host.host.close();
  };
  const parts = { host: host.host, name, authorName: options.authorName, close };
  const repo = new Repo<R>(parts, options.branch ?? "main");
  try {
    await repo.status();
    if (options.join !== undefined) await join(repo.sync(options.join));
  } catch (thrown) {
    await close();
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

function hostOf(name: string, { identity, clock = Date.now, branchPolicies }: OpenOptions): Shared {
  const known = shared.get(name);
  if (known) {
    known.users += 1;
    return known;
  }
  const keys = identity ? new MemoryKeys(identity) : new MemoryKeys();
  const host = new WasmHost({ store: new MemoryStore(), keys, now: clock, policies: branchPolicies });
  const opened = { host, users: 1 };
  shared.set(name, opened);
  return opened;
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
