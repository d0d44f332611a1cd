// The core's functions over bytes, for tests and for programs that keep ops as bytes.

import { call, more } from "./core.js";
import { type Op, opsOf, opsShown } from "./ops.js";
import type { Reconciled, StoredOp } from "./surface.js";
import { unhex } from "./values.js";

/** The core's functions over bytes, for tests and for programs that keep ops as bytes. */
export const raw = {
  /** Ops as objects. @throws TrellisError `invalid_argument` for bytes that are no op */
  opsShown(ops: readonly StoredOp[]): Op[] {
    return opsShown(ops);
  },

  /** The bytes of ops. @throws TrellisError `invalid_argument`, which names the field that was changed */
  opsOf(ops: readonly Op[]): StoredOp[] {
    return opsOf(ops);
  },

  /** What two lists of ops make together, as `reconcile` does it. */
  reconcileStored(local: readonly StoredOp[], remote: readonly StoredOp[]): Reconciled {
    return call(() => more().reconcile(local, remote));
  },

  /** Ops as a bundle. They stand behind what they depend on. @throws TrellisError `invalid_argument` */
  bundleOf(ops: readonly StoredOp[]): Uint8Array {
    return call((functions) => functions.bundleOf(ops));
  },

  /** The ops of a bundle. @throws TrellisError `invalid_argument` for what is none */
  opsOfBundle(bundle: Uint8Array): StoredOp[] {
    return call((functions) => functions.opsOfBundle(bundle));
  },

  /** The id of the op with this header. */
  opId(header: Uint8Array): string {
    return call(() => more().opId(header));
  },

  /** Whether a signature of 64 bytes is that of the key, in hex, as strictly as ops are judged. */
  isSigned(author: string, message: Uint8Array, signature: Uint8Array): boolean {
    return call((functions) => functions.isSigned(unhex(author), message, signature));
  },
};
