// As the source of modules for Node, in a CommonJS module.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nativeIn } from "../native.js";

export function load(): WebAssembly.Module {
  return new WebAssembly.Module(carried());
}

/** The module as it is handed to a worker. */
export function carried(): Uint8Array<ArrayBuffer> {
  return readFileSync(join(__dirname, "trellis.wasm"));
}

export { notice } from "./notice.js";

/** The addon; nothing where there is none for this platform. */
export const native = nativeIn(join(__dirname, "native"));
