// The module as a text in the program: it works wherever JavaScript does, with every bundler and without one.

import base64 from "../../dist/trellis.wasm";

export function load(): WebAssembly.Module {
  const binary = atob(base64 as string);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return new WebAssembly.Module(bytes);
}
