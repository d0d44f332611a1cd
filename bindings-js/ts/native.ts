// The core and the host by the addon of Node: what the WebAssembly module and its host do elsewhere.

import { resolve } from "node:path";
import { type Addon, addonError, Calls, loadAddon } from "./addon.js";
import { type Connection, type ConnectOptions, Inbox, lost } from "./connection.js";
import type { BranchPolicy, Core } from "./core.js";
import { extraCore, repoCore } from "./crossing.js";
import type { TrellisError } from "./errors.js";
import { NativeHost } from "./native-host.js";
import { withSignal } from "./receipt.js";

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

/** The key and the time of a repo in a folder, where the program has its own. */
export interface FolderOwn {
  readonly seed?: Uint8Array | undefined;
  readonly clock?: (() => number) | undefined;
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
  open(path: string, options: FolderOptions, own?: FolderOwn): Promise<NativeHost>;
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
    core: { ...repoCore(addon), ...extraCore(addon) },
    errorOf: addonError,
    dial: (url, options, signal) => dialled(addon, calls, url, options, signal),
    place: resolve,
    open: (path, options, own) => NativeHost.open(addon, calls, path, options, own),
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
