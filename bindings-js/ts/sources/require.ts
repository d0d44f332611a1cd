// The module as a file beside this one, read by Node in a CommonJS module.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export function load(): WebAssembly.Module {
  return new WebAssembly.Module(carried());
}

/** The module as it is handed to a worker. */
export function carried(): Uint8Array<ArrayBuffer> {
  return readFileSync(join(__dirname, "trellis.wasm"));
}

export { notice } from "./notice.js";
