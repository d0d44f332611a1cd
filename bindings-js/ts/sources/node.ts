// The addon in a folder beside this file; where there is none for the platform, the module as a file beside it.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nativeIn } from "../native.js";

export function load(): WebAssembly.Module {
  return new WebAssembly.Module(carried());
}

/** The module as it is handed to a worker. */
export function carried(): Uint8Array<ArrayBuffer> {
  return readFileSync(new URL("./trellis.wasm", import.meta.url));
}

export { notice } from "./notice.js";

/** The addon; nothing where there is none for this platform. */
export const native = nativeIn(fileURLToPath(new URL("./native", import.meta.url)));
