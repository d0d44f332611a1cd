// What a module of WebAssembly is imported as: text or compiled, as the entry's build has it.
declare module "*.wasm" {
  const module: unknown;
  export default module;
}
