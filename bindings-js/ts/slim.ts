// As the main entry, for programs that bring the WebAssembly module themselves.

import { isStarted, start } from "./core.js";

export * from "./index.js";

/** What an answer brings, compiled while it comes where its type says what it is. */
async function compiledOf(answer: Response): Promise<WebAssembly.Module> {
  if (answer.headers.get("content-type") === "application/wasm") return WebAssembly.compileStreaming(answer);
  return WebAssembly.compile(await answer.arrayBuffer());
}

/**
 * Gives the core its module, once, before anything else is called.
 *
 * @param module compiled, or the bytes of `trellis-sync/wasm`, or the answer of a `fetch` of it.
 */
export async function init(module: WebAssembly.Module | BufferSource | Response | Promise<Response>): Promise<void> {
  if (isStarted()) return;
  const given = await module;
  if (given instanceof WebAssembly.Module) return start(given);
  start(await (given instanceof Response ? compiledOf(given) : WebAssembly.compile(given)));
}
