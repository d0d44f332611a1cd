// The core's inputs and outputs as plain data: what crosses between JavaScript and the core. Made of core/src/surface by
// tests/tests/surface_types.rs.
//
// Ids and keys are lower-case hex, clocks decimal texts, times milliseconds since 1970; what is absent is left out.

/** A JSON value. Numbers are finite, and integers within ±(2^53 - 1). */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A frame of a link: bytes, or text in the JSON form. */
export type Frame = Uint8Array | string;

/** The answer to a command. */
export type Answer =
  /** Nothing to tell. */
  | { readonly type: "done" }
  /** The ops written, durable now, in order. */
  | {
      readonly type: "written";
      /** Their ids. */
      readonly ops: readonly string[];
    }
  /** What became of imported ops. */
  | {
      readonly type: "imported";
      /** By what it was. */
      readonly report: ImportReport;
    }
  /** Ops, dependencies first. */
  | {
      readonly type: "ops";
      /** The ops. */
      readonly ops: readonly StoredOp[];
    }
  /** Chain ends. */
  | {
      readonly type: "chainEnds";
      /** The last op of each chain. */
      readonly ends: readonly ChainEnd[];
    }
  /** One entity. */
  | {
      readonly type: "entity";
      /** As it is shown. */
      readonly entity: Entity;
    }
  /** Entities. */
  | {
      readonly type: "entries";
      /** As they are shown. */
      readonly entities: readonly Entity[];
    }
  /** The entities of a collection, or those of them that may have changed. */
  | {
      readonly type: "entriesSince";
      /** What to ask with the next time. */
      readonly mark: string;
      /** Whether these are all that there are, so that whatever the asker knew beside them is gone. */
      readonly isWhole: boolean;
      /** As they are shown, ascending by key. */
      readonly entities: readonly Entity[];
      /** The keys of those that may have been there, and are not. */
      readonly gone: readonly string[];
    }
  /** Ops as people read them. */
  | {
      readonly type: "log";
      /** The ops. */
      readonly ops: readonly LoggedOp[];
    }
  /** Ids. */
  | {
      readonly type: "ids";
      /** The ids. */
      readonly ids: readonly string[];
    }
  /** Conflicts. */
  | {
      readonly type: "conflicts";
      /** The conflicts. */
      readonly conflicts: readonly Conflict[];
    }
  /** What joining a branch would change. */
  | {
      readonly type: "plan";
      /** The plan. */
      readonly plan: Plan;
    }
  /** The whole picture. */
  | {
      readonly type: "status";
      /** The picture. */
      readonly status: Status;
    }
  /** What verifying found. */
  | {
      readonly type: "verified";
      /** The report. */
      readonly report: VerifyReport;
    }
  /** The ops of a receipt are safe. */
  | {
      readonly type: "durable";
      /** Those that a peer gives no effect, and why. */
      readonly withheld: readonly Withheld[];
    }
  /** Links. */
  | {
      readonly type: "links";
      /** Each as it stands. */
      readonly links: readonly LinkView[];
    }
  /** Members. */
  | {
      readonly type: "members";
      /** The members. */
      readonly members: readonly Member[];
    }
  /** Invitations. */
  | {
      readonly type: "invitations";
      /** The invitations. */
      readonly invitations: readonly Invitation[];
    }
  /** What collections declare. */
  | {
      readonly type: "manifests";
      /** Each with the op that declares it. */
      readonly manifests: readonly Manifest[];
    };

/** Why a command was not carried out. */
export interface Problem {
  /** The stable code. */
  readonly code: string;
  /** A sentence for people. */
  readonly message: string;
  /** The op that it is about. */
  readonly op?: string;
}

/** What became of imported ops. */
export interface ImportReport {
  /** Those that entered the log. */
  readonly admitted: readonly string[];
  /** How many were here already. */
  readonly known: number;
  /** Those that wait. */
  readonly held: readonly string[];
  /** Those that are invalid. */
  readonly refused: readonly Refused[];
  /** Those that nothing vouches for. */
  readonly dropped: readonly string[];
  /** How many were no ops at all. */
  readonly malformed: number;
}

/** An op that is invalid. */
export interface Refused {
  /** Its id. */
  readonly op: string;
  /** Why. */
  readonly reason: string;
}

/** An op that a peer keeps and gives no effect. */
export interface Withheld {
  /** Its id. */
  readonly op: string;
  /** Why, as an error code. */
  readonly code: string;
}

/** The last op of a chain. */
export interface ChainEnd {
  /** The branch. */
  readonly branch: string;
  /** The author. */
  readonly author: string;
  /** Its place, from 1. */
  readonly seq: number;
  /** Its id. */
  readonly id: string;
}

