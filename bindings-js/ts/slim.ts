// As the main entry, for programs that bring the WebAssembly module themselves.

import { isStarted, start } from "./core.js";

export * from "./index.js";

/**
 * Gives the core its module, once, before anything else is called.
 *
 * @param module compiled, or the bytes of `trellis-sync/wasm`, or the answer of a `fetch` of it.
 */
export async function init(module: WebAssembly.Module | BufferSource | Response | Promise<Response>): Promise<void> {
  if (isStarted()) return;
  const given = await module;
  if (given instanceof WebAssembly.Module) return start(given);
  start(await WebAssembly.compile(given instanceof Response ? await given.arrayBuffer() : given));
}
