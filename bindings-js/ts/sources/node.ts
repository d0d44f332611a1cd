// The module as a file beside this one, read by Node.

import { readFileSync } from "node:fs";

export function load(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(new URL("./trellis.wasm", import.meta.url)));
}
