// What the build puts in place of these names.

declare module "#module" {
  /** The module, compressed. */
  export const base64: string;
  /** How many bytes it has. */
  export const bytes: number;
}

declare module "*.wasm" {
  const module: unknown;
  export default module;
}
