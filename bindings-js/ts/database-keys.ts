// The keys of a device in one repo, in its database: where the platform can, as keys whose secret nobody can read.

import { type Database, result } from "./database.js";
import { TrellisError } from "./errors.js";
import { Identity, type Keys, type Signer } from "./keys.js";
import type { Row } from "./surface.js";
import { hex, random, unhex } from "./values.js";

/** The name of what says which key is the present one. */
const CURRENT = "author";

/** A key as it is kept: one of the platform, or a seed. */
type Kept = CryptoKey | Uint8Array;

interface Key {
  readonly kept: Kept;
  readonly signer: Signer;
}

/** The keys of a database. */
export class DatabaseKeys implements Keys {
  readonly #database: Database;
  readonly #all: Map<string, Key>;
  #current: string;
  /** The key that comes after it, under which nothing is written yet. */
  #next: string | undefined;

  private constructor(database: Database, all: Map<string, Key>, current: string) {
    this.#database = database;
    this.#all = all;
    this.#current = current;
  }

  /** Reads the keys; makes the first one where there is none. @throws TrellisError */
  static async open(database: Database): Promise<DatabaseKeys> {
    const [authors, kept, current] = await database.read((all) => {
      const keys = all.objectStore("keys");
      const current = all.objectStore("meta").get(CURRENT);
      return Promise.all([result(keys.getAllKeys()), result<Kept[]>(keys.getAll()), result<string>(current)]);
    });
    const all = new Map(
      kept.map((kept, at) => {
        const author = hex(new Uint8Array(authors[at] as ArrayBuffer));
        return [author, { kept, signer: signerOf(kept, author) }];
      }),
    );
    const opened = new DatabaseKeys(database, all, current);
    if (current === undefined) {
      opened.#current = await opened.#make((author, transaction) =>
        transaction.objectStore("meta").put(author, CURRENT),
      );
    }
    return opened;
  }

  /** Whether a program could read the secret of the present key. */
  get isExportable(): boolean {
    return this.#all.get(this.#current)?.kept instanceof Uint8Array;
  }

  current(): Signer {
    return this.#key(this.#current).signer;
  }

  of(author: string): Signer | undefined {
    return this.#all.get(author)?.signer;
  }

  /** The new key is the present one as soon as something is written under it: until then the old one goes on. */
  async renew(): Promise<Signer> {
    this.#next = await this.#make();
    return this.#key(this.#next).signer;
  }

  /** Takes part in the writing of a row. */
  joins({ headers }: Row, transaction: IDBTransaction): void {
    const next = this.#next;
    if (next === undefined || !hex(headers).includes(next)) return;
    transaction.objectStore("meta").put(next, CURRENT);
    transaction.addEventListener("complete", () => {
      [this.#current, this.#next] = [next, undefined];
    });
  }

  #key(author: string): Key {
    const key = this.#all.get(author);
    if (!key)
      throw new TrellisError("storage_corrupt", "The key of this device is missing from the browser's storage.");
    return key;
  }

  async #make(and: (author: string, transaction: IDBTransaction) => void = () => {}): Promise<string> {
    const { author, kept, signer } = await newKey();
    await this.#database.write((transaction) => {
      transaction.objectStore("keys").add(kept, unhex(author));
      and(author, transaction);
    });
    this.#all.set(author, { kept, signer });
    return author;
  }
}

async function newKey(): Promise<Key & { author: string }> {
  try {
    const { publicKey, privateKey } = (await crypto.subtle.generateKey("Ed25519", false, ["sign"])) as CryptoKeyPair;
    const author = hex(new Uint8Array(await crypto.subtle.exportKey("raw", publicKey)));
    return { author, kept: privateKey, signer: signerOf(privateKey, author) };
  } catch {
    // The platform does not know such keys, or has none for pages without TLS.
    const seed = random(32);
    const signer = Identity.fromSeed(seed);
    return { author: signer.author, kept: seed, signer };
  }
}

function signerOf(kept: Kept, author: string): Signer {
  if (kept instanceof Uint8Array) return Identity.fromSeed(kept);
  const sign = async (message: Uint8Array) =>
    new Uint8Array(await crypto.subtle.sign("Ed25519", kept, message as Uint8Array<ArrayBuffer>));
  return { author, sign };
}
