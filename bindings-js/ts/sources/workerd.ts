// The module as an import, which Cloudflare's workers compile beforehand.

import type { Native } from "../native.js";
import module from "./trellis.wasm";

export function load(): WebAssembly.Module {
  return module as WebAssembly.Module;
}

/** There is no addon. */
export const native = (): Native | undefined => undefined;
