// Keys: who writes, and how it is signed.

import { call } from "./core.js";
import { TrellisError } from "./errors.js";
import { hex, random, unhex } from "./values.js";

/** What signs for a device. The secret stays behind it. */
export interface Signer {
  /** The public key, in hex. */
  readonly author: string;
  /** Signs a message: 64 bytes of Ed25519. */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** Keeps the keys of a device: the present one, and new ones where the machine asks for one. */
export interface Keys {
  /** The key that the device writes under. */
  current(): Signer;
  /** The signer of a key that the device has or had. */
  of(author: string): Signer | undefined;
  /** Makes a new key, keeps it and the old one durably, and returns the new one. */
  renew(): Signer | Promise<Signer>;
}

/** The seed of an identity, for a host that signs by itself; nothing where the key is somewhere else. @internal */
export let seedOf: (signer: Signer) => Uint8Array | undefined;

/**
 * An author: an Ed25519 key.
 *
 * @example
 * ```ts
 * import { Identity, open } from "trellis-sync";
 * const identity = Identity.fromSeed("07".repeat(32)); // or Identity.generate()
 * const repo = await open("notes", { identity, authorName: "Ann", storage: "memory" });
 * const { ops } = await repo.set("todo/1/title", "Buy milk");
 * for (const id of ops) {
 *   const { agentId, actor } = await repo.op(id);
 *   console.log(agentId === identity.author, actor); // true Ann
 * }
 * ```
 */
export class Identity implements Signer {
  /** The public key, 64 hex digits. */
  readonly author: AuthorId;
  readonly #seed: Uint8Array;

  static {
    seedOf = (identity) => (identity instanceof Identity ? identity.#seed : undefined);
  }

  private constructor(seed: Uint8Array) {
    this.#seed = seed;
    this.author = hex(call<Uint8Array>((functions) => functions.authorOf(seed))) as AuthorId;
  }

  /** A new one, of 32 random bytes of the platform. */
  static generate(): Identity {
    return new Identity(random(32));
  }

  /**
   * The one of a secret seed.
   *
   * @param seed 32 bytes, or their 64 hex digits.
   * @throws TrellisError `invalid_argument` for anything else.
   */
  static fromSeed(seed: Uint8Array | string): Identity {
    const bytes = typeof seed === "string" && /^[0-9a-f]{64}$/.test(seed) ? unhex(seed) : seed;
    if (!(bytes instanceof Uint8Array) || bytes.length !== 32)
      throw new TrellisError("invalid_argument", "A seed has 32 bytes.");
    return new Identity(bytes.slice());
  }

  /** Signs a message: 64 bytes. */
  sign(message: Uint8Array): Uint8Array {
    return call((functions) => functions.sign(this.#seed, message));
  }

  /** What is shown of it: the public key, never the seed. */
  toJSON(): Pick<Identity, "author"> {
    return { author: this.author };
  }
}

/** An author's public key: 64 hex digits. */
export type AuthorId = string & {
  /** Keeps it apart from other texts. */
  readonly __brand?: "AuthorId";
};

/** Keys that are gone with the program. */
export class MemoryKeys implements Keys {
  #current: Signer;
  readonly #all = new Map<string, Signer>();

  constructor(first: Signer = Identity.generate()) {
    this.#current = first;
    this.#all.set(first.author, first);
  }

  current(): Signer {
    return this.#current;
  }

  of(author: string): Signer | undefined {
    return this.#all.get(author);
  }

  renew(): Signer {
    this.#current = Identity.generate();
    this.#all.set(this.#current.author, this.#current);
    return this.#current;
  }
}
