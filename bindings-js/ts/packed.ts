// The module on its way: as a text in a program, or from a page to its worker.

import { inflate } from "./inflate.js";

/** The module, compressed, as a text. */
export interface Packed {
  /** What DEFLATE made of it. */
  readonly base64: string;
  /** How many bytes it has itself. */
  readonly bytes: number;
}

/** The module as a page hands it to its worker. */
export type Carried = WebAssembly.Module | Uint8Array<ArrayBuffer> | Packed;

/** Compiles a module that was compressed. */
export function compiledAtOnce({ base64, bytes }: Packed): WebAssembly.Module {
  return new WebAssembly.Module(inflate(packedBytes(base64), bytes));
}

/**
 * As `compiledAtOnce`, beside this thread, where the platform can.
 *
 * @throws whatever the platform has against that
 */
export async function compiled(carried: Carried): Promise<WebAssembly.Module> {
  if (carried instanceof WebAssembly.Module) return carried;
  if (carried instanceof Uint8Array) return WebAssembly.compile(carried);
  const packed = new Blob([packedBytes(carried.base64)]).stream();
  const headers = { "content-type": "application/wasm" };
  return WebAssembly.compileStreaming(
    new Response(packed.pipeThrough(new DecompressionStream("deflate-raw")), { headers }),
  );
}

/** A loop, since a function that is called for each of half a million bytes takes eight times as long. */
function packedBytes(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const packed = new Uint8Array(text.length);
  for (let at = 0; at < packed.length; at++) packed[at] = text.charCodeAt(at);
  return packed;
}
