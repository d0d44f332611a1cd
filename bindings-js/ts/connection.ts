// Connections: frames between two ends, in order. Who opens one gives it to a link, which listens before anything comes.

import { native } from "#source";
import { TrellisError } from "./errors.js";
import type { Frame } from "./surface.js";

/** Where frames of a connection go. */
export interface Listener {
  /** A frame came. */
  frame(frame: Frame): void;
  /** The connection is gone, and why, if that is known. Nothing comes after it. */
  end(failure?: TrellisError): void;
}

/** One end of a connection. */
export interface Connection {
  /** The origin that was dialled, as both ends know it. */
  readonly origin: string;
  /** What ties the proofs of who is there to this channel. */
  readonly binding: Uint8Array;
  /** Begins to listen, once. What came before is given then. */
  listen(listener: Listener): void;
  /** Sends a frame, after all before it. */
  send(frame: Frame): void;
  /** Ends it when everything was sent. */
  close(): void;
}

/** Something that becomes a connection, or is given up when the signal says so. */
export type Dial = (signal: AbortSignal) => Promise<Connection>;

/** Keeps what comes until somebody listens. */
export class Inbox {
  #listener: Listener | undefined;
  #early: ((listener: Listener) => void)[] = [];
  #hasEnded = false;

  listen(listener: Listener): void {
    this.#listener = listener;
    for (const give of this.#early.splice(0)) give(listener);
  }

  frame(frame: Frame): void {
    if (!this.#hasEnded) this.#give((listener) => listener.frame(frame));
  }

  end(failure?: TrellisError): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#give((listener) => listener.end(failure));
  }

  #give(give: (listener: Listener) => void): void {
    if (this.#listener) give(this.#listener);
    else this.#early.push(give);
  }
}

/** The origin of connections that do not leave the device. */
export const MEMORY = "memory";

/** Two connections of which each receives what the other sends, in order, and never within the call that sends it. */
export function memoryPair(): [Connection, Connection] {
  const inboxes = [new Inbox(), new Inbox()] as const;
  const end = (own: Inbox, other: Inbox): Connection => ({
    origin: MEMORY,
    binding: new TextEncoder().encode(MEMORY),
    listen: (listener) => own.listen(listener),
    send: (frame) => queueMicrotask(() => other.frame(frame)),
    close: () =>
      queueMicrotask(() => {
        other.end();
        own.end();
      }),
  });
  return [end(inboxes[0], inboxes[1]), end(inboxes[1], inboxes[0])];
}

/** How a connection is dialled. */
export interface ConnectOptions {
  /** Hosts that may be dialled without TLS although they are not this machine: names or addresses as in the URL. */
  readonly allowPlain?: readonly string[];
  /** How long dialling may take, in milliseconds; 10,000 where it is not said. */
  readonly limit?: number;
}

const DIAL_MS = 10_000;
/** The path of a link to any repo that is there. */
const LINK_PATH = "/sync/v1/link";

/**
 * The URL of a peer, if it may be dialled.
 *
 * @throws TrellisError `invalid_argument`; `permission_denied` for plain text to another machine.
 */
export function peerUrl(text: string, schemes: readonly [string, string], options: ConnectOptions = {}): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw notAUrl(schemes);
  }
  const scheme = url.protocol.slice(0, -1);
  if (!schemes.includes(scheme) || url.username || url.password || url.hash || url.search || !url.hostname)
    throw notAUrl(schemes);
  if (scheme === schemes[0] && !isLoopback(url.hostname) && !options.allowPlain?.includes(url.hostname))
    throw new TrellisError(
      "permission_denied",
      `The peer was not dialled: ${schemes[0]}:// sends everything in plain text. Use ${schemes[1]}://, or allow plain text for this host by name.`,
    );
  return url;
}

/**
 * Whether a URL's peer is reached by requests, and not by a connection that stays open.
 *
 * @throws TrellisError as `peerUrl`, and `unsupported` where the platform has no `WebSocket` and one is needed.
 */
export function isAsked(url: string, options: ConnectOptions): boolean {
  const isHttp = /^https?:/.test(url);
  peerUrl(url, isHttp ? ["http", "https"] : ["ws", "wss"], options);
  if (!isHttp) needWebSocket();
  return isHttp;
}

function needWebSocket(): void {
  if (typeof WebSocket === "function" || (HAS_ADDON && native())) return;
  throw new TrellisError(
    "unsupported",
    "There is no WebSocket here. Use Node 22, or node --experimental-websocket, or the peer's http:// or https:// URL.",
  );
}

function notAUrl([plain, secret]: readonly [string, string]): TrellisError {
  return new TrellisError(
    "invalid_argument",
    `This is no URL of a peer: it begins with ${plain}:// or ${secret}:// and names a host.`,
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}

/**
 * Dials a `ws://` or `wss://` URL. Without a path it means `/sync/v1/link`, which is open to any repo.
 *
 * @throws TrellisError `invalid_argument`, `permission_denied`, `offline`, `timeout`, `aborted`, and `unsupported` where the
 * platform has no `WebSocket`.
 */
export async function dialWebSocket(text: string, options: ConnectOptions, signal: AbortSignal): Promise<Connection> {
  const url = peerUrl(text, ["ws", "wss"], options);
  if (url.pathname === "/") url.pathname = LINK_PATH;
  if (HAS_ADDON) {
    const addon = native();
    if (addon) return addon.dial(url.href, options, signal);
  }
  needWebSocket();
  const socket = new WebSocket(url, pageOf(url));
  socket.binaryType = "arraybuffer";
  const inbox = new Inbox();
  await opened(socket, options.limit ?? DIAL_MS, signal);
  socket.onmessage = ({ data }) => inbox.frame(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
  socket.onclose = () => inbox.end(lost());
  const origin = `${url.protocol}//${url.host}`;
  return {
    origin,
    binding: new TextEncoder().encode(origin),
    listen: (listener) => inbox.listen(listener),
    send: (frame) => {
      // What is sent on a socket that closes is lost, as what is under way: the next link sends it again.
      if (socket.readyState === WebSocket.OPEN) socket.send(frame as string | Uint8Array<ArrayBuffer>);
    },
    close: () => socket.close(),
  };
}

/**
 * Says in Node, as browsers do, that nothing here sees what TLS exports: the server then ties its proofs to the origin. Node
 * takes options where the standard has protocols.
 */
function pageOf(url: URL): undefined {
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  const options = { headers: { origin: `https://${url.host}` } };
  return (process?.versions?.node && url.protocol === "wss:" ? options : undefined) as undefined;
}

function opened(socket: WebSocket, limit: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (failure?: TrellisError) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      socket.onopen = socket.onerror = socket.onclose = null;
      if (!failure) return resolve();
      socket.onerror = () => {};
      socket.close();
      reject(failure);
    };
    const abort = () => settle(new TrellisError("aborted", "The link was closed."));
    const timer = setTimeout(() => settle(new TrellisError("timeout", "The peer did not answer in time.")), limit);
    const unreachable = () =>
      settle(
        new TrellisError("offline", "The peer cannot be reached. Look whether it runs, and whether you are online."),
      );
    socket.onopen = () => settle();
    socket.onerror = unreachable;
    socket.onclose = unreachable;
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort);
  });
}

/** The connection broke. */
export function lost(): TrellisError {
  return new TrellisError("offline", "The connection to the peer was lost.");
}
