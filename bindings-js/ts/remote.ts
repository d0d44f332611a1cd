// A host elsewhere, in a worker or another tab: what a repo asks goes over a wire to where the machine is (serve.ts).

import { type Connection, isAsked } from "./connection.js";
import type { BranchPolicy } from "./core.js";
import { asError, closed, type TrellisError } from "./errors.js";
import type { Host, HostLink, LogChange, SyncOptions } from "./host.js";
import type { Signer } from "./keys.js";
import { type LinkStatus, Teller } from "./link.js";
import type { Answer, Command, Event, Frame } from "./surface.js";
import type { Given, WholeVerb } from "./whole.js";
import { type Channel, type Failure, failureOf, Wire } from "./wire.js";

/** Both sides of a wire are of one version, or do not begin. */
export const WIRE_VERSION = 2;

/** Which repo it is about, and what is meant to hold for it where it is opened first. */
export interface Opening {
  readonly version: number;
  readonly name: string;
  /** `memory` where it need not outlive the program. */
  readonly storage?: "memory" | undefined;
  readonly branchPolicies?: Readonly<Record<string, BranchPolicy>> | undefined;
  /** The key that this side signs for. */
  readonly author?: string | undefined;
}

/** What there is to know of a repo that was opened. */
export interface Opened {
  readonly isPersistent: boolean;
  /** The name of a Web Lock that the other side holds as long as it is there. */
  readonly life?: string;
}

/** What a repo's side asks. */
export type Ask =
  | { readonly type: "open"; readonly opening: Opening }
  /** With `write` the other side first asks whether it is to begin. */
  | { readonly type: "carryOut"; readonly command: Command; readonly write?: number }
  | { readonly type: "whole"; readonly verb: WholeVerb; readonly given: Given<WholeVerb> }
  | { readonly type: "changes"; readonly after: number }
  | { readonly type: "progress"; readonly link: number }
  | { readonly type: "unlink"; readonly link: number }
  | { readonly type: "close" };

/** What a repo's side tells. */
export type Tell =
  | { readonly type: "sync"; readonly link: number; readonly url: string; readonly options: SyncOptions }
  | {
      readonly type: "connect";
      readonly link: number;
      readonly isInitiator: boolean;
      readonly origin: string;
      readonly binding: Uint8Array;
    }
  | { readonly type: "frame"; readonly link: number; readonly frame: Frame }
  | { readonly type: "end"; readonly link: number; readonly failure?: Failure | undefined }
  | { readonly type: "wake" };

/** What the machine's side asks: a signature of the key that was named, and whether a write that it was asked for may begin. */
export type HostAsk =
  | { readonly type: "sign"; readonly message: Uint8Array }
  | { readonly type: "begin"; readonly write: number };

/** How a repo's side behaves. */
export interface RemoteOptions {
  /** What signs, where this side has a key of its own. */
  readonly signer?: Signer | undefined;
  /** Whether `hasBegun` is told of writes. */
  readonly watchesWrites?: boolean;
  /** Is called where the channel says that the other side is gone. */
  readonly ended: () => void;
}

/** What the machine's side tells. */
export type HostTell =
  | { readonly type: "event"; readonly event?: Event }
  | { readonly type: "status"; readonly link: number; readonly status: PlainStatus }
  | { readonly type: "frame"; readonly link: number; readonly frame: Frame }
  | { readonly type: "hangUp"; readonly link: number };

/** A link's status as data. */
export type PlainStatus = Omit<LinkStatus, "reason"> & { readonly reason?: Failure };

interface RemoteLink {
  readonly teller: Teller;
  /** Where its frames come from and go to, if that is on this side. */
  readonly connection: Connection | undefined;
}

/** A host at the other end of a channel. */
export class RemoteHost implements Host {
  readonly #wire: Wire<Ask, Tell, HostAsk, HostTell>;
  readonly #heard = new Set<(event?: Event) => void>();
  readonly #links = new Map<number, RemoteLink>();
  #lastLink = 0;
  isPersistent = false;
  readonly #over = new AbortController();
  /** Says when the other side is there no more. */
  readonly over = this.#over.signal;

  /** The writes that may have begun, where that is told, and the others that were asked for. */
  readonly #begun = new WeakSet<Command>();
  readonly #asked: Map<number, Command> | undefined;
  #lastWrite = 0;

