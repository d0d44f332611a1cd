// The core's inputs and outputs as plain data: what crosses between JavaScript and the core (core/src/surface).
// Ids and keys are lower-case hex, clocks decimal texts, times milliseconds since 1970; what is absent is left out.

/** A JSON value. Numbers are finite, and integers within ±(2^53 - 1). */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** An op by its bytes. It proves nothing until a machine has verified it. */
export interface StoredOp {
  readonly header: Uint8Array;
  readonly body?: Uint8Array;
  readonly signature?: Uint8Array;
}

/** Changes to places of one entity, by RFC 6901 pointers. No place may be named twice, or lie in another one. */
export interface Patch {
  /** Places that get a value. */
  readonly set?: { readonly [pointer: string]: Json };
  /** Places that lose theirs. */
  readonly remove?: readonly string[];
  /** Counters that grow by an integer, which may be negative. */
  readonly add?: { readonly [pointer: string]: number };
  /** Sets that gain values. */
  readonly insert?: { readonly [pointer: string]: readonly Json[] };
  /** Sets that lose values. */
  readonly discard?: { readonly [pointer: string]: readonly Json[] };
}

export type Change =
  | { type: "put" | "replace" | "append"; value: Json }
  | { type: "bytes"; bytes: Uint8Array }
  | { type: "patch"; patch: Patch }
  | { type: "delete" };

export type Choice = { type: "side"; op: string } | { type: "value"; value: Json } | { type: "absent" };

export type Edit =
  | { type: "set"; place: string; value: Json }
  | { type: "delete"; place: string }
  | { type: "change"; collection: string; key: string; change: Change; base?: readonly string[] }
  | { type: "resolve"; conflict: { collection: string; key: string; id: string }; choice: Choice }
  | { type: "undo" }
  | { type: "merge"; source: string; at?: readonly string[]; message?: string }
  | { type: "rebase"; onto: string }
  | { type: "addMember"; author: string; name: string; role: "owner" | "writer" | "reader" }
  | { type: "removeMember"; author: string }
  | { type: "declare"; collection: string; manifest: Json }
  | { type: "redact"; ops: readonly string[]; pointers?: readonly string[] };

export type Command =
  | { type: "create"; name: string; nonce: Uint8Array }
  | { type: "refresh" | "chainEnds" | "links" | "status" | "verify" | "members" | "invitations" | "manifests" }
  | { type: "write"; branch: string; actor?: string; edits: readonly Edit[]; random: Uint8Array }
  | { type: "import"; ops: readonly StoredOp[] }
  | { type: "export"; known: readonly string[] }
  | { type: "get"; branch: string; collection: string; key: string; at?: readonly string[] }
  | { type: "entries"; branch: string; collection?: string; keyPrefix?: string; at?: readonly string[] }
  | { type: "log"; branch: string; entity?: string; opsMax: number }
  | { type: "show"; ops: readonly string[] }
  | { type: "findOps"; prefix: string }
  | { type: "announce"; topic: string; bytes: Uint8Array }
  | { type: "durable"; ops: readonly string[]; tier: "local" | "peer" | "relay"; until: number }
  | { type: "conflicts"; branch: string };

export interface Connection {
  isInitiator: boolean;
  nonce: Uint8Array;
  origin: string;
  binding: Uint8Array;
  expected?: string;
  isOpen?: boolean;
  isRelay?: boolean;
  interest?: readonly string[];
}

export type Frame = Uint8Array | string;

export interface RowHeaders {
  seq: number;
  isLocal: boolean;
  headers: Uint8Array;
  digest: string;
}

export interface Remembered {
  peer: string;
  state: string;
  ops: number;
}

export type Loaded =
  | { type: "rows"; rows: readonly RowHeaders[]; more: boolean }
  | { type: "ops"; ops: readonly (readonly StoredOp[])[] }
  | { type: "blobs"; blobs: readonly { blob: string; bytes: number }[] }
  | { type: "piece"; piece?: { len: number; bytes: Uint8Array } }
  | { type: "peers"; peers: readonly Remembered[] };

/** One input of a step. */
export type Input =
  | { type: "command"; request: number; command: Command }
  | { type: "signed"; ticket: number; signature: Uint8Array }
  | { type: "keyMade"; ticket: number; author: string }
  | { type: "persisted" | "persistFailed"; ticket: number }
  | { type: "pieceKept"; ticket: number; kept: { type: "part"; bytes: number } | { type: "whole" | "damaged" } }
  | { type: "loaded"; ticket: number; loaded: Loaded }
  | { type: "connected"; link: number; connection: Connection }
  | { type: "proved"; link: number; proof: { peer?: string; tag?: string; interest?: readonly string[] } }
  | { type: "peerKnown"; link: number; peer: string }
  | { type: "received"; link: number; frame: Frame }
  | { type: "hangUp" | "disconnected"; link: number }
  | { type: "tick" };

