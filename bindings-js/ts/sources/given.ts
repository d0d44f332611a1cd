// In a worker: the module comes with each repo, from the page, which has it.

import { TrellisError } from "../errors.js";
import type { Native } from "../native.js";
import { type Carried, unpacked } from "../packed.js";

let given: Carried | undefined;

/** Takes the module, unless there is one. */
export function give(module: Carried): void {
  given ??= module;
}

export function load(): WebAssembly.Module {
  if (!given) throw new TrellisError("unsupported", "No page has opened a repo in this worker yet.");
  if (given instanceof WebAssembly.Module) return given;
  return "base64" in given ? unpacked(given) : new WebAssembly.Module(given);
}

/** The module as it is handed to a worker. */
export const carried = load;

/** What is told about repos that are not kept: nothing here, where nobody expects it. */
export function notice(): void {}

/** There is no addon. */
export const native = (): Native | undefined => undefined;
