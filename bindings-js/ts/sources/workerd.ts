// The module as an import, which Cloudflare's workers compile beforehand.

import type { Native } from "../native.js";
import module from "./trellis.wasm";

export function load(): WebAssembly.Module {
  return module as WebAssembly.Module;
}

/** The module as it is handed to a worker. */
export const carried = load;

/** What is told about repos that are not kept: nothing here, where nobody expects it. */
export function notice(): void {}

/** There is no addon. */
export const native = (): Native | undefined => undefined;
