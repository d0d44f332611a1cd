// Serves a host to a repo elsewhere, at the other end of a channel (remote.ts).

import { Inbox } from "./connection.js";
import { asError, closed, TrellisError } from "./errors.js";
import type { Host, HostLink } from "./host.js";
import type { Signer } from "./keys.js";
import type { LinkStatus } from "./link.js";
import {
  type Ask,
  type HostAsk,
  type HostTell,
  type Opened,
  type Opening,
  type PlainStatus,
  type Tell,
  WIRE_VERSION,
} from "./remote.js";
import { whole } from "./whole.js";
import { type Channel, failureOf, Wire } from "./wire.js";

/** A host that was opened for one repo elsewhere. */
export interface Served {
  readonly host: Host;
  /** As in `Opened`. */
  readonly life?: string | undefined;
  /** Lets go of it. */
  release(): Promise<void>;
}

/** Opens a repo for the other side, which signs with the signer where it has a key of its own. */
export type Opens = (opening: Opening, signer: Signer | undefined) => Promise<Served>;

/** Serves one repo over a channel, until the other side closes it or is gone. */
export function serve(channel: Channel, opens: Opens): void {
  new Service(channel, opens);
}

class Service {
  readonly #opens: Opens;
  readonly #wire: Wire<HostAsk, HostTell, Ask, Tell>;
  #served: Served | undefined;
  #isOver = false;
  #deafen = () => {};
  readonly #links = new Map<number, HostLink>();
  readonly #inboxes = new Map<number, Inbox>();

  constructor(channel: Channel, opens: Opens) {
    this.#opens = opens;
    this.#wire = new Wire(channel, {
      answer: async (asked) => {
        try {
          return await this.#answer(asked);
        } finally {
          const isLast = asked.type === "close" || (asked.type === "open" && !this.#served);
          // The answer goes out first.
          if (isLast) setTimeout(() => this.#wire.end(closed()));
        }
      },
      hear: (told) => this.#hear(told),
      ended: () => {
        this.#wire.end(closed());
        void this.#end();
      },
    });
  }

  async #answer(asked: Ask): Promise<unknown> {
    switch (asked.type) {
      case "open":
        return this.#open(asked.opening);
      case "carryOut":
        if (asked.write !== undefined) await this.#wire.ask({ type: "begin", write: asked.write });
        return this.#host().carryOut(asked.command);
      case "whole":
        return whole(this.#host(), asked.verb, asked.given);
      case "changes":
        return this.#host().changes(asked.after);
      case "progress":
        return this.#links.get(asked.link)?.progress();
      case "unlink":
        return this.#unlink(asked.link);
      case "close":
        return this.#end();
    }
  }

  async #open(opening: Opening): Promise<Opened> {
    if (opening.version !== WIRE_VERSION)
      throw new TrellisError(
        "version_mismatch",
        "The worker, or another tab, has another version of trellis-sync. Load all anew.",
      );
    const { author } = opening;
    const sign = (message: Uint8Array) => this.#wire.ask<Uint8Array>({ type: "sign", message });
    const served = await this.#opens(opening, author === undefined ? undefined : { author, sign });
    if (this.#isOver) {
      await served.release();
      throw closed();
    }
    this.#served = served;
    this.#deafen = served.host.listen((event) => this.#wire.tell({ type: "event", ...(event && { event }) }));
    const { host, life } = served;
    return { isPersistent: host.isPersistent, ...(life !== undefined && { life }) };
  }

  #host(): Host {
    if (!this.#served) throw closed();
    return this.#served.host;
  }

  #hear(told: Tell): void {
    if (told.type === "wake") {
      this.#served?.host.wake?.();
      return;
    }
    const { link } = told;
    switch (told.type) {
      case "sync":
        this.#link(link, (host) => host.sync(told.url, told.options));
        break;
      case "connect": {
        const inbox = new Inbox();
        this.#inboxes.set(link, inbox);
        const connection = {
          origin: told.origin,
          binding: told.binding,
          listen: inbox.listen.bind(inbox),
          send: (frame: Uint8Array | string) => this.#wire.tell({ type: "frame", link, frame }),
          close: () => this.#wire.tell({ type: "hangUp", link }),
        };
        this.#link(link, (host) => host.connect(connection, told.isInitiator));
        break;
      }
      case "frame":
        this.#inboxes.get(link)?.frame(told.frame);
        break;
      case "end":
        this.#inboxes.get(link)?.end(told.failure && asError(told.failure));
    }
  }

  #link(number: number, begin: (host: Host) => HostLink): void {
    const tell = (status: PlainStatus) => this.#wire.tell({ type: "status", link: number, status });
    try {
      const link = begin(this.#host());
      this.#links.set(number, link);
      const look = () => tell(plainStatus(link.status));
      link.onStatus(look);
      if (link.status.state !== "connecting") look();
    } catch (thrown) {
      tell({ state: "rejected", isRelay: false, isInSync: false, reason: failureOf(thrown) });
    }
  }

  async #unlink(number: number): Promise<PlainStatus | undefined> {
    const link = this.#links.get(number);
    await link?.close();
    this.#links.delete(number);
    this.#inboxes.delete(number);
    return link && plainStatus(link.status);
  }

  async #end(): Promise<void> {
    const served = this.#served;
    this.#served = undefined;
    this.#isOver = true;
    this.#deafen();
    await Promise.all([...this.#links.keys()].map((link) => this.#unlink(link)));
    await served?.release();
  }
}

function plainStatus({ reason, ...status }: LinkStatus): PlainStatus {
  return { ...status, ...(reason && { reason: failureOf(reason) }) };
}
