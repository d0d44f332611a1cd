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

/** Whether this entry may find an addon. Where it is false, nothing that is said of one gets into the entry. */
declare const HAS_ADDON: boolean;

/** Whether this entry may find IndexedDB. Where it is false, nothing that is said of it gets into the entry. */
declare const HAS_DATABASE: boolean;

/** Whether a program may have workers where this entry runs. */
declare const HAS_WORKERS: boolean;
