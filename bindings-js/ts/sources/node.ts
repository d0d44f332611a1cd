// The module as a file beside this one, read by Node.

import { readFileSync } from "node:fs";

export function load(): WebAssembly.Module {
  return new WebAssembly.Module(carried());
}

/** The module as it is handed to a worker. */
export function carried(): Uint8Array<ArrayBuffer> {
  return readFileSync(new URL("./trellis.wasm", import.meta.url));
}

export { notice } from "./notice.js";
