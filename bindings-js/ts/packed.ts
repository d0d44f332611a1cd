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
export function unpacked({ base64, bytes }: Packed): WebAssembly.Module {
  const packed = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return new WebAssembly.Module(inflate(packed, bytes));
}