  constructor(channel: Channel, { signer, watchesWrites = false, ended }: RemoteOptions) {
    if (watchesWrites) this.#asked = new Map();
    this.#wire = new Wire(channel, {
      answer: (asked) => (asked.type === "sign" ? signer?.sign(asked.message) : this.#begin(asked.write)),
      hear: (told) => this.#hear(told),
      ended,
    });
  }

  /** Opens the repo there. @throws TrellisError `version_mismatch`, or what keeps it from being opened */
  async open(opening: Opening): Promise<Opened> {
    const opened = await this.#wire.ask<Opened>({ type: "open", opening }).catch((thrown: TrellisError) => {
      this.fail(thrown);
      throw thrown;
    });
    this.isPersistent = opened.isPersistent;
    return opened;
  }

  now(): number {
    return Date.now();
  }

  carryOut(command: Command): Promise<Answer> {
    if (!this.#asked || command.type !== "write") return this.#wire.ask({ type: "carryOut", command });
    const write = ++this.#lastWrite;
    this.#asked.set(write, command);
    return this.#wire.ask({ type: "carryOut", command, write });
  }

  whole<V extends WholeVerb>(verb: V, given: Given<V>): Promise<unknown> {
    return this.#wire.ask({ type: "whole", verb, given });
  }

  changes(after: number): Promise<readonly LogChange[]> {
    return this.#wire.ask({ type: "changes", after });
  }

  listen(heard: (event?: Event) => void): () => void {
    this.#heard.add(heard);
    return () => this.#heard.delete(heard);
  }

  sync(url: string, options: SyncOptions): HostLink {
    isAsked(url, options);
    return this.#link({ type: "sync", link: ++this.#lastLink, url, options });
  }

  connect(connection: Connection, isInitiator: boolean): HostLink {
    const { origin, binding } = connection;
    const link = ++this.#lastLink;
    const opened = this.#link({ type: "connect", link, isInitiator, origin, binding }, connection);
    connection.listen({
      frame: (frame) => this.#wire.tell({ type: "frame", link, frame }),
      end: (failure) => this.#wire.tell({ type: "end", link, failure: failure && failureOf(failure) }),
    });
    return opened;
  }

  /** Whether a write may have begun: one that has not is nowhere. */
  hasBegun(command: Command): boolean {
    return this.#begun.has(command);
  }

  wake(): void {
    this.#wire.tell({ type: "wake" });
  }

  async close(): Promise<void> {
    // Where the other side is gone there is nothing left to close.
    await this.#wire.ask({ type: "close" }).catch(() => {});
    this.#links.clear();
    this.fail(closed());
  }

  /** The other side is there no more: whatever waits fails, and links are closed. */
  fail(reason: TrellisError): void {
    this.#over.abort();
    this.#wire.end(reason);
    for (const link of this.#links.values()) {
      link.connection?.close();
      link.teller.tell({ isInSync: false, state: "closed", reason });
    }
    this.#links.clear();
    for (const heard of [...this.#heard]) heard();
  }

  #begin(write: number): void {
    const command = this.#asked?.get(write);
    this.#asked?.delete(write);
    if (command) this.#begun.add(command);
  }

  #link(begin: Tell & { link: number }, connection?: Connection): HostLink {
    const { link } = begin;
    const teller = new Teller();
    this.#links.set(link, { teller, connection });
    this.#wire.tell(begin);
    return {
      get status() {
        return teller.status;
      },
      onStatus: (heard) => teller.listen(heard),
      progress: () => this.#wire.ask({ type: "progress", link }),
      close: async () => {
        const status = await this.#wire.ask<PlainStatus>({ type: "unlink", link }).catch(() => undefined);
        if (status) teller.become(statusOf(status));
        this.#links.delete(link);
      },
    };
  }

  #hear(told: HostTell): void {
    if (told.type === "event") {
      for (const heard of [...this.#heard]) heard(told.event);
      return;
    }
    const link = this.#links.get(told.link);
    if (!link) return;
    if (told.type === "status") link.teller.become(statusOf(told.status));
    else if (told.type === "frame") link.connection?.send(told.frame);
    else link.connection?.close();
  }
}

function statusOf({ reason, ...status }: PlainStatus): LinkStatus {
  return { ...status, ...(reason && { reason: asError(reason) }) };
}
