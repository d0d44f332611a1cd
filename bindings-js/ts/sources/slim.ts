// Where the program brings the module itself: nothing is loaded unasked.

import { TrellisError } from "../errors.js";

export function load(): WebAssembly.Module {
  throw new TrellisError(
    "unsupported",
    "Call init(module) first: this entry of trellis-sync loads no WebAssembly by itself.",
  );
}