export interface Row extends RowHeaders {
  bodies: Uint8Array;
}

export interface Place {
  row: number;
  headerAt: number;
  bodyAt: number;
}

export interface StoredAt {
  op: Place;
  lateBody?: Place;
}

export type Query =
  | { type: "rows"; after: number }
  | { type: "ops"; ops: readonly StoredAt[]; bytesMax?: number }
  | { type: "lackingBlobs" | "peers" }
  | { type: "absentBlobs"; blobs: readonly string[] }
  | { type: "blobPiece"; blob: string; from: number };

export type Shown =
  | { type: "absent" | "bodyMissing" }
  | { type: "json"; value: Json }
  | { type: "bytes"; bytes: Uint8Array };

export type Said =
  | { type: "absent" }
  | { type: "json"; value: Json }
  | { type: "bytes"; bytes: Uint8Array }
  | { type: "add"; by: number }
  | { type: "insert"; values: readonly Json[] };

/** What one member of a conflict says. */
export interface Side {
  /** The write. */
  readonly op: string;
  /** Who wrote it. */
  readonly author: string;
  /** Its clock, in decimal digits. */
  readonly hlc: string;
  /** What it makes of the place. */
  readonly value: Said;
}

/** Writes of which none saw the other, with different values at one place. */
export interface Conflict {
  /** Its id, which changes with its members. */
  readonly id: string;
  readonly branch: string;
  readonly collection: string;
  readonly key: string;
  /** The place in the entity, an RFC 6901 pointer. */
  readonly path: string;
  /** The writes. */
  readonly members: readonly string[];
  /** What all had seen there. */
  readonly base: Shown;
  /** Where what they had seen was in conflict itself. */
  readonly beneath?: readonly { readonly base: Shown; readonly sides: readonly Said[] }[];
  /** What the members say. */
  readonly sides: readonly Side[];
}

export interface Entity {
  readonly collection: string;
  readonly key: string;
  readonly shown: Shown;
  readonly frontier: readonly string[];
  readonly conflicts: readonly Conflict[];
}

/** An op of the log, as people read it. */
export interface LoggedOp {
  readonly id: string;
  readonly branch: string;
  readonly author: string;
  /** Its place in its author's chain, from 1. */
  readonly seq: number;
  readonly prev?: string;
  /** Its clock, in decimal digits. */
  readonly hlc: string;
  readonly parents: readonly string[];
  readonly collection: string;
  readonly key: string;
  readonly base: readonly string[];
  readonly kind: string;
  /** On whose behalf, if not the author's own. */
  readonly actor?: string;
  readonly isSigned: boolean;
  readonly isEffective: boolean;
  readonly stored?: StoredOp;
}

/** A branch. */
export interface BranchView {
  readonly name: string;
  readonly heads: readonly string[];
  /** How many ops stand on it. */
  readonly ops: number;
  /** Whether it is linear and has no one line. */
  readonly isDiverged: boolean;
}

/** The whole picture of a repo. */
export interface Status {
  /** The repo, once it has begun. */
  readonly repo?: string;
  /** The key that this device writes under. */
  readonly author: string;
  /** How many ops are in the log. */
  readonly ops: number;
  /** How many wait outside it. */
  readonly held: number;
  /** What they wait for that is nowhere here. */
  readonly missing: readonly string[];
  readonly branches: readonly BranchView[];
  /** Whether everybody may write. */
  readonly isOpen: boolean;
  readonly forks: readonly { branch: string; author: string; seq: number; ops: readonly string[] }[];
  /** How many milliseconds the greatest clock here is ahead of the local one. */
  readonly clockBehind?: number;
}

