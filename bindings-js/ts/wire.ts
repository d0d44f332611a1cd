// Wires: two sides of one program that share no memory, as a page and its worker, or two tabs, ask and tell each other.

import { asError, TrellisError } from "./errors.js";

/** A way for messages to one other side. They arrive as copies, in order. */
export interface Channel {
  /** Sends a message. Throws where it cannot be copied. */
  post(message: unknown): void;
  /** Begins to listen, once: to messages, and to the end of the other side where that can be noticed. */
  listen(heard: (message: unknown) => void, ended: () => void): void;
  /** Ends it for both. */
  close(): void;
}

/** What one side does about what the other says. */
export interface Ear<Asked, Told> {
  /** Answers. What it throws the other side's question throws. */
  answer(asked: Asked): unknown;
  /** Takes what needs no answer. */
  hear(told: Told): void;
  /** The other side is gone. */
  ended(): void;
}

/** An error as data: an error itself loses its code when it is copied. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly op?: string | undefined;
  readonly repo?: string | undefined;
  readonly path?: string | undefined;
}

/** An error as data. `asError` makes it one again. */
export function failureOf(thrown: unknown): Failure {
  const { code, message, op, repo, path } = asError(thrown);
  return { code, message, op, repo, path };
}

type Message<Ask, Tell> =
  | { readonly ask: number; readonly what: Ask }
  | { readonly answer: number; readonly value?: unknown; readonly failure?: Failure }
  | { readonly tell: Tell };

interface Waiting {
  resolve(value: unknown): void;
  reject(error: TrellisError): void;
}

/** One end of a wire. */
export class Wire<Ask, Tell, Asked, Told> {
  readonly #channel: Channel;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;
  #failure: TrellisError | undefined;

  constructor(channel: Channel, ear: Ear<Asked, Told>) {
    this.#channel = channel;
    channel.listen(
      (heard) => {
        const message = heard as Message<Asked, Told>;
        if ("tell" in message) ear.hear(message.tell);
        else if ("ask" in message) void this.#answer(message.ask, () => ear.answer(message.what));
        else this.#settle(message.answer, message.value, message.failure);
      },
      () => ear.ended(),
    );
  }

  /** Asks. @throws TrellisError what the other side throws, or what the wire was ended for */
  ask<T>(what: Ask): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const ask = ++this.#last;
      try {
        this.#post({ ask, what });
        this.#waiting.set(ask, { resolve: resolve as (value: unknown) => void, reject });
      } catch (cause) {
        reject(new TrellisError("invalid_argument", "Only JSON values can be stored.", { cause }));
      }
    });
  }

  /** Tells. */
  tell(tell: Tell): void {
    this.#post({ tell });
  }

  /** Ends it: whoever waits or asks from now on hears why. */
  end(failure: TrellisError): void {
    if (this.#failure) return;
    this.#failure = failure;
    for (const { reject } of this.#waiting.values()) reject(failure);
    this.#waiting.clear();
    this.#channel.close();
  }

  #post(message: Message<Ask, Tell>): void {
    if (!this.#failure) this.#channel.post(message);
  }

  async #answer(answer: number, work: () => unknown): Promise<void> {
    try {
      this.#post({ answer, value: await work() });
    } catch (thrown) {
      this.#post({ answer, failure: failureOf(thrown) });
    }
  }

  #settle(answer: number, value: unknown, failure: Failure | undefined): void {
    const waiting = this.#waiting.get(answer);
    this.#waiting.delete(answer);
    if (failure) waiting?.reject(asError(failure));
    else waiting?.resolve(value);
  }
}
