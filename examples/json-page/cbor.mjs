// @ts-check
// The CBOR that trellis uses: unsigned integers, bytes, texts, arrays and maps with unsigned keys, each in the one
// encoding that RFC 8949, 4.2.1 gives it. And hex and base64url, which stand for bytes in JSON.

/** @typedef {number | bigint | string | Uint8Array | unknown[] | Map<number, unknown>} Value */

const [UINT, BYTES, TEXT, ARRAY, MAP] = [0, 2, 3, 4, 5];
const utf8 = new TextEncoder();

/** @param {...(string | Iterable<number>)} parts texts stand for their UTF-8 */
export function concat(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...(typeof part === "string" ? utf8.encode(part) : part)]));
}

/** @param {unknown} value what a map holds as `undefined` is absent @returns {Uint8Array<ArrayBuffer>} */
export function encode(value) {
  if (typeof value === "string") return concat(head(TEXT, utf8.encode(value).length), value);
  if (value instanceof Uint8Array) return concat(head(BYTES, value.length), value);
  if (Array.isArray(value)) return concat(head(ARRAY, value.length), ...value.map(encode));
  if (value instanceof Map) {
    const pairs = [...value].filter(([, item]) => item !== undefined).sort(([a], [b]) => a - b);
    return concat(head(MAP, pairs.length), ...pairs.flat().map(encode));
  }
  return Uint8Array.from(head(UINT, /** @type {number | bigint} */ (value)));
}

/** A major type and a number, in as few bytes as it takes. @param {number} major @param {number | bigint} number */
function head(major, number) {
  const big = BigInt(number);
  if (big < 24n) return [(major << 5) | Number(big)];
  const size = [1, 2, 4, 8].findIndex((bytes) => big < 1n << BigInt(8 * bytes));
  return [(major << 5) | (24 + size), ...numberBytes(big, 2 ** size)];
}

/** A number, big-endian. @param {number | bigint} number @param {number} length */
export function numberBytes(number, length) {
  return Array.from({ length }, (_, at) => Number((BigInt(number) >> BigInt(8 * (length - 1 - at))) & 255n));
}

/**
 * Reads a value. Written again it must be the same bytes: so no second encoding of anything gets in.
 * @param {Uint8Array} bytes @returns {Value}
 */
export function decode(bytes) {
  let at = 0;
  /** @param {number} length */
  const take = (length) => {
    at += length;
    if (at > bytes.length) throw new Error("The CBOR ends too early.");
    return bytes.subarray(at - length, at);
  };
  /** @returns {Value} */
  const read = () => {
    const [first] = take(1);
    const [major, low] = [first >> 5, first & 31];
    const long = low < 24 ? BigInt(low) : take(2 ** (low & 3)).reduce((n, byte) => (n << 8n) | BigInt(byte), 0n);
    const number = long <= Number.MAX_SAFE_INTEGER ? Number(long) : long;
    if (major === UINT) return number;
    if (typeof number === "bigint" || number > bytes.length) throw new Error("The CBOR is longer than its bytes.");
    if (major === BYTES) return take(number).slice();
    if (major === TEXT) return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(take(number));
    if (major === ARRAY) return Array.from({ length: number }, read);
    if (major === MAP) return new Map(Array.from({ length: number }, () => [Number(read()), read()]));
    throw new Error("There is no such CBOR in trellis.");
  };
  const value = read();
  if (hex(encode(value)) !== hex(bytes)) throw new Error("The CBOR is not in its one encoding.");
  return value;
}

/** @param {Iterable<number>} bytes */
export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
/** @param {string} digits */
export const unhex = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
/** @param {Iterable<number>} bytes */
export const base64 = (bytes) =>
  btoa([...bytes].map((byte) => String.fromCharCode(byte)).join("")).replace(
    /[+/=]/g,
    (c) => ({ "+": "-", "/": "_" })[c] ?? "",
  );
/** @param {string} text */
export const unbase64 = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
