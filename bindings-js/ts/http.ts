// A link without a connection: what the machine says goes in signed requests, and what the peer says comes in their
// answers. Requests and answers are signed by RFC 9421, in the one profile of docs/format.md.

import { lost } from "./connection.js";
import { call } from "./core.js";
import type { Driver } from "./driver.js";
import { type ErrorCode, TrellisError } from "./errors.js";
import { pause, type Teller } from "./link.js";
import { type Ended, type Terms, tell, troubleOf } from "./pump.js";
import { statusOf } from "./receipt.js";
import type { Event, Frame } from "./surface.js";
import { hex, random, unhex } from "./values.js";

const MEDIA_TYPE = "application/vnd.trellis.sync+cbor";
const BODY_BYTES_MAX = 8 * 1024 * 1024;
const BODY_FRAMES_MAX = 4096;
const LENGTH_BYTES = 4;
const ANSWER_MS = 60_000;
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 10_000;
const PARTING_MS = 5_000;
/** How often in a row a session may begin anew. */
const FORGOTTEN_MAX = 3;
/** Frames that are not worth a request of their own: ping, pong, bye. */
const IDLE_KINDS: ReadonlySet<number> = new Set([13, 14, 15]);

/** Bytes that went and came. */
export interface Tally {
  bytesSent: number;
  bytesReceived: number;
  /** How often this side spoke and was answered. */
  rounds: number;
}

/** What is known of a peer that answers requests. */
export interface KnownPeer {
  /** Its key, once it has answered. */
  key?: string;
}

/** Carries a link by requests until the signal ends it, or nothing goes any more. */
export async function exchange(
  driver: Driver,
  url: string,
  terms: Terms,
  teller: Teller,
  signal: AbortSignal,
  { began, tally, known = {} }: { began?: (link: number) => void; tally?: Tally; known?: KnownPeer } = {},
): Promise<Ended> {
  let hasProgress = false;
  for (let forgotten = 0; ; forgotten++) {
    const session = new Session(driver, new URL(url), terms, teller, signal, { tally, known });
    let failure: TrellisError | undefined;
    let isForgotten = false;
    try {
      began?.(await session.open());
      isForgotten = await session.carry();
    } catch (thrown) {
      if (!(thrown instanceof TrellisError)) throw thrown;
      failure = thrown;
    } finally {
      session.end();
    }
    hasProgress ||= session.hasProgress;
    if (isForgotten && !signal.aborted) {
      if (session.hasProgress) forgotten = 0;
      if (forgotten + 1 < FORGOTTEN_MAX) continue;
      failure = lost();
    }
    return { failure: signal.aborted ? undefined : failure, hasProgress };
  }
}

class Session {
  hasProgress = false;
  readonly #driver: Driver;
  readonly #url: URL;
  readonly #terms: Terms;
  readonly #teller: Teller;
  readonly #signal: AbortSignal;
  readonly #tally: Tally | undefined;
  readonly #known: KnownPeer;
  #link = 0;
  #peer: string | undefined;
  #tag: string | undefined;
  #waiting: Uint8Array[] = [];
  #failure: TrellisError | undefined;
  #hasClosed = false;
  #wake: () => void = () => {};

  constructor(
    driver: Driver,
    url: URL,
    terms: Terms,
    teller: Teller,
    signal: AbortSignal,
    more: { tally: Tally | undefined; known: KnownPeer },
  ) {
    this.#driver = driver;
    this.#url = url;
    this.#terms = terms;
    this.#teller = teller;
    this.#signal = signal;
    this.#tally = more.tally;
    this.#known = more.known;
  }

