// What a module imports, by short names: those that wasm-bindgen gives are long, and no two are alike to a compressor.

const IMPORT_SECTION = 2;
/** How the module calls its glue. */
const MODULE = "./trellis_bg.js";
const SHORT = "a";

/**
 * Gives the imports of a module short names, in the module and in its glue.
 *
 * @param {{ module: Uint8Array, glue: string }} made
 */
export function renameImports({ module, glue }) {
  const reader = new Reader(module, 8);
  /** @type {Uint8Array[]} */
  const parts = [module.subarray(0, 8)];
  /** @type {Map<string, string>} */
  const names = new Map();
  while (reader.at < module.length) {
    const from = reader.at;
    const section = reader.byte();
    const end = reader.number() + reader.at;
    parts.push(section === IMPORT_SECTION ? renamed(reader, names) : module.subarray(from, end));
    reader.at = end;
  }
  let text = glue.replace(`"${MODULE}":`, `"${SHORT}":`);
  for (const [long, short] of names) text = text.replace(`${long}: function`, `${short}: function`);
  if (text.includes(MODULE) || [...names.keys()].some((long) => text.includes(`${long}: `)))
    throw new Error("The glue names its imports in another way than it did.");
  return { module: Buffer.concat(parts), glue: text };
}

/** The import section, with short names. @param {Reader} reader @param {Map<string, string>} names */
function renamed(reader, names) {
  const count = reader.number();
  const body = [...number(count)];
  for (let at = 0; at < count; at++) {
    if (reader.text() !== MODULE) throw new Error("The module imports from elsewhere.");
    const long = reader.text();
    const short = `${SHORT}${names.size.toString(36)}`;
    names.set(long, short);
    if (reader.byte() !== 0) throw new Error("The module imports what is no function.");
    for (const text of [SHORT, short]) body.push(text.length, ...Buffer.from(text));
    body.push(0, ...number(reader.number()));
  }
  return Buffer.from([IMPORT_SECTION, ...number(body.length), ...body]);
}

/** A number in LEB128. @param {number} value @returns {number[]} */
function number(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...number(value >>> 7)];
}

class Reader {
  /** @param {Uint8Array} bytes @param {number} at */
  constructor(bytes, at) {
    this.bytes = bytes;
    this.at = at;
  }

  byte() {
    return /** @type {number} */ (this.bytes[this.at++]);
  }

  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  text() {
    const length = this.number();
    this.at += length;
    return Buffer.from(this.bytes.subarray(this.at - length, this.at)).toString();
  }
}
