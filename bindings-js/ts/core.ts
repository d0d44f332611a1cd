// The core, as WASM: loaded when it is first needed, once, and from then on called as it is.

import { carried, load, native } from "#source";
import * as glue from "../wasm/trellis.js";
import { type CrossingMachine, type ExtraCore, extraCore, type RepoCore, repoCore } from "./crossing.js";
import { asError, TrellisError } from "./errors.js";
import type { Native } from "./native.js";
import { type Carried, compiled } from "./packed.js";
import type { Input, Output } from "./surface.js";

const functions = repoCore({
  Machine: glue.Machine,
  authorOf: glue.authorOf,
  broughtBy: glue.broughtBy,
  bundleOf: glue.bundleOf,
  isSigned: glue.isSigned,
  opsBrought: glue.opsBrought,
  opsOf: glue.opsOf,
  opsOfBundle: glue.opsOfBundle,
  opsShown: glue.opsShown,
  repoTag: glue.repoTag,
  sign: glue.sign,
});
const extra = /* @__PURE__ */ extraCore({
  Log: glue.Log,
  createGenesis: glue.createGenesis,
  federationCollections: glue.federationCollections,
  formatReference: glue.formatReference,
  linkedRepos: glue.linkedRepos,
  linksTo: glue.linksTo,
  opId: glue.opId,
  parseReference: glue.parseReference,
  reconcile: glue.reconcile,
});
/** What is called of the core, whatever runs it. @internal */
export type Core = RepoCore & ExtraCore;

let ready: RepoCore | undefined;
/** The addon, where that is what runs the core. */
let addon: Native | undefined;
let started: WebAssembly.Module | undefined;

/**
 * The core's functions. Where the module is compiled, the first call does that, which takes some tens of milliseconds.
 *
 * @throws TrellisError `unsupported` where the platform has no WebAssembly, or forbids it by a content security policy.
 * @internal
 */
export function core(): RepoCore {
  if (ready) return ready;
  if (HAS_ADDON) {
    addon = native();
    if (addon) {
      ready = addon.core;
      return ready;
    }
  }
  try {
    start(load());
  } catch (cause) {
    if (cause instanceof TrellisError) throw cause;
    throw new TrellisError("unsupported", "The core could not be loaded: WebAssembly is absent or forbidden here.", {
      cause,
    });
  }
  return functions;
}

/** Has the core there beside this thread, so that the first call need not wait for it. Where that fails the first call says why. */
export async function prepare(): Promise<void> {
  if (ready) return;
  try {
    const module = await compiled(carried());
    if (!ready) start(module);
  } catch {
    // The platform has no streams of that kind, or is not to compile anything.
  }
}

/** Starts a compiled module. @internal */
export function start(module: WebAssembly.Module): void {
  glue.initSync({ module });
  ready = functions;
  started = module;
}

/** What only some programs call of the core, within `call`. Bundlers leave it out of the others. @internal */
export function more(): ExtraCore {
  return HAS_ADDON && addon ? addon.core : extra;
}

/** The module for another thread, where it need not be compiled here. @internal */
export function portable(): Carried {
  return started ?? carried();
}

/** Whether the module is there. */
export function isStarted(): boolean {
  return ready !== undefined;
}

/** Calls the core, and throws what it throws as a `TrellisError`. @internal */
export function call<T>(work: (core: RepoCore) => unknown): T {
  const functions = core();
  try {
    return work(functions) as T;
  } catch (thrown) {
    if (HAS_ADDON && addon) throw addon.errorOf(thrown);
    // The module throws the text of an object.
    throw asError(typeof thrown === "string" ? JSON.parse(thrown) : thrown);
  }
}

/** How a machine begins. */
export interface MachineOptions {
  /** The key that this device writes under, in hex. */
  author: string;
  /** Whether that key may be in use elsewhere. */
  isCopied?: boolean;
  /** 8 random bytes in hex, new for every machine. */
  idKey: string;
  /** The device's own branch policies, by pattern. */
  policies?: Readonly<Record<string, BranchPolicy>> | undefined;
  /** Whether content of files is left alone. */
  leavesContent?: boolean;
  /** What a row survives once it is stored: nothing, the end of its process, or a power cut; `disk` unless it is said. */
  level?: "memory" | "os" | "disk" | undefined;
}

/** What a program wants to hold of a branch, beside what its repo says. */
export interface BranchPolicy {
  /** Whether its ops are one line. */
  readonly linear?: boolean;
  /** Whether only members' ops take effect. */
  readonly requireSigning?: boolean;
  /** The peer that decides about the order of a linear branch. */
  readonly serialiser?: string;
}

/** The engine of one repo, by itself: what happens goes in, and what is to be done comes out. It does no I/O. */
export class Machine {
  readonly #machine: CrossingMachine;

  /** @throws TrellisError `invalid_argument`. */
  constructor(options: MachineOptions) {
    this.#machine = call((core) => core.machine(options));
  }

  /** What is to be done first. */
  begin(): Output[] {
    return call((core) => core.begin(this.#machine));
  }

  /**
   * Takes one input at the time `now`, in milliseconds since 1970, and returns what is to be done.
   *
   * @throws TrellisError `invalid_argument` for what is no input; `aborted` after a write that failed.
   */
  step(input: Input, now: number): Output[] {
    return call((core) => core.step(this.#machine, input, now));
  }

  /** When it next wants to be told the time, in milliseconds since 1970. */
  deadline(): number | undefined {
    return this.#machine.deadline() ?? undefined;
  }

  /** Gives its memory back. It is of no use afterwards. */
  free(): void {
    this.#machine.free();
  }
}
