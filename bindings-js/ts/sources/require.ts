// As the source of modules for Node, in a CommonJS module.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nativeIn } from "../native.js";

export function load(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(join(__dirname, "trellis.wasm")));
}

/** The addon; nothing where there is none for this platform. */
export const native = nativeIn(join(__dirname, "native"));
