// The entities of a collection, kept: once all of them are asked for, then those that changed.

import { type Entry, entryOf } from "./entry.js";
import type { Answer } from "./surface.js";

/** The answer that a listing is brought up to date with. */
export type Since = Extract<Answer, { type: "entriesSince" }>;

/** Reads a value again and again. It is the same object as long as it says the same. */
export function kept<T>(read: () => Promise<T>): () => Promise<T | undefined> {
  let known: T | undefined;
  return async () => {
    const value = await read();
    if (!isSame(known, value)) known = value;
    return known;
  };
}

/** Bytes are compared, too: as text they have their places as names. */
const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** The order of the core, which is that of code points. */
function byKey({ key: one }: Entry, { key: other }: Entry): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at++;
  return (one.codePointAt(at) ?? -1) - (other.codePointAt(at) ?? -1);
}

/**
 * Reads the entries of a collection, ascending by key, again and again. Those that did not change stay the same objects, and so
 * does the list where none did.
 */
export function listing<T>(ask: (since: string | undefined) => Promise<Since>): () => Promise<readonly Entry<T>[]> {
  let mark: string | undefined;
  let known = new Map<string, Entry<T>>();
  let entries: readonly Entry<T>[] = [];
  return async () => {
    const told = await ask(mark);
    const before = known;
    let isNews = false;
    if (told.isWhole) known = new Map();
    for (const key of told.gone) known.delete(key);
    for (const entity of told.entities) {
      let entry = entryOf<T>(entity);
      const was = before.get(entry.key);
      if (was && isSame(was, entry)) entry = was;
      else isNews = true;
      known.set(entry.key, entry);
    }
    mark = told.mark;
    if (isNews || known.size !== entries.length) entries = [...known.values()].sort(byKey);
    return entries;
  };
}