  async open(): Promise<number> {
    const status = await statusOf(this.#driver);
    if (status.repo !== undefined) {
      const { repo } = status;
      this.#tag = call<string>((functions) => functions.repoTag(repo));
    }
    this.#peer = this.#terms.expected ?? this.#known.key;
    const port = {
      send: (frame: Frame) => {
        if (typeof frame !== "string") this.#waiting.push(frame);
        this.#wake();
      },
      close: () => this.#close(),
      drop: (failure: TrellisError) => this.#close(failure),
      event: (event: Event) => {
        if (event.type === "linkInSync") this.hasProgress = true;
        if (event.type === "linkClosed")
          return this.#close(event.code === undefined ? lost() : troubleOf(event.code as ErrorCode));
        tell(this.#teller, event);
      },
    };
    const { branches } = this.#terms;
    const proof = {
      peer: this.#peer,
      tag: this.#tag,
      interest: branches,
    };
    this.#link = this.#driver.open(port, (link) => ({ type: "proved", link, proof }));
    return this.#link;
  }

  end(): void {
    this.#driver.disconnected(this.#link);
  }

  /** Asks as long as there is something to say, and now and then. Returns whether the peer knew nothing of the session. */
  async carry(): Promise<boolean> {
    let wait = PAUSE_MS_MIN;
    for (;;) {
      await this.#settled();
      if (await this.#ask()) return true;
      await this.#settled();
      if (this.#hasClosed) throw this.#failure ?? lost();
      if (this.#hasMoreToSay()) {
        wait = PAUSE_MS_MIN;
        continue;
      }
      if (!this.#signal.aborted) await this.#rest(wait);
      if (this.#signal.aborted) {
        await this.#part();
        return false;
      }
      wait = Math.min(2 * wait, PAUSE_MS_MAX);
    }
  }

  #close(failure?: TrellisError): void {
    this.#hasClosed = true;
    this.#failure ??= failure;
    this.#wake();
  }

  /** Waits until the driver has done all that it was given. */
  async #settled(): Promise<void> {
    await statusOf(this.#driver);
  }

  /** Waits for so many milliseconds, or until there is something to say. */
  async #rest(ms: number): Promise<void> {
    const stop = new AbortController();
    const wake = () => stop.abort();
    this.#signal.addEventListener("abort", wake);
    this.#wake = wake;
    await pause(ms, stop.signal);
    this.#wake = () => {};
    this.#signal.removeEventListener("abort", wake);
  }

  async #part(): Promise<void> {
    this.#driver.give({ type: "hangUp", link: this.#link });
    await this.#settled();
    // What does not go out now goes out with the next link.
    if (this.#hasMoreToSay()) await this.#ask(PARTING_MS).catch(() => {});
  }

  #hasMoreToSay(): boolean {
    return this.#waiting.some((frame) => !IDLE_KINDS.has(frame[0] as number));
  }

  #take(): Uint8Array[] {
    let bytes = 0;
    let frames = 0;
    for (const frame of this.#waiting) {
      bytes += LENGTH_BYTES + frame.length;
      if (bytes > BODY_BYTES_MAX || frames === BODY_FRAMES_MAX) break;
      frames += 1;
    }
    return this.#waiting.splice(0, frames);
  }

  /** Says what waits, and takes what is answered. Returns whether the peer knew nothing of what went before. */
  async #ask(limit = ANSWER_MS): Promise<boolean> {
    const body = encodeBody(this.#take());
    if (this.#tally) {
      this.#tally.bytesSent += body.length;
      this.#tally.rounds += 1;
    }
    const { response, asked } = await this.#post(body, limit);
    if (response.status === 409) return true;
    if (response.status !== 200) throw refused(response.status);
    const answer = new Uint8Array(await response.arrayBuffer());
    const key = await proved(response, answer, asked);
    if (this.#peer === undefined) this.#driver.give({ type: "peerKnown", link: this.#link, peer: key });
    else if (this.#peer !== key) {
      if (this.#terms.expected !== undefined)
        throw new TrellisError("auth_failed", "Another key than the expected one answered for the peer.");
      delete this.#known.key;
      return true;
    }
    this.#peer = this.#known.key = key;
    if (this.#tally) this.#tally.bytesReceived += answer.length;
    const frames = response.headers.get("content-type") === MEDIA_TYPE ? decodeBody(answer) : undefined;
    if (!frames) throw refused(response.status);
    for (const frame of frames) this.#driver.give({ type: "received", link: this.#link, frame });
    return false;
  }

  async #post(body: Uint8Array, limit: number): Promise<{ response: Response; asked: string }> {
    const url = new URL(this.#url);
    if (url.pathname === "/")
      url.pathname = this.#tag === undefined ? "/sync/v1/exchange" : `/sync/v1/repos/${this.#tag}/exchange`;
    const digest = await digestOf(body);
    const signer = this.#driver.signer();
    const params = `${REQUEST};created=${Math.floor(this.#driver.now() / 1000)};nonce="${hex(random(16))}";keyid="${signer.author}";alg="ed25519"`;
    const lines = `"@method": POST\n"@authority": ${url.host}\n"@path": ${url.pathname}\n"content-digest": ${digest}\n`;
    const signature = await signer.sign(baseOf(lines, params));
    const asked = `sig=:${base64(signature)}:`;
    const headers = {
      "content-type": MEDIA_TYPE,
      "content-digest": digest,
      "signature-input": `sig=${params}`,
      signature: asked,
    };
    const timeout = AbortSignal.timeout(limit);
    try {
      const response = await fetch(url, {
        method: "POST",
        headers,
        body: body as Uint8Array<ArrayBuffer>,
        redirect: "manual",
        signal: timeout,
      });
      return { response, asked };
    } catch (cause) {
      if (timeout.aborted) throw new TrellisError("timeout", "The peer did not answer in time.", { cause });
      throw new TrellisError(
        "offline",
        "The peer cannot be reached. Look whether it runs, and whether you are online.",
        {
          cause,
        },
      );
    }
  }
}

const REQUEST = '("@method" "@authority" "@path" "content-digest")';
const ANSWER = '("@status" "content-digest" "signature";req)';

/** The key that signed an answer to just this request. */
async function proved(response: Response, body: Uint8Array, asked: string): Promise<string> {
  const unproved = new TrellisError("auth_failed", "The peer did not sign its answer, or signed another one.");
  const digest = response.headers.get("content-digest") ?? "";
  const input = response.headers.get("signature-input") ?? "";
  const params = input.startsWith("sig=") ? input.slice(4) : "";
  const key = /;keyid="([0-9a-f]{64})"/.exec(params)?.[1];
  const signature = /^sig=:([A-Za-z0-9+/]+=*):$/.exec(response.headers.get("signature") ?? "")?.[1];
  const rest = params.startsWith(ANSWER) ? params.slice(ANSWER.length) : "-";
  const isPlain = /^(;(created=\d+|keyid="[0-9a-f]{64}"|alg="ed25519"))+$/.test(rest) && rest.includes(";created=");
  if (!key || !signature || !isPlain || digest !== (await digestOf(body))) throw unproved;
  const lines = `"@status": ${response.status}\n"content-digest": ${digest}\n"signature";req: ${asked}\n`;
  const bytes = Uint8Array.from(atob(signature), (char) => char.charCodeAt(0));
  const isSigned = (): boolean => call((functions) => functions.isSigned(unhex(key), baseOf(lines, params), bytes));
  if (bytes.length !== 64 || !isSigned()) throw unproved;
  return key;
}

function baseOf(lines: string, params: string): Uint8Array {
  return new TextEncoder().encode(`${lines}"@signature-params": ${params}`);
}

async function digestOf(body: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", body as Uint8Array<ArrayBuffer>);
  return `sha-256=:${base64(new Uint8Array(digest))}:`;
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function encodeBody(frames: readonly Uint8Array[]): Uint8Array {
  const body = new Uint8Array(frames.reduce((bytes, frame) => bytes + LENGTH_BYTES + frame.length, 0));
  const view = new DataView(body.buffer);
  let at = 0;
  for (const frame of frames) {
    view.setUint32(at, frame.length);
    body.set(frame, at + LENGTH_BYTES);
    at += LENGTH_BYTES + frame.length;
  }
  return body;
}

function decodeBody(body: Uint8Array): Uint8Array[] | undefined {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const frames: Uint8Array[] = [];
  for (let at = 0; at < body.length; ) {
    const from = at + LENGTH_BYTES;
    const length = from <= body.length ? view.getUint32(at) : 0;
    if (length === 0 || from + length > body.length || frames.length === BODY_FRAMES_MAX) return undefined;
    frames.push(body.slice(from, from + length));
    at = from + length;
  }
  return frames;
}

/** What the status of an answer means that is not the one hoped for. */
function refused(status: number): TrellisError {
  const [code, why] = REFUSALS[status] ?? (status === 0 || (status >= 300 && status < 400) ? MOVED : OTHER);
  return new TrellisError(code, `The peer took no request: ${why} (HTTP ${status}).`);
}

const OTHER: [ErrorCode, string] = ["version_mismatch", "it does not answer as a peer does"];
const MOVED: [ErrorCode, string] = ["invalid_argument", "it sends elsewhere; ask at the address that it moved to"];
const TROUBLED: [ErrorCode, string] = ["offline", "it is in trouble; try again later"];
const REFUSALS: Readonly<Record<number, [ErrorCode, string]>> = {
  401: ["auth_failed", "it does not believe the signature; look whether both clocks are right"],
  403: ["auth_failed", "it does not let this device in; ask an owner of the repo to make it a member"],
  404: ["not_found", "nothing to sync with is at this path"],
  408: TROUBLED,
  410: ["not_found", "nothing to sync with is at this path"],
  413: ["payload_too_large", "it takes no body of this length"],
  421: ["invalid_argument", "it does not know itself by this name; its settings list the names"],
  422: ["repo_mismatch", "it has another repo, and two repos never merge"],
  429: ["rate_limited", "it has too much to do; try again later"],
  500: TROUBLED,
  502: TROUBLED,
  503: TROUBLED,
  504: TROUBLED,
  507: ["quota_exceeded", "the repo has no more room there"],
};
