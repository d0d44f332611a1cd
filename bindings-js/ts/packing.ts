// Values as they cross to the addon and back: JSON text, and bytes beside it.
//
// On the way in, bytes stand in the text as a string behind a NUL and a `b`, and other strings that begin with a NUL get a
// NUL and a `t` before it. On the way out, they stand as half of a character, which no text of the core begins with.

/** A value from the addon. */
export interface Given {
  readonly text: string;
  /** The bytes that the text refers to. */
  readonly bytes?: Uint8Array | null;
}

/** A value for the addon: its text, and the bytes that the text refers to, if there are any. */
export type Packed = [text: string, bytes?: Uint8Array];

const HALF = 0xd800;

/** A value for the addon. */
export function packed(value: unknown): Packed {
  if (!hasBytes(value)) return [JSON.stringify(value)];
  const parts: Uint8Array[] = [];
  let length = 0;
  function stand(this: Record<string, unknown>, name: string, item: unknown): unknown {
    // Some kinds of bytes have become another value by now.
    const given = this[name];
    if (given instanceof Uint8Array) {
      const place = `\0b${length},${given.length}`;
      parts.push(given);
      length += given.length;
      return place;
    }
    return typeof item === "string" && item.startsWith("\0") ? `\0t${item}` : item;
  }
  const text = JSON.stringify(value, stand);
  return [text, joined(parts, length)];
}

function hasBytes(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (value instanceof Uint8Array) return true;
  return Array.isArray(value) ? value.some(hasBytes) : Object.values(value).some(hasBytes);
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** What a value from the addon is. */
export function unpacked(text: string, bytes?: Uint8Array | null): unknown {
  const value: unknown = JSON.parse(text);
  return bytes ? filled(value, bytes) : value;
}

/** A value with the bytes in place of what stands for them. It is changed in place where it can be. */
function filled(value: unknown, bytes: Uint8Array): unknown {
  if (typeof value === "string") {
    if (value.charCodeAt(0) !== HALF) return value;
    const [from = 0, length = 0] = value.slice(1).split(",").map(Number);
    return bytes.slice(from, from + length);
  }
  if (typeof value !== "object" || value === null) return value;
  const members = value as Record<string, unknown>;
  for (const name of Object.keys(members)) {
    const member = members[name];
    const whole = filled(member, bytes);
    if (whole !== member) members[name] = whole;
  }
  return value;
}
