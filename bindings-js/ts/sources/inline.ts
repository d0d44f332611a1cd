// The module as a text in the program: it works wherever JavaScript does, with every bundler and without one.

import { base64, bytes } from "#module";
import type { Native } from "../native.js";
import { compiledAtOnce, type Packed } from "../packed.js";

export function load(): WebAssembly.Module {
  return compiledAtOnce({ base64, bytes });
}

/** The module as it is handed to a worker. */
export function carried(): Packed {
  return { base64, bytes };
}

/** What is told about repos that are not kept: nothing here, where nobody expects it. */
export function notice(): void {}

/** There is no addon. */
export const native = (): Native | undefined => undefined;
