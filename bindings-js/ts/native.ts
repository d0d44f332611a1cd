// The core and the host by the addon of Node: what the WebAssembly module and its host do elsewhere.

import { resolve } from "node:path";
import { type Addon, type AddonMachine, addonError, Calls, loadAddon } from "./addon.js";
import { type Connection, type ConnectOptions, Inbox, lost } from "./connection.js";
import type { BranchPolicy, Core } from "./core.js";
import type { TrellisError } from "./errors.js";
import { NativeHost } from "./native-host.js";
import { packed, packedOps, unpacked, unpackedOps } from "./packing.js";
import { withSignal } from "./receipt.js";
import type { StoredOp } from "./surface.js";

/** How a repo in a folder is opened. */
export interface FolderOptions {
  readonly branch?: string | undefined;
  readonly authorName?: string | undefined;
  readonly branchPolicies?: Readonly<Record<string, BranchPolicy>> | undefined;
  /** Whether it is opened to be read alone. */
  readonly isReadOnly?: boolean;
  /** Whether it has to be there. */
  readonly mustExist?: boolean;
  readonly join?: { readonly url: string };
}

/** An addon that is loaded. */
export interface Native {
  /** The core's functions. What they give is plain. */
  readonly core: Core;
  /** What was thrown by one of them. */
  errorOf(thrown: unknown): TrellisError;
  /** Dials a `ws://` or `wss://` URL. @throws TrellisError */
  dial(url: string, options: ConnectOptions, signal: AbortSignal): Promise<Connection>;
  /** The absolute path of a folder. */
  place(path: string): string;
  /** Opens the repo in a folder. @throws TrellisError */
  open(path: string, options: FolderOptions): Promise<NativeHost>;
}

/** The addon in a folder, loaded once; nothing where there is none. @throws TrellisError `unsupported` for a broken one */
export function nativeIn(folder: string): () => Native | undefined {
  let known: { native: Native | undefined } | undefined;
  return () => {
    if (!known) {
      const addon = loadAddon(folder);
      known = { native: addon && nativeOf(addon) };
    }
    return known.native;
  };
}

function nativeOf(addon: Addon): Native {
  const calls = new Calls(addon);
  return {
    core: coreOf(addon),
    errorOf: addonError,
    dial: (url, options, signal) => dialled(addon, calls, url, options, signal),
    place: resolve,
    open: (path, options) => NativeHost.open(addon, calls, path, options),
  };
}

/** A connection by the addon. While it is open, the process does not end. */
async function dialled(
  addon: Addon,
  calls: Calls,
  url: string,
  { allowPlain, limit }: ConnectOptions,
  signal: AbortSignal,
): Promise<Connection> {
  const channel = new addon.Channel(calls.port);
  const opening = calls.ask<{ origin: string; binding: Uint8Array }>((call) =>
    channel.open(call, url, JSON.stringify({ allowPlain, limit })),
  );
  const { origin, binding } = await withSignal(opening, signal).catch((thrown: unknown) => {
    // What is open by the time that nobody wants it any more is closed.
    void opening.then(
      () => channel.end(),
      () => {},
    );
    throw thrown;
  });
  const inbox = new Inbox();
  calls.hold();
  const listener = calls.listen((told) => {
    if (told) return inbox.frame(told.value as string | Uint8Array<ArrayBuffer>);
    calls.release();
    inbox.end(lost());
  });
  channel.listen(listener);
  return {
    origin,
    binding,
    listen: (listener) => inbox.listen(listener),
    send: (frame) => channel.frame(frame),
    close: () => channel.end(),
  };
}

/** The functions of the addon, with the signatures of the module's. */
function coreOf(addon: Addon): Core {
  const given = ({ text, bytes }: { text: string; bytes?: Uint8Array | null }) => unpacked(text, bytes);
  const json = JSON.stringify;
  const core: Record<keyof Core, unknown> = {
    Log: class {
      readonly #log;
      constructor(repo: string) {
        this.#log = new addon.Log(repo);
      }
      extend(ops: readonly StoredOp[]): void {
        this.#log.extend(packedOps(ops));
      }
      createOp(op: unknown, author: Uint8Array, now: number): unknown {
        return given(this.#log.createOp(author, now, ...packed(op)));
      }
    },
    Machine: class {
      readonly #machine: AddonMachine;
      constructor(start: unknown) {
        this.#machine = new addon.Machine(json(start));
      }
      begin(): unknown {
        return given(this.#machine.begin());
      }
      step(input: unknown, now: number): unknown {
        return given(this.#machine.step(now, ...packed(input)));
      }
      deadline(): number | undefined {
        return this.#machine.deadline() ?? undefined;
      }
      free(): void {
        this.#machine.free();
      }
    },
    authorOf: addon.authorOfSeed,
    broughtBy: (seq: number, headers: Uint8Array, digest: string) => given(addon.broughtBy(seq, headers, digest)),
    bundleOf: (ops: readonly StoredOp[]) => addon.bundleOf(packedOps(ops)),
    createGenesis: (name: string, nonce: Uint8Array, author: Uint8Array, now: number) =>
      given(addon.createGenesis(name, nonce, author, now)),
    federationCollections: () => given(addon.federationCollections()),
    formatReference: (reference: unknown) => addon.formatReference(json(reference)),
    isSigned: addon.isSigned,
    linkedRepos: (records: unknown) => given(addon.linkedRepos(json(records))),
    linksTo: (records: unknown, alias: string, entity: string) => given(addon.linksTo(json(records), alias, entity)),
    opId: addon.opId,
    opsOf: (objects: unknown) => unpackedOps(addon.opsOf(json(objects))),
    opsOfBundle: (bundle: Uint8Array) => unpackedOps(addon.opsOfBundle(bundle)),
    opsShown: (ops: readonly StoredOp[]) => given(addon.opsShown(packedOps(ops))),
    parseReference: (text: string) => given(addon.parseReference(text)),
    readRecord: (bytes: Uint8Array) => given(addon.readRecord(bytes)),
    reconcile: (local: readonly StoredOp[], remote: readonly StoredOp[]) =>
      given(addon.reconcile(packedOps(local), packedOps(remote))),
    recordBytesMax: addon.recordBytesMax,
    repoTag: addon.repoTag,
    sign: addon.sign,
  };
  return core as unknown as Core;
}
