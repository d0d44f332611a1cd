// The addon of Node: its file, and the calls that it answers later.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Crossing } from "./crossing.js";
import { asError, type ErrorCode, TrellisError } from "./errors.js";
import { type Given, parsed } from "./packing.js";

/** A repo in a folder, as the addon has it. Numbers are those of calls and of listeners. */
export interface AddonHost {
  open(call: number, path: string, options: string, listener: number, seed?: Uint8Array, clock?: () => number): void;
  carryOut(call: number, command: string, bytes?: Uint8Array): void;
  commits(call: number, since: number): void;
  sync(url: string, options: string, listener: number): AddonLink;
  connect(origin: string, binding: Uint8Array, isInitiator: boolean, listener: number, frames: number): AddonWire;
  branch(): string;
  close(call: number): void;
}

/** A link, as the addon has it. */
export interface AddonLink {
  status(): Given;
  progress(call: number): void;
  close(call: number): void;
}

/** A link over a connection that JavaScript carries. */
export interface AddonWire {
  link(): AddonLink;
  frame(frame: string | Uint8Array): void;
  end(): void;
}

/** A connection that the addon dials. */
export interface AddonChannel {
  open(call: number, url: string, options: string): void;
  listen(listener: number): void;
  frame(frame: string | Uint8Array): void;
  end(): void;
}

/** Hears messages: whom one is for, what it is, and what it says. */
type Heard = (to: number, kind: number, text: string, bytes?: Uint8Array | null) => void;

/** What the addon's file exports. */
export interface Addon extends Crossing {
  readonly Port: new (heard: Heard) => object;
  readonly Host: new (port: object) => AddonHost;
  readonly Channel: new (port: object) => AddonChannel;
}

/**
 * The addon in a folder.
 *
 * @returns `undefined` where there is none for this platform.
 * @throws TrellisError `unsupported` for one that cannot be loaded.
 */
export function loadAddon(folder: string): Addon | undefined {
  const file = join(folder, `trellis.${platform()}.node`);
  if (!existsSync(file)) return undefined;
  try {
    return createRequire(file)(file);
  } catch (cause) {
    const message = "The package's addon for Node is there and cannot be loaded. Install the package again.";
    throw new TrellisError("unsupported", message, { path: file, cause });
  }
}

/** The platform as files of addons are named after it. */
function platform(): string {
  const { platform, arch } = process;
  const libc = platform === "linux" ? (isMusl() ? "-musl" : "-gnu") : platform === "win32" ? "-msvc" : "";
  return `${platform}-${arch}${libc}`;
}

function isMusl(): boolean {
  try {
    return readFileSync("/usr/bin/ldd", "latin1").includes("musl");
  } catch {
    return existsSync("/etc/alpine-release");
  }
}

/** What was thrown by the addon: an error whose message is the text of an object. */
export function addonError(thrown: unknown): TrellisError {
  if (thrown instanceof TrellisError) return thrown;
  const text = thrown instanceof Error ? thrown.message : thrown;
  if (typeof text !== "string") return asError(thrown);
  // What no argument of the addon can be it refuses in words of its own.
  if (!text.startsWith("{"))
    return new TrellisError("invalid_argument", "This is not of the shape that is expected here.", { cause: thrown });
  return problem(JSON.parse(text));
}

/** A failure as the addon tells it. */
export function problem({ code, message, op, repo, path, cause }: Record<string, string>): TrellisError {
  const { message: sentence } = asError({ code, message });
  return new TrellisError(code as ErrorCode, sentence, { op, repo, path, cause });
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: TrellisError): void;
}

/** What is told to a listener; nothing where there is no more. */
export type Told = (told: { readonly value: unknown } | undefined) => void;

const [ANSWER, FAILURE, TOLD] = [0, 1, 2];
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The calls that wait for an answer, and those who listen. A process does not end while a call waits. */
export class Calls {
  /** What the addon sends its messages by. */
  readonly port: object;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<number, Told>();
  readonly #alive: NodeJS.Timeout;
  #held = 0;
  #last = 0;

  constructor(addon: Addon) {
    this.port = new addon.Port((to, kind, text, bytes) => this.#heard(to, kind, text, bytes));
    this.#alive = setInterval(() => {}, TIMER_MS_MAX).unref();
  }

  /** Calls the addon, and waits for the answer. @throws TrellisError */
  ask<T>(begin: (call: number) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const call = this.#next();
      try {
        begin(call);
      } catch (thrown) {
        reject(addonError(thrown));
        return;
      }
      this.#waiting.set(call, { resolve: resolve as Waiting["resolve"], reject });
      this.hold();
    });
  }

  /** Has a listener told of something; returns its number. */
  listen(told: Told): number {
    const listener = this.#next();
    this.#listeners.set(listener, told);
    return listener;
  }

  /** Begins something by which a listener is told. @throws TrellisError */
  begin<T>(begin: (listener: number) => T, told: Told): T {
    const listener = this.listen(told);
    try {
      return begin(listener);
    } catch (thrown) {
      this.forget(listener);
      throw addonError(thrown);
    }
  }

  /** Tells a listener no more. */
  forget(listener: number): void {
    this.#listeners.delete(listener);
  }

  /** Keeps the process from ending until `release` was called as often. */
  hold(): void {
    if (this.#held === 0) this.#alive.ref();
    this.#held += 1;
  }

  release(): void {
    this.#held -= 1;
    if (this.#held === 0) this.#alive.unref();
  }

  #next(): number {
    this.#last = this.#last === 2 ** 32 - 1 ? 1 : this.#last + 1;
    return this.#waiting.has(this.#last) || this.#listeners.has(this.#last) ? this.#next() : this.#last;
  }

  #heard(to: number, kind: number, text: string, bytes: Uint8Array | null | undefined): void {
    if (kind === ANSWER || kind === FAILURE) {
      const waiting = this.#waiting.get(to);
      this.#waiting.delete(to);
      this.release();
      if (kind === ANSWER) waiting?.resolve(parsed(text, bytes));
      else waiting?.reject(problem(JSON.parse(text)));
      return;
    }
    const told = this.#listeners.get(to);
    if (kind !== TOLD) this.#listeners.delete(to);
    told?.(kind === TOLD ? { value: parsed(text, bytes) } : undefined);
  }
}
