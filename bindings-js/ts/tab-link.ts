// A link that goes on where the machine goes.

import type { Host, HostLink } from "./host.js";
import { type LinkStatus, Teller } from "./link.js";
import type { Progress } from "./surface.js";

/** A link, at whichever tab leads. */
export class TabLink implements HostLink {
  readonly #begin: (host: Host) => HostLink;
  readonly #canMove: boolean;
  readonly #ended: () => void;
  readonly #teller = new Teller();
  #link: HostLink | undefined;
  #deafen = () => {};

  /** @param canMove whether it can begin anew at another host, which a connection that is open cannot. */
  constructor(begin: (host: Host) => HostLink, canMove: boolean, ended: () => void) {
    this.#begin = begin;
    this.#canMove = canMove;
    this.#ended = ended;
  }

  get status(): LinkStatus {
    return this.#teller.status;
  }

  onStatus(heard: (status: LinkStatus) => void): () => void {
    return this.#teller.listen(heard);
  }

  async progress(): Promise<Progress | undefined> {
    return this.#link?.progress();
  }

  async close(): Promise<void> {
    const link = this.#link;
    this.end();
    await link?.close();
  }

  /** The machine is at this host from now on. */
  move(host: Host): void {
    const link = this.#begin(host);
    this.#link = link;
    this.#deafen = link.onStatus((status) => this.#teller.become(status));
    this.#teller.become(link.status);
  }

  /** The machine is nowhere for now. */
  lose(): void {
    if (!this.#canMove) {
      this.end();
      return;
    }
    this.#deafen();
    this.#link = undefined;
    this.#teller.tell({ state: "connecting", isInSync: false });
  }

  /** It is over. */
  end(): void {
    this.#deafen();
    this.#link = undefined;
    this.#ended();
    this.#teller.tell({ state: "closed", isInSync: false });
  }
}
