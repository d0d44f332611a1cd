// The core's functions over what crosses, which are the same whatever runs it, and over the values that programs have.

import type { MachineOptions } from "./core.js";
import { type Given, packed, packedOps, unpacked, unpackedOps } from "./packing.js";
import type { Row, StoredOp } from "./surface.js";

/** A value on its way out. */
type Out = Uint8Array | Given;

/** The machine over what crosses. */
export interface CrossingMachine {
  begin(): Out;
  step(now: number, input: string, bytes?: Uint8Array): Out;
  deadline(): number | null | undefined;
  free(): void;
}

/** A log over what crosses. */
export interface CrossingLog {
  extend(ops: Uint8Array): void;
  createOp(author: Uint8Array, now: number, op: string, bytes?: Uint8Array): Out;
}

/** The core's functions over what crosses. */
export interface Crossing {
  readonly Machine: new (start: string) => CrossingMachine;
  readonly Log: new (repo: string) => CrossingLog;
  authorOf(seed: Uint8Array): Uint8Array;
  broughtBy(seq: number, headers: Uint8Array, digest: string): Out;
  bundleOf(ops: Uint8Array): Uint8Array;
  createGenesis(name: string, nonce: Uint8Array, author: Uint8Array, now: number): Out;
  federationCollections(): Out;
  formatReference(reference: string): string;
  isSigned(author: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  linkedRepos(records: string): Out;
  linksTo(records: string, alias: string, entity: string): Out;
  opId(header: Uint8Array): string;
  opsBrought(rows: string, bytes?: Uint8Array): Uint8Array;
  opsOf(objects: string): Uint8Array;
  opsOfBundle(bundle: Uint8Array): Uint8Array;
  opsShown(ops: Uint8Array): Out;
  parseReference(text: string): Out;
  reconcile(local: Uint8Array, remote: Uint8Array): Out;
  repoTag(repo: string): string;
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
}

/** What only some programs call. */
type ExtraName =
  | "Log"
  | "createGenesis"
  | "federationCollections"
  | "formatReference"
  | "linkedRepos"
  | "linksTo"
  | "opId"
  | "parseReference"
  | "reconcile";

const json = (value: unknown) => packed(value)[0];

/** What repos call of the core. */
export type RepoCore = ReturnType<typeof repoCore>;

/** What repos call of the core. */
export function repoCore(core: Omit<Crossing, ExtraName>) {
  return {
    machine: (start: MachineOptions) => new core.Machine(json(start)),
    begin: (machine: CrossingMachine) => unpacked(machine.begin()),
    step: (machine: CrossingMachine, input: unknown, now: number) => unpacked(machine.step(now, ...packed(input))),
    authorOf: core.authorOf,
    broughtBy: (seq: number, headers: Uint8Array, digest: string) => unpacked(core.broughtBy(seq, headers, digest)),
    bundleOf: (ops: readonly StoredOp[]) => core.bundleOf(packedOps(ops)),
    isSigned: core.isSigned,
    opsBrought: (rows: readonly Row[]) => unpackedOps(core.opsBrought(...packed(rows))),
    opsOf: (objects: unknown) => unpackedOps(core.opsOf(json(objects))),
    opsOfBundle: (bundle: Uint8Array) => unpackedOps(core.opsOfBundle(bundle)),
    opsShown: (ops: readonly StoredOp[]) => unpacked(core.opsShown(packedOps(ops))),
    repoTag: core.repoTag,
    sign: core.sign,
  };
}

/** What only some programs call of the core. */
export type ExtraCore = ReturnType<typeof extraCore>;

/** What only some programs call of the core. */
export function extraCore(core: Pick<Crossing, ExtraName>) {
  return {
    log: (repo: string) => new core.Log(repo),
    extend: (log: CrossingLog, ops: readonly StoredOp[]) => log.extend(packedOps(ops)),
    createOp: (log: CrossingLog, op: unknown, author: Uint8Array, now: number) =>
      unpacked(log.createOp(author, now, ...packed(op))),
    createGenesis: (name: string, nonce: Uint8Array, author: Uint8Array, now: number) =>
      unpacked(core.createGenesis(name, nonce, author, now)),
    federationCollections: () => unpacked(core.federationCollections()),
    formatReference: (reference: unknown) => core.formatReference(json(reference)),
    linkedRepos: (records: unknown) => unpacked(core.linkedRepos(json(records))),
    linksTo: (records: unknown, alias: string, entity: string) => unpacked(core.linksTo(json(records), alias, entity)),
    opId: core.opId,
    parseReference: (text: string) => unpacked(core.parseReference(text)),
    reconcile: (local: readonly StoredOp[], remote: readonly StoredOp[]) =>
      unpacked(core.reconcile(packedOps(local), packedOps(remote))),
  };
}
