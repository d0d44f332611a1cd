// Writes: edits become ops in one transaction, and the first of them begins the repo.

import type { WriteOptions } from "./batch.js";
import { TrellisError } from "./errors.js";
import type { Host } from "./host.js";
import { expected, Receipt, statusOf, withSignal } from "./receipt.js";
import type { Edit } from "./surface.js";
import { random } from "./values.js";

/** What a repo is made of, whichever branch is looked at. */
export interface RepoParts {
  readonly host: Host;
  /** What people call it. */
  readonly name: string;
  /** What people call whoever writes. */
  readonly authorName?: string | undefined;
  /** Lets go of the host. */
  readonly close: () => Promise<void>;
}

/** Writes edits to a branch, in one transaction. @throws TrellisError what refuses them; nothing was changed then */
export async function written(
  { host, name, authorName }: RepoParts,
  branch: string,
  edits: readonly Edit[],
  { actor = authorName, signal }: WriteOptions,
): Promise<Receipt> {
  if (edits.length === 0) return new Receipt(host, []);
  const of = actor === undefined ? {} : { actor };
  const write = () => host.carryOut({ type: "write", branch, edits, random: random(32), ...of });
  const work = write().catch(async (thrown: unknown) => {
    if (!(await hasBegun(host, name, thrown))) throw thrown;
    return write();
  });
  return new Receipt(host, expected(await withSignal(work, signal), "written").ops);
}

/** Begins the repo where a write failed because it had not begun. Whether it did. */
async function hasBegun(host: Host, name: string, thrown: unknown): Promise<boolean> {
  if (!(thrown instanceof TrellisError) || thrown.code !== "not_found") return false;
  if ((await statusOf(host)).repo !== undefined) return false;
  try {
    await host.carryOut({ type: "create", name, nonce: random(32) });
  } catch (thrown) {
    // Another write or a link began it meanwhile.
    if (!(thrown instanceof TrellisError) || thrown.code !== "already_exists") throw thrown;
  }
  return true;
}
