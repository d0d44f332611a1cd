// @ts-check
// A link to a server, in the JSON form of its messages: docs/format.md, "Messages of a link".

import { blake3 } from "./blake3.mjs";
import { base64, concat, encode, hex, numberBytes, unbase64, unhex } from "./cbor.mjs";
import { isSigned, named, readOp } from "./replica.mjs";

const VERSION = 1;
const FRAME_BYTES_MAX = 1024 * 1024;
const CREDIT_BYTES = 4 * 1024 * 1024;
const TIPS_MAX = 1024;
const HANDSHAKE_MS = 10_000;
/** How often it says what it has, which finds whatever was lost, and how often without an answer. */
const [HEARTBEAT_MS, SILENT_MAX] = [20_000, 2];
const [BACKOFF_MS_MIN, BACKOFF_MS_MAX] = [250, 30_000];
/** After these nobody tries again by itself. */
const FINAL = ["version_mismatch", "auth_failed", "repo_mismatch", "quota_exceeded"];

/** The frame of a message: what is signed is this, whatever form it goes in. @param {number} type @param {unknown[]} fields */
const frame = (type, ...fields) => concat([type], encode(new Map(fields.map((field, key) => [key, field]))));
/** @param {{ versions: number[], nonce: string, audience: string, capabilities?: string[], tag?: string }} hello */
export const helloFrame = ({ versions, nonce, audience, capabilities, tag }) =>
  frame(1, versions, unhex(nonce), audience, capabilities, tag && unhex(tag));
/** Without its signature, and without what has its default. @param {any} welcome */
export const welcomeFrame = ({ version, nonce, key, capabilities, frameBytesMax, time }) => {
  const isUsual = (frameBytesMax ?? FRAME_BYTES_MAX) === FRAME_BYTES_MAX;
  return frame(2, version, unhex(nonce), unhex(key), capabilities, isUsual ? undefined : frameBytesMax, time);
};
/** Without its signature. @param {{ key: string }} auth */
export const authFrame = ({ key }) => frame(3, unhex(key));
/** The name of a state that its receiver knows. @param {string} state */
const half = (state) => state.slice(0, 32);
/** @param {Uint8Array[]} parts each goes in behind its length, as 8 bytes */
const transcript = (...parts) =>
  blake3(concat("trellis/link/1\n", ...parts.flatMap((part) => [numberBytes(part.length, 8), part])));

/** One connection, from its first message to its last. */
class Session {
  /** Bytes of `ops` on this connection: how many were sent, how many came, and how many may be sent. */
  sent = 0;
  received = 0;
  allowed = CREDIT_BYTES;
  batch = 0;
  round = 0;
  /** How often it spoke without hearing anything. */
  silent = 0;
  isOpen = false;
  /** @type {Set<string>} ops that the server was told of */
  told = new Set();
  /** @type {Set<string>} own ops that were sent */
  given = new Set();
  /** @type {string | undefined} what the server has, and what it has on its disk: states */
  theirs = undefined;
  /** @type {string | undefined} */
  safe = undefined;
  why = "The connection is lost.";
  isFinal = false;

  /** @param {Link} link */
  constructor(link) {
    this.link = link;
    this.replica = link.replica;
    this.key = link.replica.key;
    this.socket = new WebSocket(link.url);
    this.timer = setTimeout(() => this.end("The server does not answer."), HANDSHAKE_MS);
    // One message after the other, although checking signatures takes its time.
    let work = Promise.resolve();
    const soon = (/** @type {() => unknown} */ step) => {
      work = work.then(step).then(link.onChange, (error) => this.end(error.message));
    };
    this.socket.onopen = () => soon(() => this.greet());
    this.socket.onmessage = ({ data }) => soon(() => this.hear(data));
    this.socket.onclose = () => soon(() => this.closed());
  }

  /** @param {object} message members that are `undefined` are not sent */
  say(message) {
    const text = JSON.stringify(message);
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(text);
    return concat(text).length;
  }

  /** @param {string} why */
  end(why, isFinal = false) {
    Object.assign(this, { why, isFinal });
    this.socket.close();
  }

