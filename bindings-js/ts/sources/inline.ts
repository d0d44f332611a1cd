// The module as a text in the program: it works wherever JavaScript does, with every bundler and without one.

import { base64, bytes } from "#module";
import { inflate } from "../inflate.js";
import type { Native } from "../native.js";

export function load(): WebAssembly.Module {
  const packed = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return new WebAssembly.Module(inflate(packed, bytes));
}

/** There is no addon. */
export const native = (): Native | undefined => undefined;
