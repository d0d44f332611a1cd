// Where the program brings the module itself: nothing is loaded unasked.

import { TrellisError } from "../errors.js";
import type { Native } from "../native.js";

export function load(): WebAssembly.Module {
  throw new TrellisError(
    "unsupported",
    "Call init(module) first: this entry of trellis-sync loads no WebAssembly by itself.",
  );
}

/** There is no addon. */
export const native = (): Native | undefined => undefined;
