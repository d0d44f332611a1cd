// The module as an import, which Cloudflare's workers compile beforehand.

import module from "./trellis.wasm";

export function load(): WebAssembly.Module {
  return module as WebAssembly.Module;
}