  closed() {
    clearTimeout(this.timer);
    clearInterval(this.heartbeat);
    this.isOpen = false;
    this.link.lost(this.why, this.isFinal);
  }

  greet() {
    const nonce = hex(crypto.getRandomValues(new Uint8Array(32)));
    // Whom it means: the key that answered before, or else the origin that it dialled.
    const audience = this.link.serverKey ?? this.link.origin;
    const tag = this.replica.repo && hex(named("tag", unhex(this.replica.repo)).subarray(0, 16));
    this.hello = { type: "hello", versions: [VERSION], nonce, audience, tag };
    this.say(this.hello);
  }

  /** @param {any} welcome */
  async onWelcome(welcome) {
    const { hello, key, link } = this;
    if (!hello || this.isOpen) throw new Error("The server repeats its welcome.");
    const parts = [concat(link.origin), helloFrame(hello), welcomeFrame(welcome)];
    const [serverKey, proof] = [unhex(welcome.key), unhex(welcome.signature)];
    const isProven = await isSigned(serverKey, proof, concat("trellis/welcome/1\n", transcript(...parts)));
    const isExpected = (link.serverKey ?? welcome.key) === welcome.key;
    if (!isProven || !isExpected) throw new Error("The server does not prove its key.");
    link.serverKey = welcome.key;
    const auth = { type: "auth", key: hex(key.author) };
    const hash = transcript(...parts, proof, authFrame(auth));
    this.say({ ...auth, signature: hex(await key.sign(concat("trellis/auth/1\n", hash))) });
    this.isOpen = true;
    clearTimeout(this.timer);
    this.heartbeat = setInterval(() => this.have(), HEARTBEAT_MS);
    this.have();
  }

  /** Says everything that is here. Members beside these have their defaults. */
  have() {
    if (++this.silent > SILENT_MAX) this.end("The server is silent.");
    const ends = [...this.replica.ends];
    do {
      const tips = ends.splice(0, TIPS_MAX).map((id) => this.tip(id));
      this.say({ type: "have", ...this.states(), tips, round: ++this.round, more: ends.length > 0, sent: this.sent });
    } while (ends.length > 0);
    this.told = new Set(this.replica.ends);
  }

  /** Says what is new here. Level `memory` is the default: when the page closes, all is gone. */
  ack() {
    const ends = [...this.replica.ends].filter((id) => !this.told.has(id));
    if (ends.length > TIPS_MAX) return this.have();
    const tips = ends.map((id) => this.tip(id));
    this.say({ type: "ack", ends: tips, ...this.states(), credit: this.received + CREDIT_BYTES });
    this.told = new Set(this.replica.ends);
  }

  /** What is here, and, where it is the same, what the server has. */
  states() {
    const state = this.replica.state();
    return { state, knows: state === this.theirs ? half(state) : undefined };
  }

  /** @param {string} id */
  tip(id) {
    const { branch, author, seq } = /** @type {import("./replica.mjs").Op} */ (this.replica.ops.get(id));
    return { branch, author, seq, id: id.slice(0, 32) };
  }

  /** Sends own ops that the server has not acknowledged, as far as there is credit. */
  give() {
    for (const op of this.isOpen ? this.replica.own : []) {
      if (this.given.has(op.id) || this.link.fates.has(op.id)) continue;
      const [bytes, body, signature] = [base64(op.bytes), base64(op.body ?? []), hex(op.signature ?? [])];
      const message = { type: "ops", batch: this.batch + 1, sent: this.sent, ops: [{ bytes, body, signature }] };
      if (this.sent + JSON.stringify(message).length > this.allowed) return;
      this.sent += this.say(message);
      this.batch += 1;
      this.given.add(op.id);
      this.ack();
    }
  }

  /** @param {unknown} data */
  async hear(data) {
    const message = JSON.parse(String(data));
    this.silent = 0;
    if (message.type === "error") this.end(`The server says ${message.code}.`, FINAL.includes(message.code));
    else if (message.type === "bye") this.end("The server says goodbye.");
    else if (message.type === "welcome") await this.onWelcome(message);
    else if (!this.isOpen) throw new Error("The server speaks before its welcome.");
    else await this.onMessage(message, String(data));
  }

