// What tabs say to each other about one repo.

import type { Channel } from "./wire.js";

/** What all tabs hear: one asks who leads, or the leader says so, to all or as an answer. */
export type TabCall =
  | { readonly who: string }
  | { readonly leads: string; readonly epoch: number; readonly to?: string };

/** A channel between two tabs. */
export class TabChannel implements Channel {
  readonly #channel: BroadcastChannel;
  readonly #closed: () => void;
  #ended = () => {};

  /** @param closed is called when it is closed here */
  constructor(name: string, closed: () => void = () => {}) {
    this.#channel = new BroadcastChannel(name);
    this.#closed = closed;
  }

  post(message: unknown): void {
    this.#channel.postMessage(message);
  }

  listen(heard: (message: unknown) => void, ended: () => void): void {
    this.#channel.onmessage = ({ data }) => heard(data);
    this.#ended = ended;
  }

  close(): void {
    this.#channel.close();
    this.#closed();
  }

  /** The other side is gone, or is to take it so. */
  end(): void {
    this.#ended();
  }
}
