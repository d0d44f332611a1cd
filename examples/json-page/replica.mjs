// @ts-check
// A repo in memory: the ops that came, what their graph comes to, and ops of one's own.
//
// It proves every op (its hash, its body's hash, its signature) and reads values in the simplest way that is right where
// nobody disagrees. Who may write, counters, sets and conflicts are left to whoever writes a whole client.

import { blake3 } from "./blake3.mjs";
import { concat, decode, encode, hex, unhex } from "./cbor.mjs";

/**
 * @typedef {{ id: string, bytes: Uint8Array, body?: Uint8Array, signature?: Uint8Array, repo: string, branch: string,
 *   author: string, seq: number, prev?: string, hlc: bigint, parents: string[], collection: string, key: string,
 *   base: string[], kind: number, format?: number }} Op
 */

const KINDS = { put: 0, patch: 1, delete: 2 };
const [JSON_FORMAT, SALTED_FORMAT, SALT_BYTES] = [0, 3, 16];
const LINKS_MAX = 32;
/** The branch that the page shows and writes. */
const BRANCH = "main";

/** @param {string} context @param {Iterable<number>} bytes */
export const named = (context, bytes) => blake3(concat(`trellis/${context}/1\n`, bytes));

/** What an op says, by the bytes of its header. @param {Uint8Array} bytes @param {Uint8Array} [body] @param {Uint8Array} [signature] @returns {Op} */
export function readOp(bytes, body, signature) {
  const header = /** @type {Map<number, any>} */ (decode(bytes));
  const id = hex(named("op", bytes));
  const [repo, author, prev] = [1, 3, 5].map((key) => header.get(key) && hex(header.get(key)));
  const [parents, base] = [7, 10].map((key) => (header.get(key) ?? []).map(hex));
  if (body && hex(blake3(body)) !== hex(header.get(13) ?? [])) throw new Error("A body is not the one of its op.");
  const [branch, seq, hlc, collection, key] = [2, 4, 6, 8, 9].map((key) => header.get(key));
  const [kind, format] = [11, 12].map((key) => header.get(key));
  const links = { repo: repo ?? id, author, prev, parents, base };
  return { id, bytes, body, signature, ...links, branch, seq, hlc: BigInt(hlc), collection, key, kind, format };
}

/** @param {Op} op */
const dependencies = (op) => [...op.parents, ...op.base, ...(op.prev ? [op.prev] : [])];
/** The order of all ops: by their clock, and by their ids where that is equal. @param {Op} a @param {Op} b */
const byOrd = (a, b) => (a.hlc === b.hlc ? (a.id < b.id ? -1 : 1) : a.hlc < b.hlc ? -1 : 1);

/** A key that proves ops and handshakes, and that no script can read. */
export class Key {
  /** @param {CryptoKeyPair} pair @param {Uint8Array} author */
  constructor(pair, author) {
    this.pair = pair;
    this.author = author;
  }

  static async generate() {
    const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey("Ed25519", false, ["sign", "verify"]));
    return new Key(pair, new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)));
  }

  /** @param {Uint8Array<ArrayBuffer>} message */
  async sign(message) {
    return new Uint8Array(await crypto.subtle.sign("Ed25519", this.pair.privateKey, message));
  }
}

/** @param {Uint8Array} author @param {Uint8Array} signature @param {Uint8Array} message */
export async function isSigned(author, signature, message) {
  const [raw, proof, text] = [author, signature, message].map((bytes) => new Uint8Array(bytes));
  const key = await crypto.subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", key, proof, text);
}

/** @param {string} id */
const opMessage = (id) => concat("trellis/sig/1\n", unhex(id));

export class Replica {
  /** @param {Key} key */
  constructor(key) {
    this.key = key;
    /** @type {Map<string, Op>} in an order in which every op stands behind what it depends on */
    this.ops = new Map();
    /** @type {Set<string>} ops that are no `prev` of another */
    this.ends = new Set();
    /** @type {Map<string, Set<string>>} by branch: its ops that are no parent or `prev` of another op of it */
    this.heads = new Map();
    /** @type {Set<string>} the log of the branch: its ops and all that they stand on */
    this.log = new Set();
    /** @type {Op[]} */
    this.own = [];
    /** The last write that was begun: an op names the one before it. @type {Promise<unknown>} */
    this.writing = Promise.resolve();
  }

  get repo() {
    return this.ops.values().next().value?.repo;
  }

  /** What its ops come to: equal states, equal sets of ops. */
  state() {
    return hex(named("state", unhex([...this.ends].sort().join(""))));
  }

  /** Takes in what a signature vouches for: that of the op, or that of a later one of its chain. @param {Op[]} ops */
  async take(ops) {
    const vouched = new Set();
    for (const op of [...ops].reverse()) {
      if (op.signature && (await isSigned(unhex(op.author), op.signature, opMessage(op.id)))) vouched.add(op.id);
      if (vouched.has(op.id)) vouched.add(op.prev);
    }
    return ops.filter((op) => vouched.has(op.id) && this.add(op));
  }

  /** @param {Op} op @returns {boolean} whether it is new and stands on what is here */
  add(op) {
    const isOfRepo = this.ops.size === 0 || op.repo === this.repo;
    if (this.ops.has(op.id) || !isOfRepo || !dependencies(op).every((id) => this.ops.has(id))) return false;
    this.ops.set(op.id, op);
    const heads = this.heads.get(op.branch) ?? new Set();
    for (const id of [...op.parents, op.prev ?? ""]) heads.delete(id);
    this.heads.set(op.branch, heads.add(op.id));
    this.ends.delete(op.prev ?? "");
    this.ends.add(op.id);
    if (op.branch === BRANCH) this.extendLog(op.id);
    return true;
  }

