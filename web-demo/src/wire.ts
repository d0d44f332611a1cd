// Links that a switch cuts and joins.

import { type Link, type LinkStatus, memoryPair } from "trellis-sync";
import type { Replica } from "./replica.js";

/** A link with a switch. */
export abstract class Wire {
  #links: readonly Link[] = [];
  readonly #heard: () => void;

  constructor(heard: () => void) {
    this.#heard = heard;
  }

  get isOn(): boolean {
    return this.#links.length > 0;
  }

  /** How it stands; nothing where it is cut. */
  get status(): LinkStatus | undefined {
    return this.#links[0]?.status;
  }

  join(): void {
    if (this.isOn) return;
    this.#links = this.dial();
    for (const link of this.#links) link.onStatus(this.#heard);
    this.#heard();
  }

  async cut(): Promise<void> {
    const links = this.#links;
    this.#links = [];
    this.#heard();
    await Promise.all(links.map((link) => link.close()));
    this.#heard();
  }

  /** Dials anew: what is told of the old connection may not be true any more. */
  async redial(): Promise<void> {
    const links = this.#links;
    await Promise.all(links.map((link) => link.close()));
    if (!this.isOn || this.#links !== links) return;
    this.#links = [];
    this.join();
  }

  toggle(): void {
    if (this.isOn) void this.cut();
    else this.join();
  }

  protected abstract dial(): Link[];
}

/** A link between two copies on one page, without a network. */
export class PairWire extends Wire {
  readonly #ends: readonly [Replica, Replica];

  constructor(ends: readonly [Replica, Replica], heard: () => void) {
    super(heard);
    this.#ends = ends;
  }

  protected dial(): Link[] {
    const [one, other] = memoryPair();
    return [this.#ends[0].main.connect(one), this.#ends[1].main.connect(other, { isInitiator: false })];
  }
}

/** A link to the relay that the page came from. */
export class RelayWire extends Wire {
  readonly #replica: Replica;
  readonly url: string;

  constructor(replica: Replica, url: string, heard: () => void) {
    super(heard);
    this.#replica = replica;
    this.url = url;
  }

  protected dial(): Link[] {
    // Whoever took the page from there without TLS has trusted that way already.
    return [this.#replica.main.sync(this.url, { allowPlain: [new URL(this.url).hostname] })];
  }
}
