// Values of programs: what may be stored is checked before it crosses, and what comes back is plain again.

import { TrellisError } from "./errors.js";
import type { Json } from "./surface.js";

/** Arrays and objects nest at most so deep. */
const DEPTH_MAX = 64;

/**
 * A value as JSON: what is stored is exactly what `JSON.parse(JSON.stringify(value))` gives, save that whatever JSON would
 * change unseen is refused: functions, `NaN`, bigints, instances of classes, and integers beyond 2^53 - 1.
 *
 * @throws TrellisError `invalid_argument`, with the place in `path`.
 */
export function asJson(value: unknown): Json {
  return checked(value, "", 0);
}

function checked(value: unknown, path: string, depth: number): Json {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "string") {
    if (isText(value)) return value;
    throw refused("A text has no lone surrogates", path);
  }
  if (typeof value === "number") {
    if (Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))) return value;
    throw refused("A number is finite, and an integer within 2^53 - 1 of zero", path);
  }
  if (typeof value !== "object") throw refused("Only JSON values can be stored", path);
  if (depth === DEPTH_MAX) throw new TrellisError("payload_too_large", "A value nests at most 64 levels.", { path });
  if (Array.isArray(value)) return Array.from(value, (item, at) => checked(item, `${path}/${at}`, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    throw refused("Only plain objects can be stored", path);
  const object: Record<string, Json> = {};
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    if (!isText(name)) throw refused("A text has no lone surrogates", path);
    const at = `${path}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    define(object, name, checked(member, at, depth + 1));
  }
  return object;
}

/** Whether a text is one in every language: it has no half of a character. */
export function isText(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

function refused(what: string, path: string): TrellisError {
  return new TrellisError("invalid_argument", `${what}.`, { path });
}

/** Sets a member of any name, `__proto__` too, as one of the object's own. */
function define(object: object, name: string, value: unknown): void {
  if (name === "__proto__")
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  else (object as Record<string, unknown>)[name] = value;
}

/** Bytes as lower-case hex digits. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of hex digits. */
export function unhex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) =>
    Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16),
  );
}

/** Random bytes of the platform. */
export function random(bytes: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(bytes));
}
