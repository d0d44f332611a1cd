// Ops as plain objects, which survive `JSON.parse(JSON.stringify(op))` and come back as the same bytes.

import { call, more } from "./core.js";
import type { CrossingLog } from "./crossing.js";
import { TrellisError } from "./errors.js";
import type { Signer } from "./keys.js";
import type { Json, Patch, Reconciled, StoredOp } from "./surface.js";
import { asJson, random } from "./values.js";

/** An op's id: 64 hex digits. */
export type OpId = string & {
  /** Keeps it apart from other texts. */
  readonly __brand?: "OpId";
};
/** A repo's id: that of its first op. */
export type RepoId = string & {
  /** Keeps it apart from other texts. */
  readonly __brand?: "RepoId";
};

/** An op. Its fields make its canonical bytes, and `hash` is checked against them: a changed field is an error. */
export interface Op {
  /** The id: BLAKE3 of the header. */
  readonly hash: OpId;
  /** The version of the form of ops. */
  readonly v: 1;
  /** The repo; left out in the op that begins it. */
  readonly repo?: RepoId;
  /** What it does. */
  readonly kind: "put" | "patch" | "delete" | "append" | "merge" | (string & {});
  /** The clock as ISO 8601, for people. Ignored on the way in. */
  readonly timestamp?: string;
  /** The hybrid logical clock, in decimal digits. */
  readonly hlc: string;
  /** The author's key. */
  readonly agentId: string;
  /** The branch that it stands on. */
  readonly branch: string;
  /** The place in the author's chain on the branch, from 1. */
  readonly seq: number;
  /** The op before it on that chain. */
  readonly previousHash?: OpId;
  /** The heads that its author saw. */
  readonly parents: readonly OpId[];
  /** The writes to the same entity that it replaces. */
  readonly base: readonly OpId[];
  /** The collection of the entity that it changes. */
  readonly collection: string;
  /** The entity's key. */
  readonly key: string;
  /** Which form the writer's program gave the body. */
  readonly schema?: number | string;
  /** On whose behalf, if not the author's own. */
  readonly actor?: string;
  /** Header keys of later versions. */
  readonly extra?: Readonly<Record<string, Json>>;
  /** What the body is: `json`, `bytes`, ... */
  readonly format?: string;
  /** BLAKE3 of the body. */
  readonly bodyHash?: string;
  /** Bytes of the body. */
  readonly bodyLen?: number;
  /** The body: JSON, or base64url of anything else. Left out where it is not here. */
  readonly body?: Json;
  /** The author's signature, 128 hex digits; left out where a later op of the chain vouches for this one. */
  readonly signature?: string;
}

/** Ops as objects. @throws TrellisError `invalid_argument` for bytes that are no op. */
export function opsShown(ops: readonly StoredOp[]): Op[] {
  return call((functions) => functions.opsShown(ops));
}

/** The bytes of ops. @throws TrellisError `invalid_argument`, which names the field that was changed. */
export function opsOf(ops: readonly Op[]): StoredOp[] {
  if (!Array.isArray(ops)) throw new TrellisError("invalid_argument", "A list of ops is expected here.");
  return call((functions) => functions.opsOf(ops));
}

/**
 * What two lists of ops make together, in any order and with duplicates. A pure function: it judges structure, and not
 * signatures.
 *
 * @example
 * ```ts
 * import { createGenesis, createOp, Identity, reconcile } from "trellis-sync";
 * const [ann, bob] = [Identity.generate(), Identity.generate()];
 * const ours = [createGenesis("notes", { identity: ann })];
 * ours.push(createOp({ collection: "todo", key: "1", body: { title: "Buy milk" } }, { identity: ann, after: ours }));
 * const theirs = [...ours];
 * ours.push(createOp({ collection: "todo", key: "1", body: { title: "Buy oats" } }, { identity: ann, after: ours }));
 * theirs.push(createOp({ collection: "todo", key: "1", body: { title: "Buy rice" } }, { identity: bob, after: theirs }));
 * const { relation, merged, conflicts } = reconcile(ours, theirs);
 * console.log(relation, merged.length, conflicts); // diverged 4 [ 'todo/1' ]
 * ```
 *
 * @throws TrellisError `invalid_argument` for objects that are no ops.
 */
export function reconcile(localOps: readonly Op[], remoteOps: readonly Op[]): Reconciled {
  const [local, remote] = [opsOf(localOps), opsOf(remoteOps)];
  return call(() => more().reconcile(local, remote));
}

