// The module as a file beside this one, read by Node in a CommonJS module.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export function load(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(join(__dirname, "trellis.wasm")));
}
