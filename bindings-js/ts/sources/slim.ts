// Where the program brings the module itself: nothing is loaded unasked.

import { TrellisError } from "../errors.js";
import type { Native } from "../native.js";
import type { Carried } from "../packed.js";

export function load(): WebAssembly.Module {
  throw new TrellisError(
    "unsupported",
    "Call init(module) first: this entry of trellis-sync loads no WebAssembly by itself.",
  );
}

/** The module as it is handed to a worker. */
export const carried: () => Carried = load;

/** What is told about repos that are not kept: nothing here, where nobody expects it. */
export function notice(): void {}

/** There is no addon. */
export const native = (): Native | undefined => undefined;