/** How far a link is. */
export interface Progress {
  /** Ops that wait to be sent. */
  readonly pending: number;
  /** Ops that were sent and are not acknowledged. */
  readonly unacked: number;
  /** Ops that the peer has at least and that are not here. */
  readonly behindBy: number;
  /** When the last ack came: milliseconds since 1970. */
  readonly lastAckAt?: number;
  readonly opsIn: number;
  readonly opsOut: number;
  /** Bytes of ops and contents. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface LinkView {
  readonly link: number;
  readonly peer?: string;
  readonly isRelay: boolean;
  readonly progress?: Progress;
}

/** What became of imported ops. */
export interface ImportReport {
  /** Those that entered the log. */
  readonly admitted: readonly string[];
  /** How many were here already. */
  readonly known: number;
  /** Those that wait for something. */
  readonly held: readonly string[];
  /** Those that are invalid. */
  readonly refused: readonly { readonly op: string; readonly reason: string }[];
  /** Those that nothing vouches for. */
  readonly dropped: readonly string[];
  /** How many were no ops at all. */
  readonly malformed: number;
}

/** What verifying found. */
export interface VerifyReport {
  /** How many ops were read and rehashed. */
  readonly ops: number;
  /** How many signatures were checked. */
  readonly signatures: number;
  /** How many bodies are not here. */
  readonly bodiesAbsent: number;
  /** Ops whose bytes are not what was written. */
  readonly corrupt: readonly string[];
  /** Ops that no signature vouches for. */
  readonly uncovered: readonly string[];
}

export interface Withheld {
  readonly op: string;
  readonly code: string;
}

export interface Member {
  readonly author: string;
  readonly name?: string;
  readonly role?: string;
  readonly predecessor?: string;
}

export type Answer =
  | { type: "done" }
  | { type: "written"; ops: string[] }
  | { type: "imported"; report: ImportReport }
  | { type: "ops"; ops: StoredOp[] }
  | { type: "chainEnds"; ends: { branch: string; author: string; seq: number; id: string }[] }
  | { type: "entity"; entity: Entity }
  | { type: "entries"; entities: Entity[] }
  | { type: "log"; ops: LoggedOp[] }
  | { type: "ids"; ids: string[] }
  | { type: "conflicts"; conflicts: Conflict[] }
  | { type: "status"; status: Status }
  | { type: "verified"; report: VerifyReport }
  | { type: "durable"; withheld: Withheld[] }
  | { type: "links"; links: LinkView[] }
  | { type: "members"; members: Member[] }
  | { type: "manifests"; manifests: { collection: string; op: string; manifest: Json }[] };

export interface Problem {
  code: string;
  message: string;
  op?: string;
}

export type Event =
  | { type: "opened" }
  | { type: "admitted"; ops: number }
  | { type: "chainForked"; author: string; ops: string[] }
  | { type: "keyChanged"; from: string; to: string }
  | { type: "corrupt"; row: number }
  | { type: "linkOpened"; link: number; peer: string; isRelay: boolean }
  | { type: "linkJoined"; link: number; invitation: string }
  | { type: "linkInSync"; link: number }
  | { type: "linkNacked"; link: number; ops: Withheld[]; head?: string }
  | { type: "presence"; link: number; topic: string; bytes: Uint8Array }
  | { type: "linkClosed"; link: number; code?: string };

/** One output of a step. The store gets its `persist`s and `load`s in order, and so does a link its frames. */
export type Output =
  | { type: "sign"; ticket: number; author: string; message: Uint8Array }
  | { type: "makeKey"; ticket: number }
  | { type: "persist"; ticket: number; row: Row }
  | { type: "load"; ticket: number; query: Query }
  | { type: "reply"; request: number; answer?: Answer; problem?: Problem }
  | { type: "keepPiece"; ticket: number; blob: string; len: number; offset: number; bytes: Uint8Array }
  | { type: "remember"; remembered: Remembered }
  | { type: "send"; link: number; frame: Frame }
  | { type: "close"; link: number }
  | { type: "emit"; event: Event };

/** What two sets of ops make together. */
export interface Reconciled {
  /** Every valid op of both whose dependencies are there, in order. */
  readonly merged: readonly string[];
  /** The last of the common ops in order; left out where there is none. */
  readonly forkPoint?: string;
  /** The heads of the common ops, in order. */
  readonly forkHeads: readonly string[];
  /** Merged ops that only the local side has, in order. */
  readonly onlyLocal: readonly string[];
  /** Merged ops that only the remote side has, in order. */
  readonly onlyRemote: readonly string[];
  /** The entities of the conflicts, as `collection/key`, each once, ascending. */
  readonly conflicts: readonly string[];
  /** The open conflicts of the union. */
  readonly conflictRecords: readonly Conflict[];
  /** Those of them that are open in neither side alone. */
  readonly newConflicts: readonly Conflict[];
  /** How the local side stands to the remote one. */
  readonly relation: "equal" | "behind" | "ahead" | "diverged";
  /** Whether there are no new conflicts. */
  readonly clean: boolean;
  /** Dependencies that neither side has, ascending. */
  readonly missing: readonly string[];
  /** Invalid ops with the reason, ascending. */
  readonly invalid: readonly { readonly op: string; readonly reason: string }[];
  /** How many inputs were no ops at all. */
  readonly malformed: number;
}