/** An op as people read it. */
export interface LoggedOp {
  /** Its id. */
  readonly id: string;
  /** The branch. */
  readonly branch: string;
  /** The author. */
  readonly author: string;
  /** Its place in its chain. */
  readonly seq: number;
  /** The op before it on its chain. */
  readonly prev?: string;
  /** Its clock, in decimal digits. */
  readonly hlc: string;
  /** The heads that its author saw. */
  readonly parents: readonly string[];
  /** The collection. */
  readonly collection: string;
  /** The key. */
  readonly key: string;
  /** The writes that it replaces. */
  readonly base: readonly string[];
  /** What it does. */
  readonly kind: string;
  /** On whose behalf. */
  readonly actor?: string;
  /** Whether it is signed itself. */
  readonly isSigned: boolean;
  /** Whether it has effect. */
  readonly isEffective: boolean;
  /** The op itself, where it was asked for. */
  readonly stored?: StoredOp;
}

/** The whole picture. */
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
  /** Every branch. */
  readonly branches: readonly BranchView[];
  /** Whether everybody may write. */
  readonly isOpen: boolean;
  /** Where chains forked. */
  readonly forks: readonly Fork[];
  /** How many milliseconds the greatest clock here is ahead of the local one. */
  readonly clockBehind?: number;
}

/** A branch. */
export interface BranchView {
  /** Its name. */
  readonly name: string;
  /** Its heads, in order. */
  readonly heads: readonly string[];
  /** How many ops stand on it. */
  readonly ops: number;
  /** Whether it is linear and has no one line. */
  readonly isDiverged: boolean;
}

