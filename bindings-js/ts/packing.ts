// Values as they cross to the core and back: JSON text, and bytes beside it.
//
// From the addon both come as they are. From the module they come in one piece: a number of four bytes, little-endian, which is
// twice the length of the text, and one more where bytes follow it; the text; the bytes.
//
// On the way in, bytes stand in the text as a string behind a NUL and a `b`, and other strings that begin with a NUL get a
// NUL and a `t` before it. On the way out, they stand as half of a character, which no text of the core begins with.

import { TrellisError } from "./errors.js";
import type { StoredOp } from "./surface.js";

/** A value from the addon. */
export interface Given {
  readonly text: string;
  /** The bytes that the text refers to. */
  readonly bytes?: Uint8Array | null;
}

/** A value for the core: its text, and the bytes that the text refers to, if there are any. */
export type Packed = [text: string, bytes?: Uint8Array];

const HALF = 0xd800;

/** A value for the core. */
export function packed(value: unknown): Packed {
  if (!hasBytes(value)) return [JSON.stringify(value) ?? "null"];
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

const HEAD = 4;

/** What a value from the module or from the addon is. */
export function unpacked(given: Uint8Array | Given): unknown {
  if (!(given instanceof Uint8Array)) return parsed(given.text, given.bytes);
  const head = new DataView(given.buffer, given.byteOffset).getUint32(0, true);
  const end = HEAD + (head >>> 1);
  return parsed(new TextDecoder().decode(given.subarray(HEAD, end)), head & 1 ? given.subarray(end) : undefined);
}

/** What a text and the bytes beside it are. */
export function parsed(text: string, bytes?: Uint8Array | null): unknown {
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

/** Bytes of the numbers before each op, and of one of them. */
const [LENGTHS, LENGTH] = [12, 4];

/**
 * Ops for the core: one behind the other, each with its lengths before it. Those of body and signature are 0 where it has
 * none, so that of a body is one more than its bytes.
 *
 * @throws TrellisError `invalid_argument` for what is no list of ops in bytes.
 */
export function packedOps(ops: readonly StoredOp[]): Uint8Array {
  if (!Array.isArray(ops)) throw noOps();
  let length = 0;
  for (const op of ops) {
    if (!isStored(op)) throw noOps();
    length += LENGTHS + op.header.length + (op.body?.length ?? 0) + (op.signature?.length ?? 0);
  }
  const whole = new Uint8Array(length);
  const view = new DataView(whole.buffer);
  let at = 0;
  for (const { header, body, signature } of ops as readonly StoredOp[]) {
    view.setUint32(at, header.length, true);
    view.setUint32(at + LENGTH, body ? body.length + 1 : 0, true);
    view.setUint32(at + 2 * LENGTH, signature?.length ?? 0, true);
    at += LENGTHS;
    for (const part of [header, body, signature]) {
      if (!part) continue;
      whole.set(part, at);
      at += part.length;
    }
  }
  return whole;
}

function isStored(op: unknown): op is StoredOp {
  if (typeof op !== "object" || op === null) return false;
  const { header, body, signature } = op as Partial<StoredOp>;
  const isOptional = (part: unknown) => part === undefined || part instanceof Uint8Array;
  return header instanceof Uint8Array && isOptional(body) && isOptional(signature) && signature?.length !== 0;
}

function noOps(): TrellisError {
  return new TrellisError("invalid_argument", "A list of ops in bytes is expected here.");
}

/** Ops from the core, whose bytes are parts of one whole. */
export function unpackedOps(whole: Uint8Array): StoredOp[] {
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  const ops: StoredOp[] = [];
  for (let at = 0; at < whole.length; ) {
    const lengths = [0, 1, 2].map((number) => view.getUint32(at + number * LENGTH, true));
    const [header = 0, body = 0, signature = 0] = lengths;
    at += LENGTHS;
    const part = (length: number) => {
      at += length;
      return whole.subarray(at - length, at);
    };
    ops.push({
      header: part(header),
      ...(body > 0 && { body: part(body - 1) }),
      ...(signature > 0 && { signature: part(signature) }),
    });
  }
  return ops;
}
