// What wasm-bindgen writes to call the module, made smaller: without what no platform of ours needs.

/** What is written otherwise, and how; each stands there at least once. @type {[RegExp, string][]} */
const CHANGES = [
  // It shows values of the user's in no message.
  [/function debugString\(val\) \{[\s\S]*?\n\}/, "function debugString(val) { return typeof val; }"],
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
    /let result;\s*try \{\s*result = (.*);\s*\} catch \(_\) \{\s*result = false;\s*\}\s*const ret = result;/g,
    "const ret = $1;",
  ],
  [/(\w+Memory0)\.buffer\.detached === true \|\| \((\1)\.buffer\.detached === undefined && (.*?)\)\)/, "$3)"],
  [
    /const ret = (.*);\n +if \(ret\[2\]\) \{\n +throw take(\w+)\(ret\[1\]\);\n +\}\n +return take\2\(ret\[0\]\);/g,
    "return taken($1);",
  ],
  [/: function\(\) \{ return handleError\(function \(([^)]*)\) \{/g, ": (...args) => { return handleError(($1) => {"],
  [/\}, arguments\);/g, "}, args);"],
  [/f\.apply\(this, args\)/, "f(...args)"],
  [/^( {8}\w+): function\(([^)]*)\) \{/gm, "$1: ($2) => {"],
];

const TAKEN = `
function taken(ret) {
    if (ret[2]) throw takeFromExternrefTable0(ret[1]);
    return takeFromExternrefTable0(ret[0]);
}
`;

/** @param {string} glue */
export function smaller(glue) {
  return CHANGES.reduce((text, [from, to]) => {
    if (text.search(from) < 0) throw new Error(`The glue is written in another way than it was: ${from} is not in it.`);
    return text.replace(from, to);
  }, glue + TAKEN);
}
