// Local-first sync: signed, hash-linked ops, conflicts as data, merges that can be previewed.

export { Batch, type Resolution, type WriteOptions } from "./batch.js";
export { BroadcastTransport } from "./broadcast.js";
export { type Connection, type ConnectOptions, type Listener, memoryPair } from "./connection.js";
export { type BranchPolicy, Machine, type MachineOptions } from "./core.js";
export { SyncEngine, type SyncEngineOptions, type Synced } from "./engine.js";
export type { Entry } from "./entry.js";
export { type ErrorCode, type ErrorDetails, TrellisError } from "./errors.js";
export { formatCrossRepoRef, MultiRepoManager, type MultiRepoOptions, parseCrossRepoRef } from "./federation.js";
export type { LogChange, RepoStatus, StorageStatus, SyncOptions } from "./host.js";
export type { KnownPeer } from "./http.js";
export type { WorkerLike } from "./in-worker.js";
export { type AuthorId, Identity, type Keys, type Signer } from "./keys.js";
export { Link, type LinkState, type LinkStatus, type Nacked } from "./link.js";
export { type OpenOptions, open } from "./open.js";
export {
  createGenesis,
  createOp,
  type NewOp,
  type Op,
  type OpId,
  type OpPlace,
  type RepoId,
  reconcile,
  type SyncSigner,
} from "./ops.js";
export { entityPlace } from "./places.js";
export { raw } from "./raw.js";
export { type DurableOptions, Receipt, type Safe, type Tier } from "./receipt.js";
export { Branch, type Changed, type MergeOptions, Repo } from "./repo.js";
export { Session, type SessionPhase } from "./session.js";
export { Subscription } from "./subscription.js";
export type * as surface from "./surface.js";
export type {
  BranchView,
  Conflict,
  CrossRepoLink,
  CrossRepoRef,
  ImportReport,
  Json,
  LinkedRepo,
  LoggedOp,
  Patch,
  Plan,
  PlanItem,
  Progress,
  Reconciled,
  Side,
  Status,
  VerifyReport,
} from "./surface.js";
export { HttpSyncTransport, MemoryTransport, type Transport, type Way, WebSocketSyncTransport } from "./transports.js";
export { type AnyRecords, type Query, type Records, RepoView } from "./view.js";
