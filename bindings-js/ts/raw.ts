// The core's functions over bytes, for tests and for programs that keep ops as bytes.

import { call } from "./core.js";
import { opsOf, opsShown } from "./ops.js";
import type { Reconciled, StoredOp } from "./surface.js";
import { unhex } from "./values.js";

export { opsOf, opsShown };

/** What two lists of ops make together, as `reconcile` does it. */
export function reconcileStored(local: readonly StoredOp[], remote: readonly StoredOp[]): Reconciled {
  return call((functions) => functions.reconcile(local, remote));
}

/** Ops as a bundle. They stand behind what they depend on. @throws TrellisError `invalid_argument` */
export function bundleOf(ops: readonly StoredOp[]): Uint8Array {
  return call((functions) => functions.bundleOf(ops));
}

/** The ops of a bundle. @throws TrellisError `invalid_argument` for what is none */
export function opsOfBundle(bundle: Uint8Array): StoredOp[] {
  return call((functions) => functions.opsOfBundle(bundle));
}

/** The id of the op with this header. */
export function opId(header: Uint8Array): string {
  return call((functions) => functions.opId(header));
}

/** Whether a signature of 64 bytes is that of the key, in hex, as strictly as ops are judged. */
export function isSigned(author: string, message: Uint8Array, signature: Uint8Array): boolean {
  return call((functions) => functions.isSigned(unhex(author), message, signature));
}
