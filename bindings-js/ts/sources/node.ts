// The addon in a folder beside this file; where there is none for the platform, the module as a file beside it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nativeIn } from "../native.js";

export function load(): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(new URL("./trellis.wasm", import.meta.url)));
}

/** The addon; nothing where there is none for this platform. */
export const native = nativeIn(fileURLToPath(new URL("./native", import.meta.url)));
