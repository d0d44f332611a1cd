// What a repo needs of whatever runs its machine: the driver, or the addon of Node.

import type { Connection } from "./connection.js";
import type { LinkStatus } from "./link.js";
import type { Answer, Command, Event, Progress, Status } from "./surface.js";
import type { Given, WholeVerb } from "./whole.js";

/** A change of the log: the ops of one transaction or batch. */
export interface LogChange {
  /** Its local sequence: 1, 2, 3, ... */
  readonly seq: number;
  /** Whether it was written here. */
  readonly isLocal: boolean;
  /** The ids of the ops that it brought, or of those whose body it brought. */
  readonly ops: readonly string[];
}

/** How a link is dialled. */
export interface SyncOptions {
  /** The key that has to answer, where it is known, in hex. */
  readonly expected?: string;
  /** The branches that are synced, as patterns; all of them where it is left out. */
  readonly branches?: readonly string[];
  /** Hosts that may be dialled without TLS although they are not this machine. */
  readonly allowPlain?: readonly string[];
  /** How long dialling may take, in milliseconds; 10,000 where it is left out. */
  readonly limit?: number;
}

/** A link as its host sees it. */
export interface HostLink {
  readonly status: LinkStatus;
  /** Calls `heard` whenever the status is another one. Returns what ends that. */
  onStatus(heard: (status: LinkStatus) => void): () => void;
  /** How far it is; nothing while the peer is not known. @throws TrellisError */
  progress(): Promise<Progress | undefined>;
  /** Ends it, and tells the peer. */
  close(): Promise<void>;
}

/** How safely a repo is kept on this device. */
export interface StorageStatus {
  /** Where: in a folder, in the browser's IndexedDB, or in memory. */
  readonly kind: "folder" | "indexeddb" | "memory";
  /**
   * What a write outlives that counts as saved: `disk` a power cut, `os` the end of the program and no power cut, since the
   * browser does not promise more, and `memory` nothing.
   */
  readonly level: "disk" | "os" | "memory";
  /** Whether programs on this device could read the secret of its key. */
  readonly isKeyExportable: boolean;
  /** Whether it stays when the device runs short of room. Browsers may clear what they did not promise to keep. */
  readonly isPersisted: boolean;
}

/** The whole picture of a repo. */
export type RepoStatus = Status & {
  /** How safely it is kept on this device. */
  readonly storage: StorageStatus;
};

/** The answer to `status`, with how the repo is kept. */
export function kept(answer: Answer & { type: "status" }, storage: StorageStatus): Answer {
  const status: RepoStatus = { ...answer.status, storage };
  return { ...answer, status };
}

/** What runs the machine of a repo. */
export interface Host {
  /** Whether the repo is still there after the program has ended. */
  readonly isPersistent: boolean;
  /** The host's time, in milliseconds since 1970. */
  now(): number;
  /** Carries a command out. The answer to `status` says beside it how the repo is kept. @throws TrellisError */
  carryOut(command: Command): Promise<Answer>;
  /** Carries out what is about ops as bundles or objects. Hosts have this whose machine is elsewhere. @throws TrellisError */
  whole?<V extends WholeVerb>(verb: V, given: Given<V>): Promise<unknown>;
  /** What the log was changed by behind a local sequence, in order. */
  changes(after: number): Promise<readonly LogChange[]>;
  /** Calls `heard` for whatever nobody asked for, and with nothing when the log has changed. Returns what ends that. */
  listen(heard: (event?: Event) => void): () => void;
  /** Keeps a link to a URL up until it is closed. @throws TrellisError for what cannot be dialled. */
  sync(url: string, options: SyncOptions): HostLink;
  /** A link over a connection that is open. */
  connect(connection: Connection, isInitiator: boolean): HostLink;
  /** Peers may be reached again: links that wait until they dial again do so now. */
  wake?(): void;
  /** Ends the links and lets go of the store. */
  close(): Promise<void>;
}
