// An entity as programs see it.

import type { OpId } from "./ops.js";
import type { Conflict, Entity } from "./surface.js";

/** An entity as it is shown. */
export interface Entry<T = unknown> {
  /** Its collection. */
  readonly collection: string;
  /** Its key, which is its own within the collection. */
  readonly key: string;
  /** Its value; while conflicts are open, a provisional one. Left out where it is not here. */
  readonly value?: T;
  /** The writes that it is made of: the base of whoever writes on top. */
  readonly frontier: readonly OpId[];
  /** Those that are open in it. */
  readonly conflicts: readonly Conflict[];
}

/** The entity that an answer has. */
export function entryOf<T>({ collection, key, shown, frontier, conflicts }: Entity): Entry<T> {
  const value = shown.type === "json" ? shown.value : shown.type === "bytes" ? shown.bytes : undefined;
  return { collection, key, frontier, conflicts, ...(value !== undefined && { value: value as T }) };
}
