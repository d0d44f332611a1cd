// In a worker: the module comes with each repo, from the page, which has it.

import { TrellisError } from "../errors.js";
import type { Native } from "../native.js";
import { type Carried, compiledAtOnce } from "../packed.js";

let given: Carried | undefined;

/** Takes the module, unless there is one. */
export function give(module: Carried): void {
  given ??= module;
}

export function load(): WebAssembly.Module {
  const module = carried();
  if (module instanceof WebAssembly.Module) return module;
  return "base64" in module ? compiledAtOnce(module) : new WebAssembly.Module(module);
}

/** The module as it is handed to a worker. */
export function carried(): Carried {
  if (!given) throw new TrellisError("unsupported", "No page has opened a repo in this worker yet.");
  return given;
}

/** What is told about repos that are not kept: nothing here, where nobody expects it. */
export function notice(): void {}

/** There is no addon. */
export const native = (): Native | undefined => undefined;