/** Two ops with one place in an author's chain. */
export interface Fork {
  /** The branch. */
  readonly branch: string;
  /** Whose chain. */
  readonly author: string;
  /** The place that both have. */
  readonly seq: number;
  /** The two. */
  readonly ops: readonly [string, string];
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

/** A link, as it stands. */
export interface LinkView {
  /** Its number. */
  readonly link: number;
  /** The peer's key, once it is known. */
  readonly peer?: string;
  /** Whether the peer stores and forwards for others. */
  readonly isRelay: boolean;
  /** How far it is, once the peer is known. */
  readonly progress?: Progress;
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
  /** Ops that came. */
  readonly opsIn: number;
  /** Ops that went out. */
  readonly opsOut: number;
  /** Bytes of ops and contents that came. */
  readonly bytesIn: number;
  /** Bytes of ops and contents that went out. */
  readonly bytesOut: number;
}

/** What a program asks of a repo. Random bytes and times are the runtime's. */
export type Command =
  /** Begin a repo. */
  | {
      readonly type: "create";
      /** What people call it. */
      readonly name: string;
      /** 32 random bytes; left out where the host draws them. */
      readonly nonce?: Uint8Array | undefined;
    }
  /** Read what other processes have committed. */
  | { readonly type: "refresh" }
  /** Write ops in one transaction. */
  | {
      readonly type: "write";
      /** The branch. */
      readonly branch: string;
      /** On whose behalf, if not the device's own. */
      readonly actor?: string | undefined;
      /** What to write, in order. */
      readonly edits: readonly Edit[];
      /** 32 random bytes, new for every transaction; left out where the host draws them. */
      readonly random?: Uint8Array | undefined;
    }
  /** Take ops from elsewhere. */
  | {
      readonly type: "import";
      /** The ops, in any order. */
      readonly ops: readonly StoredOp[];
    }
  /** Every op that is not in the causal past of the known ones. */
  | {
      readonly type: "export";
      /** What the asker has. */
      readonly known: readonly string[];
    }
  /** The last op of every chain. */
  | { readonly type: "chainEnds" }
  /** One entity. */
  | {
      readonly type: "get";
      /** The branch. */
      readonly branch: string;
      /** The collection. */
      readonly collection: string;
      /** The key. */
      readonly key: string;
      /** As it was when these ops were the heads; left out for now. */
      readonly at?: readonly string[] | undefined;
    }
  /** Entities of a branch. */
  | {
      readonly type: "entries";
      /** The branch. */
      readonly branch: string;
      /** Only this collection. */
      readonly collection?: string | undefined;
      /** Only keys that begin with this. */
      readonly keyPrefix?: string | undefined;
      /** As they were when these ops were the heads; left out for now. */
      readonly at?: readonly string[] | undefined;
    }
  /** The entities of a collection, and later those that changed. A branch that is not there has none. */
  | {
      readonly type: "entriesSince";
      /** The branch. */
      readonly branch: string;
      /** The collection. */
      readonly collection: string;
      /** The mark of the last answer; left out for all of them. */
      readonly since?: string | undefined;
    }
  /** Ops of a branch's log, the greatest `ord` first. */
  | {
      readonly type: "log";
      /** The branch. */
      readonly branch: string;
      /** Only ops that write this entity, as `collection/key`. */
      readonly entity?: string | undefined;
      /** At most so many. */
      readonly opsMax: number;
    }
  /** Ops, whole and as people read them. */
  | {
      readonly type: "show";
      /** The ops. */
      readonly ops: readonly string[];
    }
  /** Ops whose id begins with these hex digits. */
  | {
      readonly type: "findOps";
      /** At most 16 digits. */
      readonly prefix: string;
    }
  /** Tell every peer something that nobody keeps. */
  | {
      readonly type: "announce";
      /** What it is about: at most 255 bytes. */
      readonly topic: string;
      /** What is said: at most 4,096 bytes. */
      readonly bytes: Uint8Array;
    }
  /** Every link, as it stands. */
  | { readonly type: "links" }
  /** Answer when ops are safe. */
  | {
      readonly type: "durable";
      /** The ops. */
      readonly ops: readonly string[];
      /** `local`, `peer` or `relay`. */
      readonly tier: string;
      /** When to answer that they are not: milliseconds since 1970. */
      readonly until: number;
    }
  /** Every open conflict of a branch. */
  | {
      readonly type: "conflicts";
      /** The branch. */
      readonly branch: string;
    }
  /** What joining another branch into one would change. */
  | {
      readonly type: "plan";
      /** The branch that would change. It need not be there yet. */
      readonly branch: string;
      /** The branch that would be joined. */
      readonly source: string;
      /** The ops of it that would be joined, with all that they reach; left out for its heads. */
      readonly at?: readonly string[] | undefined;
    }
  /** The whole picture. */
  | { readonly type: "status" }
  /** Read and rehash everything. */
  | { readonly type: "verify" }
  /** The members and their roles. */
  | { readonly type: "members" }
  /** The invitations that owners made. */
  | { readonly type: "invitations" }
  /** What collections declare. */
  | { readonly type: "manifests" };

/** One write. */
export type Edit =
  /** Give a place a value, `collection/key` or `collection/key/field...`. */
  | {
      readonly type: "set";
      /** The place. */
      readonly place: string;
      /** The value. */
      readonly value: Json;
      /** The writes that the writer was looking at; left out for what is shown. */
      readonly base?: readonly string[] | undefined;
    }
  /** Remove an entity, or a place inside one. */
  | {
      readonly type: "delete";
      /** The place. */
      readonly place: string;
      /** The writes that the writer was looking at; left out for what is shown. */
      readonly base?: readonly string[] | undefined;
    }
  /** Change an entity on top of what is shown, or of a base. */
  | {
      readonly type: "change";
      /** The collection. */
      readonly collection: string;
      /** The key. */
      readonly key: string;
      /** How. */
      readonly change: Change;
      /** The writes that the writer was looking at; left out for what is shown. */
      readonly base?: readonly string[] | undefined;
    }
  /** Close a conflict. */
  | {
      readonly type: "resolve";
      /** Which. */
      readonly conflict: ConflictRef;
      /** What shall stand. */
      readonly choice: Choice;
    }
  /** Give back what the last write to the branch replaced. */
  | { readonly type: "undo" }
  /** Join another branch into this one, or begin this one from it. */
  | {
      readonly type: "merge";
      /** The other branch. */
      readonly source: string;
      /** The ops of it that are joined, with all that they reach; left out for its heads. */
      readonly at?: readonly string[] | undefined;
      /** The id of a plan: where the merge would do something else by now, it is not made. Left out for whatever it does. */
      readonly plan?: string | undefined;
      /** Why. */
      readonly message?: string | undefined;
    }
  /** On a linear branch that diverged: write this device's ops anew on top of another line. */
  | {
      readonly type: "rebase";
      /** The head of the line that stays. */
      readonly onto: string;
    }
  /** Make somebody a member, or change the role. */
  | {
      readonly type: "addMember";
      /** The key. */
      readonly author: string;
      /** The name. */
      readonly name: string;
      /** `owner`, `writer` or `reader`. */
      readonly role: string;
    }
  /** End a membership. */
  | {
      readonly type: "removeMember";
      /** The key. */
      readonly author: string;
    }
  /** Let whoever holds a key join on these terms. */
  | {
      readonly type: "invite";
      /** The invitation's public key. */
      readonly key: string;
      /** What it allows. */
      readonly terms: Terms;
    }
  /** End an invitation. */
  | {
      readonly type: "revoke";
      /** The invitation's public key. */
      readonly key: string;
    }
  /** Say how a collection merges and who may see and change it. */
  | {
      readonly type: "declare";
      /** The collection. */
      readonly collection: string;
      /** The manifest. */
      readonly manifest: Json;
    }
  /** Give another repo a short name. */
  | {
      readonly type: "linkRepo";
      /** The name. */
      readonly alias: string;
      /** Where it is: a path. */
      readonly place: string;
      /** Its id. */
      readonly repo: string;
      /** What it is, for people. */
      readonly description?: string | undefined;
    }
  /** Take a short name of another repo back. */
  | {
      readonly type: "unlinkRepo";
      /** The name. */
      readonly alias: string;
    }
  /** Say how an entity here stands to one of another repo. */
  | {
      readonly type: "linkAcross";
      /** The entity here, as `type:name`. */
      readonly from: string;
      /** How it stands to the other one. */
      readonly relation: string;
      /** The entity there, as `@alias:type:name`. */
      readonly to: string;
    }
  /** Take that back. */
  | {
      readonly type: "unlinkAcross";
      /** The entity here. */
      readonly from: string;
      /** How it stood. */
      readonly relation: string;
      /** The entity there. */
      readonly to: string;
    }
  /** Take the content of ops, or places of patches, out of everybody's sight. */
  | {
      readonly type: "redact";
      /** The ops. */
      readonly ops: readonly string[];
      /** For patches, the places; left out for everything that the op set. */
      readonly pointers?: readonly string[] | undefined;
    };

/** How an entity changes. */
export type Change =
  /** It becomes this value; written as the difference to what was shown. */
  | {
      readonly type: "put";
      /** The value. */
      readonly value: Json;
    }
  /** It becomes this value, and whatever else it held is gone. */
  | {
      readonly type: "replace";
      /** The value. */
      readonly value: Json;
    }
  /** It becomes these bytes. */
  | {
      readonly type: "bytes";
      /** The bytes. */
      readonly bytes: Uint8Array;
    }
  /** Places of it change. */
  | {
      readonly type: "patch";
      /** The changes. */
      readonly patch: Patch;
    }
  /** It is removed. */
  | { readonly type: "delete" }
  /** A record is added that never changes. */
  | {
      readonly type: "append";
      /** The value. */
      readonly value: Json;
    };

/** Changes to places of one entity, by RFC 6901 pointers. */
export interface Patch {
  /** Places that get a value. */
  readonly set?: { readonly [name: string]: Json } | undefined;
  /** Places that lose theirs. */
  readonly remove?: readonly string[] | undefined;
  /** Counters that grow by an integer. */
  readonly add?: { readonly [name: string]: number } | undefined;
  /** Sets that gain values. */
  readonly insert?: { readonly [name: string]: readonly Json[] } | undefined;
  /** Sets that lose values. */
  readonly discard?: { readonly [name: string]: readonly Json[] } | undefined;
}

/** A conflict as it was looked at. A whole conflict, as it was given, is one too. */
export interface ConflictRef {
  /** The collection of the entity. */
  readonly collection: string;
  /** Its key. */
  readonly key: string;
  /** The conflict, with its members. */
  readonly id: string;
}

/** What shall stand in place of a conflict. */
export type Choice =
  /** The side that this op wrote. */
  | {
      readonly type: "side";
      /** The op. */
      readonly op: string;
    }
  /** This value. */
  | {
      readonly type: "value";
      /** The value. */
      readonly value: Json;
    }
  /** Nothing. */
  | { readonly type: "absent" };

/** What two sets of ops make together. */
export interface Reconciled {
  /** Every valid op of both whose dependencies are there, in order. */
  readonly merged: readonly string[];
  /** The last of the common ops in order. */
  readonly forkPoint?: string;
  /** The heads of the common ops, in order. */
  readonly forkHeads: readonly string[];
  /** Merged ops that only the local side has, in order. */
  readonly onlyLocal: readonly string[];
  /** Merged ops that only the remote side has, in order. */
  readonly onlyRemote: readonly string[];
  /** The entities of the conflicts, as `collection/key`, each once, ascending. */
  readonly conflicts: readonly string[];
  /** The open conflicts of the union, ascending by branch, collection, key and path. */
  readonly conflictRecords: readonly Conflict[];
  /** Those of them that are open in neither side alone. */
  readonly newConflicts: readonly Conflict[];
  /** `equal`, `behind`, `ahead` or `diverged`: how the local side stands to the remote one. */
  readonly relation: string;
  /** Whether there are no new conflicts. */
  readonly clean: boolean;
  /** Dependencies that neither side has, ascending. */
  readonly missing: readonly string[];
  /** Invalid ops with the reason, ascending. */
  readonly invalid: readonly Refused[];
  /** How many inputs were no ops at all. */
  readonly malformed: number;
}

/** What an author wants an op to say. */
export interface NewOp {
  /** The branch; `main` where it is left out. */
  readonly branch?: string | undefined;
  /** The collection. */
  readonly collection: string;
  /** The key. */
  readonly key: string;
  /** `put`, `patch`, `delete` or `append`; `put` where it is left out. */
  readonly kind?: string | undefined;
  /** The body, if it is JSON; of a patch `set`, `remove`, `add`, `insert` and `discard`. */
  readonly body?: Json | undefined;
  /** The body, if it is bytes. */
  readonly bytes?: Uint8Array | undefined;
  /** The writes that it replaces; left out for those that the log shows. */
  readonly base?: readonly string[] | undefined;
  /** On whose behalf, if not the author's own. */
  readonly actor?: string | undefined;
}

/** An op that still lacks its signature. */
export interface SealedOp {
  /** Its id. */
  readonly id: string;
  /** Its header and its body. */
  readonly op: StoredOp;
  /** What its author has to sign. */
  readonly message: Uint8Array;
}

/** An entity of another repo. */
export interface CrossRepoRef {
  /** The short name of the repo. */
  readonly alias: string;
  /** The entity there, as `type:name`. */
  readonly entity: string;
  /** Its collection. */
  readonly collection: string;
  /** Its key. */
  readonly key: string;
  /** What it was when this op was its branch's head; left out for what it is. */
  readonly version?: string | undefined;
}

/** Another repo that has a short name here. */
export interface LinkedRepo {
  /** The name. */
  readonly alias: string;
  /** Where it is: a path. */
  readonly place: string;
  /** Its id. */
  readonly repo: string;
  /** What it is, for people. */
  readonly description?: string;
}

/** How an entity here stands to one of another repo. */
export interface CrossRepoLink {
  /** The entity here, as `type:name`. */
  readonly from: string;
  /** How it stands to the other one. */
  readonly relation: string;
  /** The entity there. */
  readonly to: CrossRepoRef;
}

/** The collections that say how repos stand together. */
export interface Collections {
  /** Of linked repos, by alias. */
  readonly linkedRepos: string;
  /** Of links across repos. */
  readonly crossRepoLinks: string;
}

/** A member. */
export interface Member {
  /** The key. */
  readonly author: string;
  /** The name. */
  readonly name?: string;
  /** The role; absent where the membership ended. */
  readonly role?: string;
  /** The older key of the same device. */
  readonly predecessor?: string;
  /** The invitation that it joined by. */
  readonly joined?: Joined;
}

/** How somebody joined by an invitation. */
export interface Joined {
  /** The invitation's public key. */
  readonly invitation: string;
  /** Whether more had joined by it than it has uses. */
  readonly isExtra: boolean;
}

/** An invitation. */
export interface Invitation {
  /** Its public key. */
  readonly key: string;
  /** Who made it. */
  readonly by: string;
  /** `writer` or `reader`. */
  readonly role: string;
  /** The last moment at which somebody may be let in: milliseconds since 1970. */
  readonly until: number;
  /** How many may join by it. */
  readonly uses: number;
  /** What people call whoever joins by it. */
  readonly name?: string;
  /** Who joined by it. */
  readonly joined: readonly string[];
  /** Whether an owner revoked it. */
  readonly isRevoked: boolean;
}

/** What a collection declares. */
export interface Manifest {
  /** The collection. */
  readonly collection: string;
  /** The op that declares it. */
  readonly op: string;
  /** The manifest, as it was written. */
  readonly manifest: Json;
}

/** What an invitation allows. */
export interface Terms {
  /** `writer` or `reader`. */
  readonly role: string;
  /** The last moment at which somebody may be let in: milliseconds since 1970. */
  readonly until: number;
  /** How many may join by it. */
  readonly uses: number;
  /** What people call whoever joins by it. */
  readonly name?: string | undefined;
}

/** One input of a step. */
export type Input =
  /** Do this, and reply. */
  | {
      readonly type: "command";
      /** The command's number; its reply carries it. */
      readonly request: number;
      /** What to do. */
      readonly command: Command;
    }
  /** The signature that was asked for. */
  | {
      readonly type: "signed";
      /** The ticket. */
      readonly ticket: number;
      /** 64 bytes. */
      readonly signature: Uint8Array;
    }
  /** The new key that was asked for, kept durably by now. */
  | {
      readonly type: "keyMade";
      /** The ticket. */
      readonly ticket: number;
      /** The public key. */
      readonly author: string;
    }
  /** The row is committed and synced. */
  | {
      readonly type: "persisted";
      /** The ticket. */
      readonly ticket: number;
    }
  /** The row is not in the store. The machine takes no further input. */
  | {
      readonly type: "persistFailed";
      /** The ticket. */
      readonly ticket: number;
    }
  /** What became of a piece of a blob. */
  | {
      readonly type: "pieceKept";
      /** The ticket. */
      readonly ticket: number;
      /** What became of it. */
      readonly kept: Kept;
    }
  /** What the store was asked for. */
  | {
      readonly type: "loaded";
      /** The ticket. */
      readonly ticket: number;
      /** What it had. */
      readonly loaded: Loaded;
    }
  /** A connection to a peer is open. */
  | {
      readonly type: "connected";
      /** The link's number, used once. */
      readonly link: number;
      /** What is known of the connection. */
      readonly connection: Connection;
    }
  /** A way to a peer is open on which whatever comes is proved by itself, as by signed requests. This side asks. */
  | {
      readonly type: "proved";
      /** The link's number, used once. */
      readonly link: number;
      /** What is known of the way. */
      readonly proof: Proof;
    }
  /** Whose answers come on such a link that was opened without knowing it. Said before the first of them. */
  | {
      readonly type: "peerKnown";
      /** The link. */
      readonly link: number;
      /** The key. */
      readonly peer: string;
    }
  /** A frame came on a link, in order. */
  | {
      readonly type: "received";
      /** The link. */
      readonly link: number;
      /** The frame. */
      readonly frame: Frame;
    }
  /** A link shall end: the peer is told. */
  | {
      readonly type: "hangUp";
      /** The link. */
      readonly link: number;
    }
  /** A connection is gone. */
  | {
      readonly type: "disconnected";
      /** The link. */
      readonly link: number;
    }
  /** Nothing but the time. */
  | { readonly type: "tick" };

/** What became of a piece of a blob. */
export type Kept =
  /** It is durable. */
  | {
      readonly type: "part";
      /** How many bytes of the blob are here. */
      readonly bytes: number;
    }
  /** The blob is whole and has its name. */
  | { readonly type: "whole" }
  /** The pieces do not make what the name says. */
  | { readonly type: "damaged" };

/** What a store read. */
export type Loaded =
  /** Rows in order, without bodies. */
  | {
      readonly type: "rows";
      /** The rows. */
      readonly rows: readonly RowHeaders[];
      /** Whether there are more behind them. */
      readonly more: boolean;
    }
  /** The rows in which ops lie, in the order asked; one that could not be read is left out. */
  | {
      readonly type: "ops";
      /** The rows. */
      readonly rows: readonly RowBytes[];
    }
  /** Blobs, and how many bytes of each are here. */
  | {
      readonly type: "blobs";
      /** The blobs. */
      readonly blobs: readonly BlobPart[];
    }
  /** A piece of a blob. */
  | {
      readonly type: "piece";
      /** The piece; left out where the blob is not here. */
      readonly piece?: Piece | undefined;
    }
  /** What is remembered of peers. */
  | {
      readonly type: "peers";
      /** The peers. */
      readonly peers: readonly Remembered[];
    };

/** How much of a blob is here. */
export interface BlobPart {
  /** The blob. */
  readonly blob: string;
  /** Bytes. */
  readonly bytes: number;
}

/** A piece of a blob. */
export interface Piece {
  /** How long the whole blob is, in bytes. */
  readonly len: number;
  /** The piece. */
  readonly bytes: Uint8Array;
}

/** What is remembered of a peer. */
export interface Remembered {
  /** Its key. */
  readonly peer: string;
  /** The state that both had. */
  readonly state: string;
  /** How many ops that was. */
  readonly ops: number;
}

/** The bytes of a row. */
export interface RowBytes {
  /** Its local sequence. */
  readonly seq: number;
  /** The records, without bodies. */
  readonly headers: Uint8Array;
  /** The bodies. */
  readonly bodies: Uint8Array;
}

/** A row as opening reads it. */
export interface RowHeaders {
  /** Its local sequence. */
  readonly seq: number;
  /** Whether its ops were written here. */
  readonly isLocal: boolean;
  /** Its records. */
  readonly headers: Uint8Array;
  /** Its digest. */
  readonly digest: string;
}

/** What is known of a connection. */
export interface Connection {
  /** Whether this side dialled, and speaks first. */
  readonly isInitiator: boolean;
  /** 32 random bytes, new for each connection. */
  readonly nonce: Uint8Array;
  /** The origin that was dialled. */
  readonly origin: string;
  /** What ties the proofs to this channel. */
  readonly binding: Uint8Array;
  /** The key that has to answer, where it is known beforehand. */
  readonly expected?: string | undefined;
  /** Whether anybody is let in who proves a key, and not members alone. */
  readonly isOpen?: boolean | undefined;
  /** Whether this replica stores and forwards for others here. */
  readonly isRelay?: boolean | undefined;
  /** The branches that are synced here, as patterns; left out for every one. */
  readonly interest?: readonly string[] | undefined;
  /** What an initiator shows that is no member yet. */
  readonly joining?: Joining | undefined;
}

/** What is known of a way to a peer on which whatever comes is proved by itself. */
export interface Proof {
  /** The key that proves what comes; left out where it is learnt with the first answer. */
  readonly peer?: string | undefined;
  /** The tag of the repo that is asked for; left out where this replica has none yet. */
  readonly tag?: string | undefined;
  /** The branches that are synced here, as patterns; left out for every one. */
  readonly interest?: readonly string[] | undefined;
}

/** An invitation to a repo, as its holder shows it. */
export interface Joining {
  /** The repo. */
  readonly repo: string;
  /** The invitation's public key. */
  readonly key: string;
  /** Its signature for the key of this replica: 64 bytes. */
  readonly signature: Uint8Array;
}

/** An op by its bytes. It proves nothing until the machine has verified it. */
export interface StoredOp {
  /** The header's bytes. */
  readonly header: Uint8Array;
  /** The body, if it is here. */
  readonly body?: Uint8Array | undefined;
  /** The signature, if it is here: 64 bytes. */
  readonly signature?: Uint8Array | undefined;
}

/** One output of a step. The store gets its `persist`s and `load`s in order, and so does a link its frames. */
export type Output =
  /** Sign this message, and answer with `signed`. */
  | {
      readonly type: "sign";
      /** The ticket. */
      readonly ticket: number;
      /** Whose key. */
      readonly author: string;
      /** What to sign. */
      readonly message: Uint8Array;
    }
  /** Make a new key, keep it and the old one durably, and answer with `keyMade`. */
  | {
      readonly type: "makeKey";
      /** The ticket. */
      readonly ticket: number;
    }
  /** Write this row in one transaction, and answer with `persisted` or `persistFailed`. */
  | {
      readonly type: "persist";
      /** The ticket. */
      readonly ticket: number;
      /** The row. */
      readonly row: Row;
    }
  /** Read, and answer with `loaded`. */
  | {
      readonly type: "load";
      /** The ticket. */
      readonly ticket: number;
      /** What to read. */
      readonly query: Query;
    }
  /** The answer to a command: either an answer or a problem. */
  | {
      readonly type: "reply";
      /** The command's number. */
      readonly request: number;
      /** The answer. */
      readonly answer?: Answer;
      /** Why there is none. */
      readonly problem?: Problem;
    }
  /** Keep a piece of a blob, and answer with `pieceKept`. */
  | {
      readonly type: "keepPiece";
      /** The ticket. */
      readonly ticket: number;
      /** The blob. */
      readonly blob: string;
      /** Its length, in bytes. */
      readonly len: number;
      /** Where the piece begins. */
      readonly offset: number;
      /** The piece. */
      readonly bytes: Uint8Array;
    }
  /** Remember this of a peer. */
  | {
      readonly type: "remember";
      /** What. */
      readonly remembered: Remembered;
    }
  /** Send a frame on a link. */
  | {
      readonly type: "send";
      /** The link. */
      readonly link: number;
      /** The frame. */
      readonly frame: Frame;
    }
  /** Close a link when everything was sent. */
  | {
      readonly type: "close";
      /** The link. */
      readonly link: number;
    }
  /** Something that nobody asked for happened. */
  | {
      readonly type: "emit";
      /** What. */
      readonly event: Event;
    };

/** A row of the store. */
export interface Row {
  /** The local sequence: 1, 2, 3, ... */
  readonly seq: number;
  /** Whether its ops were written here. */
  readonly isLocal: boolean;
  /** The records, without bodies. */
  readonly headers: Uint8Array;
  /** The bodies. */
  readonly bodies: Uint8Array;
  /** Its digest. */
  readonly digest: string;
}

/** What to read from the store. */
export type Query =
  /** Rows behind this local sequence, in order, without bodies. */
  | {
      readonly type: "rows";
      /** The last one that is known. */
      readonly after: number;
    }
  /** The rows in which ops lie, whole: at least one, and no more when they have `bytesMax` bytes, where that is said. */
  | {
      readonly type: "ops";
      /** Their local sequences, in the order in which they are needed. One may stand there again. */
      readonly rows: readonly number[];
      /** The bytes. */
      readonly bytesMax?: number;
    }
  /** All blobs that bodies name and that are not here. */
  | { readonly type: "lackingBlobs" }
  /** Those of these blobs that are not here. */
  | {
      readonly type: "absentBlobs";
      /** The blobs. */
      readonly blobs: readonly string[];
    }
  /** What is remembered of peers. */
  | { readonly type: "peers" }
  /** A chunk of a blob. */
  | {
      readonly type: "blobPiece";
      /** The blob. */
      readonly blob: string;
      /** Where it begins. */
      readonly from: number;
    };

/** What nobody asked for. */
export type Event =
  /** All rows are read, and commands are carried out. */
  | { readonly type: "opened" }
  /** Ops entered the log. */
  | {
      readonly type: "admitted";
      /** How many. */
      readonly ops: number;
    }
  /** Two ops have one place in an author's chain. */
  | {
      readonly type: "chainForked";
      /** Whose chain. */
      readonly author: string;
      /** The two. */
      readonly ops: readonly [string, string];
    }
  /** This device writes under a new key. */
  | {
      readonly type: "keyChanged";
      /** The old key. */
      readonly from: string;
      /** The new key. */
      readonly to: string;
    }
  /** A row of the store is not what was written to it. */
  | {
      readonly type: "corrupt";
      /** Its local sequence. */
      readonly row: number;
    }
  /** The peer of a link is known. */
  | {
      readonly type: "linkOpened";
      /** The link. */
      readonly link: number;
      /** Its key. */
      readonly peer: string;
      /** Whether it stores and forwards for others. */
      readonly isRelay: boolean;
    }
  /** The peer of a link is a member from now on. */
  | {
      readonly type: "linkJoined";
      /** The link. */
      readonly link: number;
      /** The invitation's public key. */
      readonly invitation: string;
    }
  /** Both ends of a link have the same, durably. */
  | {
      readonly type: "linkInSync";
      /** The link. */
      readonly link: number;
    }
  /** The peer of a link refuses ops, or gives them no effect. */
  | {
      readonly type: "linkNacked";
      /** The link. */
      readonly link: number;
      /** The ops. */
      readonly ops: readonly Nacked[];
      /** The head of the line, where they do not continue it. */
      readonly head?: string;
    }
  /** The peer of a link says something that nobody keeps. */
  | {
      readonly type: "presence";
      /** The link. */
      readonly link: number;
      /** What it is about. */
      readonly topic: string;
      /** What is said. */
      readonly bytes: Uint8Array;
    }
  /** A link ended. */
  | {
      readonly type: "linkClosed";
      /** The link. */
      readonly link: number;
      /** The code of the trouble, if there was any. */
      readonly code?: string;
    };

/** An op that a peer refuses or gives no effect. */
export interface Nacked {
  /** Its id. */
  readonly op: string;
  /** Why, as an error code. */
  readonly code: string;
}

/** What people see of an entity, or of a place in one. */
export type Shown =
  /** Nothing is there. */
  | { readonly type: "absent" }
  /** A value. */
  | {
      readonly type: "json";
      /** The value. */
      readonly value: Json;
    }
  /** Bytes. */
  | {
      readonly type: "bytes";
      /** The bytes. */
      readonly bytes: Uint8Array;
    }
  /** The value cannot be known here. */
  | { readonly type: "bodyMissing" };

/** An entity as it is shown. */
export interface Entity {
  /** The collection. */
  readonly collection: string;
  /** The key. */
  readonly key: string;
  /** Its value; while conflicts are open, a provisional one. */
  readonly shown: Shown;
  /** The writes that it is made of. */
  readonly frontier: readonly string[];
  /** Its open conflicts. */
  readonly conflicts: readonly Conflict[];
}

/** Writes of which none saw the other, with different values at one place. */
export interface Conflict {
  /** Its id, which changes with its members. */
  readonly id: string;
  /** The branch. */
  readonly branch: string;
  /** The collection. */
  readonly collection: string;
  /** The key. */
  readonly key: string;
  /** The place in the entity, an RFC 6901 pointer. */
  readonly path: string;
  /** The writes. */
  readonly members: readonly string[];
  /** What all had seen there. */
  readonly base: Shown;
  /** Where what they had seen was in conflict itself. */
  readonly beneath?: readonly Beneath[];
  /** What the members say. */
  readonly sides: readonly Side[];
}

/** A conflict in what the members of another one had seen. */
export interface Beneath {
  /** What its members had seen. */
  readonly base: Shown;
  /** What they say. */
  readonly sides: readonly Said[];
}

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

/** What a write makes of a place. */
export type Said =
  /** Nothing stands there. */
  | { readonly type: "absent" }
  /** A value. */
  | {
      readonly type: "json";
      /** The value. */
      readonly value: Json;
    }
  /** Bytes. */
  | {
      readonly type: "bytes";
      /** The bytes. */
      readonly bytes: Uint8Array;
    }
  /** A counter grows. */
  | {
      readonly type: "add";
      /** By this. */
      readonly by: number;
    }
  /** A set gains values. */
  | {
      readonly type: "insert";
      /** The values. */
      readonly values: readonly Json[];
    };

/** What a merge of one branch into another would do. */
export interface Plan {
  /** The hash of what it does: plans that do the same have the same. */
  readonly id: string;
  /** The branch that would change. */
  readonly branch: string;
  /** The branch that would be joined. */
  readonly source: string;
  /** The ops of the source that the merge names; none where all of it is here already. */
  readonly heads: readonly string[];
  /** How many ops come in with them. */
  readonly ops: number;
  /** The entities that would be shown differently, ascending by collection and key. */
  readonly items: readonly PlanItem[];
}

/** What a plan does to one entity. */
export interface PlanItem {
  /** The collection. */
  readonly collection: string;
  /** The key. */
  readonly key: string;
  /** What is shown now. */
  readonly before: Shown;
  /** What would be shown. */
  readonly after: Shown;
  /** The edits that lead from one to the other as RFC 6902 has them, where both are JSON. */
  readonly patch?: Json;
  /** The conflicts that would be open and are not now. */
  readonly conflicts: readonly Conflict[];
  /** The ids of conflicts that are open now and would not be. */
  readonly closed: readonly string[];
}