/** What an op is to say. */
export type NewOp = {
  /** The collection of the entity that it changes. */
  readonly collection: string;
  /** The entity's key. */
  readonly key: string;
  /** `put` where it is left out. */
  readonly kind?: "put" | "patch" | "delete" | "append";
  /** Any JSON value, or bytes; of a `patch` its changes; left out in a `delete`. */
  readonly body?: unknown | Patch | Uint8Array;
  /** The writes that it replaces; left out for those that the log shows. */
  readonly base?: readonly OpId[];
  /** `main` where it is left out. */
  readonly branch?: string;
  /** On whose behalf, if not the author's own. */
  readonly actor?: string;
};

/** Where an op is going to stand. */
export interface OpPlace<S extends Signer = Signer> {
  /** Who writes it. */
  readonly identity: S;
  /** The log that it stands on. A list that grows is read only where it has grown. */
  readonly after: readonly Op[];
  /** The time, in milliseconds since 1970; the platform's where it is left out. */
  readonly now?: number;
}

interface Sealed {
  op: StoredOp;
  message: Uint8Array;
}

/** A list of ops as the core knows it, and how many of the list it knows. */
interface Known {
  log: CrossingLog;
  ops: number;
  last: string | undefined;
}

const logs = new WeakMap<readonly Op[], Known>();

/**
 * Makes and signs one op on top of a log: after its heads, on the author's chain, with a clock above both. The log is not
 * changed: add the op to it where that is wanted.
 *
 * @example
 * ```ts
 * import { createGenesis, createOp, Identity } from "trellis-sync";
 * const identity = Identity.generate();
 * const ops = [createGenesis("notes", { identity })];
 * ops.push(createOp({ collection: "todo", key: "1", body: { title: "Buy milk" } }, { identity, after: ops }));
 * console.log(ops[1]?.seq, ops[1]?.previousHash === ops[0]?.hash, ops[1]?.body); // 1 false { title: 'Buy milk' }
 * ```
 *
 * @throws TrellisError `not_found` for a log that does not begin with `createGenesis`; `chain_forked`, `clock_ahead`,
 * `permission_denied`, `payload_too_large`; `invalid_argument` for names, values and bases that no op may have.
 */
export function createOp(op: NewOp, place: OpPlace<SyncSigner>): Op {
  const { collection, key, kind, body, base, branch, actor } = op;
  const bytes = body instanceof Uint8Array ? body : undefined;
  const json = bytes || body === undefined ? undefined : asJson(body);
  const wanted = {
    collection,
    key,
    kind,
    body: json,
    bytes,
    base,
    branch,
    actor,
  };
  const log = logOf(place.after);
  return signed(place, (author, now) => more().createOp(log, wanted, author, now));
}

/** Makes and signs the op that begins a repo, which people call by this name. */
export function createGenesis(name: string, place: Omit<OpPlace<SyncSigner>, "after">): Op {
  return signed(place, (author, now) => call(() => more().createGenesis(name, random(32), author, now)));
}

/** A signer that answers at once. */
export interface SyncSigner extends Signer {
  /** Signs a message: 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

function signed(place: Omit<OpPlace<SyncSigner>, "after">, make: (author: Uint8Array, now: number) => unknown): Op {
  const { identity, now = Date.now() } = place;
  const author = unhexKey(identity.author);
  const { op, message } = call<Sealed>(() => make(author, now));
  const signature = identity.sign(message);
  return opsShown([{ ...op, signature }])[0] as Op;
}

function unhexKey(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** The log of a list, grown by what the list has grown by; another one where the list was changed otherwise. */
function logOf(ops: readonly Op[]): CrossingLog {
  let known = logs.get(ops);
  const isSame = known && known.ops <= ops.length && known.last === ops[known.ops - 1]?.hash;
  if (!known || !isSame) {
    const repo = ops.find(({ repo }) => repo !== undefined)?.repo ?? ops[0]?.hash ?? "0".repeat(64);
    known = { log: call(() => more().log(repo)), ops: 0, last: undefined };
    logs.set(ops, known);
  }
  const { log } = known;
  const grown = opsOf(ops.slice(known.ops));
  if (grown.length > 0) call(() => more().extend(log, grown));
  known.ops = ops.length;
  known.last = ops.at(-1)?.hash;
  return log;
}