  /** @param {string} id */
  extendLog(id) {
    const open = [id];
    for (let next = open.pop(); next; next = open.pop()) {
      if (this.log.has(next)) continue;
      this.log.add(next);
      open.push(...dependencies(/** @type {Op} */ (this.ops.get(next))));
    }
  }

  /** The ops of the branch's log, by entity and in order. */
  writes() {
    /** @type {Map<string, Op[]>} */
    const byEntity = new Map();
    for (const op of [...this.ops.values()].filter((op) => this.log.has(op.id)).sort(byOrd)) {
      const entity = JSON.stringify([op.collection, op.key]);
      if (!byEntity.get(entity)?.push(op)) byEntity.set(entity, [op]);
    }
    return byEntity;
  }

  /** The records: each with its value, and with the writes that no other has seen. More than one may be a conflict. */
  records() {
    return [...this.writes().values()].flatMap((ops) => {
      const [{ collection, key }] = ops;
      const value = ops.reduce(apply, undefined);
      return collection.startsWith("_") || value === undefined
        ? []
        : [{ collection, key, value, frontier: frontier(ops) }];
    });
  }

  /** Writes a text into a field of a record. @param {string} collection @param {string} key @param {string} field @param {string} text */
  write(collection, key, field, text) {
    const written = this.writing.then(() => this.seal(collection, key, field, text));
    this.writing = written.catch(() => {});
    return written;
  }

  /** @param {string} collection @param {string} key @param {string} field @param {string} text */
  async seal(collection, key, field, text) {
    if (!this.repo) throw new Error("No repo is here yet: connect first.");
    if (![collection, key, field, text].every((word) => word.isWellFormed())) throw new Error("This is no text.");
    const pointer = `/${field.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    // Of such an object JSON.stringify writes what RFC 8785 says.
    const body = concat(JSON.stringify({ set: { [pointer]: text } }));
    const bytes = encode(this.header(collection, key, body));
    const id = hex(named("op", bytes));
    const op = readOp(bytes, body, await this.key.sign(opMessage(id)));
    this.add(op);
    this.own.push(op);
    return op;
  }

  /** @param {string} collection @param {string} key @param {Uint8Array} body */
  header(collection, key, body) {
    // The repo's id is that of its first op, which counts as being on every branch.
    const repo = /** @type {string} */ (this.repo);
    const least = (/** @type {Iterable<string>} */ ids) =>
      [...ids].map((id) => /** @type {Op} */ (this.ops.get(id))).sort(byOrd);
    const heads = this.heads.get(BRANCH) ?? [repo];
    const [parents, base] = [least(heads), frontier(this.writes().get(JSON.stringify([collection, key])) ?? [])];
    const prev = this.own.at(-1);
    const seen = [...parents, ...base, ...(prev ? [prev] : [])].map((op) => op.hlc + 1n);
    const hlc = [BigInt(Date.now()) << 16n, ...seen].reduce((a, b) => (a > b ? a : b));
    // The smallest 32 of each, ascending as bytes; no empty list is written.
    const ids = (/** @type {Op[]} */ ops) =>
      ops.length > 0
        ? ops
            .slice(0, LINKS_MAX)
            .map((op) => op.id)
            .sort()
            .map(unhex)
        : undefined;
    const fields = [1, unhex(repo), BRANCH, this.key.author, (prev?.seq ?? 0) + 1, prev && unhex(prev.id), hlc];
    const rest = [ids(parents), collection, key, ids(base), KINDS.patch, JSON_FORMAT, blake3(body), body.length];
    return new Map([...fields, ...rest].map((field, key) => [key, field]));
  }
}

/** The writes that no other names as its base. @param {Op[]} ops */
function frontier(ops) {
  const replaced = new Set(ops.flatMap((op) => op.base));
  return ops.filter((op) => !replaced.has(op.id));
}

/** A value after one more write. @param {any} value @param {Op} op */
function apply(value, op) {
  if (op.kind === KINDS.delete) return undefined;
  const said = op.body && json(op.format === SALTED_FORMAT ? op.body.subarray(SALT_BYTES) : op.body);
  if (said === undefined || (op.format !== JSON_FORMAT && op.format !== SALTED_FORMAT)) return value;
  if (op.kind === KINDS.put) return said;
  if (op.kind !== KINDS.patch) return value;
  const after = { root: structuredClone(value ?? {}) };
  for (const [pointer, item] of Object.entries(said.set ?? {})) set(after, pointer, item);
  for (const pointer of said.remove ?? []) set(after, pointer, undefined);
  return after.root;
}

/** @param {Uint8Array} bytes @returns {any} */
function json(bytes) {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** Sets or removes a place. Names such as `__proto__` are names like all others. @param {any} root @param {string} pointer @param {unknown} value */
function set(root, pointer, value) {
  const names = pointer
    .split("/")
    .slice(1)
    .map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
  let [place, last] = [root, "root"];
  for (const name of names) {
    if (!Object.hasOwn(place, last)) define(place, last, {});
    place = place[last];
    if (typeof place !== "object" || place === null || Array.isArray(place)) return;
    last = name;
  }
  if (value === undefined) delete place[last];
  else define(place, last, value);
}

/** @param {object} object @param {string} name @param {unknown} value */
function define(object, name, value) {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}
