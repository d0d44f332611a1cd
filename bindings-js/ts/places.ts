// Places: `collection/key`, or a place in one by an RFC 6901 pointer behind it. `/` and `~` in a name are `~1` and `~0`.

import { TrellisError } from "./errors.js";
import type { Json } from "./surface.js";
import { isText } from "./values.js";

/** A place, taken apart. */
export interface Place {
  readonly collection: string;
  readonly key: string;
  readonly pointer: readonly string[];
}

/** Reads a place. @throws TrellisError `invalid_argument` */
export function parsePlace(text: string): Place {
  const [collection, key, ...pointer] = String(text).split("/").map(unescaped);
  if (!collection || !key || !isText(text))
    throw new TrellisError("invalid_argument", "A place is written collection/key/field/...");
  return { collection, key, pointer };
}

function unescaped(name: string): string {
  if (/~(?![01])/.test(name))
    throw new TrellisError("invalid_argument", "In a place, ~ is written ~0, and / in a name ~1.");
  return name.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** Writes an entity's place. */
export function entityPlace(collection: string, key: string): string {
  return [collection, key].map((name) => name.replaceAll("~", "~0").replaceAll("/", "~1")).join("/");
}

/** What stands at a pointer. Pointers step through objects only. */
export function valueAt(value: Json | undefined, pointer: readonly string[]): Json | undefined {
  return pointer.reduce<Json | undefined>((value, name) => {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, name))
      return undefined;
    return (value as Readonly<Record<string, Json>>)[name];
  }, value);
}