  /** @param {any} message @param {string} text */
  async onMessage(message, text) {
    if (message.type === "ops") await this.onOps(message, text);
    if (message.type === "have") this.onHave(message);
    if (message.type === "ack") this.onAck(message);
    if (message.type === "nack") for (const { id, reason } of message.ops ?? []) this.settle(id, reason);
    if (message.type === "ping") this.say({ ...message, type: "pong" });
    if (message.type === "want") this.onWant(message);
    const state = this.replica.state();
    this.link.spoke(state === this.theirs);
    // Whoever has the same on its disk has our ops there.
    if (this.safe === state) for (const { id } of this.replica.own) this.settle(id, "kept");
    this.give();
  }

  /** @param {any} message @param {string} text */
  async onOps(message, text) {
    this.received = Math.max(this.received, (message.sent ?? 0) + concat(text).length);
    const read = (/** @type {any} */ { bytes, body, signature }) =>
      readOp(unbase64(bytes), body === undefined ? body : unbase64(body), signature && unhex(signature));
    await this.replica.take(message.ops.map(read));
    this.ack();
  }

  /** The server says what it has, and sends by itself what is lacking here. @param {any} have */
  onHave({ state, more, sent }) {
    this.theirs = state ?? this.theirs;
    this.received = Math.max(this.received, sent ?? 0);
    if (!more) this.ack();
  }

  /** @param {any} ack */
  onAck({ ends, level, credit, state, knows, without }) {
    const own = this.replica.state();
    this.theirs = state ?? (knows === half(own) ? own : undefined);
    this.allowed = Math.max(this.allowed, credit ?? 0);
    if (level !== "disk") return;
    this.safe = this.theirs;
    for (const { id, branch, author, seq } of this.replica.own) {
      const covers = (/** @type {any} */ end) => end.branch === branch && end.author === author && end.seq >= seq;
      if (ends?.some(covers) && !without?.ops?.includes(id)) this.settle(id, "kept");
    }
  }

  /** What became of an own op. A refusal comes first and stays. @param {string} id @param {string} fate */
  settle(id, fate) {
    if (!this.link.fates.has(id)) this.link.fates.set(id, fate);
  }

  /** Own ops go again, if they were not acknowledged. What others wrote is for others to give. @param {any} want */
  onWant({ ids, bodies, blobs, afterHash }) {
    this.given.clear();
    const unknown = [...(ids ?? []), ...(bodies ?? []), ...(afterHash ? [afterHash] : [])];
    const missing = { ids: unknown, blobs: (blobs ?? []).map((/** @type {any} */ blob) => blob.hash) };
    if (missing.ids.length + missing.blobs.length > 0) this.say({ type: "missing", ...missing });
    else this.ack();
  }
}

/** Keeps a replica linked to a server: a lost connection comes back by itself. */
export class Link {
  status = "";
  failures = 0;
  /** @type {string | undefined} the server's key, once it has proved it */
  serverKey = undefined;
  /** @type {Map<string, string>} of own ops: `kept`, or why the server refuses them */
  fates = new Map();

  /** @param {string} server @param {import("./replica.mjs").Replica} replica @param {() => void} onChange */
  constructor(server, replica, onChange) {
    this.url = new URL(server);
    this.origin = `${this.url.protocol}//${this.url.host}`;
    if (this.url.pathname === "/") this.url.pathname = "/sync/v1/link";
    this.replica = replica;
    this.onChange = onChange;
    this.dial();
  }

  dial() {
    this.status = "Connecting.";
    this.session = new Session(this);
  }

  /** The server spoke. Only once both have the same is a loss after this the first one again. @param {boolean} isEqual */
  spoke(isEqual) {
    this.status = "Connected.";
    if (isEqual) this.failures = 0;
  }

  /** @param {string} why @param {boolean} isFinal */
  lost(why, isFinal) {
    this.status = why;
    const longest = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** this.failures++);
    if (!isFinal) this.again = setTimeout(() => this.dial(), Math.random() * longest);
  }

  close() {
    clearTimeout(this.again);
    this.session?.end("Closed.", true);
  }
}
