// What wasm-bindgen writes to call the module, made smaller: without what no platform of ours needs.

/** What is written otherwise, and how; each stands there at least once. @type {[RegExp, string][]} */
const CHANGES = [
  // The module is given compiled, once.
  [
    /function initSync\(module\) \{[\s\S]*?\n\}/,
    "function initSync({ module }) { __wbg_finalize_init(new WebAssembly.Instance(module, __wbg_get_imports())); }",
  ],
  [/(function __wbg_finalize_init\(instance, module\) \{\n) +wasmInstance = .*\n(.*\n) +wasmModule = .*\n/, "$1$2"],
  // Every platform with the WebAssembly that is needed has these.
  [/if \(!\('encodeInto' in cachedTextEncoder\)\) \{[\s\S]*?\n\}\n/, ""],
  [/\(typeof FinalizationRegistry === 'undefined'\)\s*\?.*\s*: new/g, "/* @__PURE__ */ new"],
  [/if \(Symbol\.dispose\).*\n/g, ""],
  // Memory that is given back only where there is none left.
  [/try \{\n((?: +(?:ptr|len)\d.*\n)+) +\} catch \(e\) \{\n(?:.*__wbindgen_free.*\n)+ +throw e;\n +\}/g, "$1"],
  // One allocator.
  [/, wasm\.__wbindgen_malloc(?:, wasm\.__wbindgen_realloc)?\)/g, ")"],
  [/(function passArray8ToWasm0\(arg), malloc/, "$1, malloc = wasm.__wbindgen_malloc"],
  [
    /(function passStringToWasm0\(arg), malloc, realloc\) \{\n {4}if \(realloc === undefined\) \{[^}]*\}\n/,
    "$1, malloc = wasm.__wbindgen_malloc, realloc = wasm.__wbindgen_realloc) {\n",
  ],
  // The same in fewer words.
  [
    /const ret = (.*);\n +if \(ret\[3\]\) \{\n.*\n +\}\n +var v\d = getArrayU8FromWasm0\(ret\[0\], ret\[1\]\)\.slice\(\);\n.*\n +return v\d;/g,
    "return bytesOf($1);",
  ],
  [/^( {8}\w+): function\(([^)]*)\) \{/gm, "$1: ($2) => {"],
];

const BYTES_OF = `
function bytesOf(ret) {
    if (ret[3]) throw takeFromExternrefTable0(ret[2]);
    const bytes = getArrayU8FromWasm0(ret[0], ret[1]).slice();
    wasm.__wbindgen_free(ret[0], ret[1], 1);
    return bytes;
}
`;

/** @param {string} glue */
export function smaller(glue) {
  return CHANGES.reduce((text, [from, to]) => {
    if (text.search(from) < 0) throw new Error(`The glue is written in another way than it was: ${from} is not in it.`);
    return text.replace(from, to);
  }, glue + BYTES_OF);
}
