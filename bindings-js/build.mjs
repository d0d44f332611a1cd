// Makes the package of what the core's build left in `wasm/`: one module, an entry for each kind of runtime, and types.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { deflateRawSync } from "node:zlib";
import { build } from "esbuild";
import { smaller } from "./glue.mjs";
import { renameImports } from "./imports.mjs";

const here = (/** @type {string} */ path) => new URL(path, import.meta.url).pathname;
const DIST = here("dist");
const WASM = `${DIST}/trellis.wasm`;

/** What is made of what: the file, where it begins, where the module comes from, and how it is written. */
const ENTRIES = /** @type {const} */ ([
  ["inline.js", "index", "inline", "esm"],
  ["node.js", "index", "node", "esm"],
  ["node.cjs", "index", "require", "cjs"],
  ["workerd.js", "index", "workerd", "esm"],
  ["slim.js", "slim", "slim", "esm"],
  ["worker.js", "worker", "given", "esm"],
]);

/** Puts the compressed module where it is inline. @type {import("esbuild").Plugin} */
const MODULE = {
  name: "module",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^#module$/ }, ({ path }) => ({ path, namespace: "module" }));
    onLoad({ filter: /.*/, namespace: "module" }, () => {
      const module = readFileSync(WASM);
      const base64 = deflateRawSync(module, { level: 9 }).toString("base64");
      return { contents: `export const base64 = "${base64}"; export const bytes = ${module.length};` };
    });
  },
};

/** Where the addon lies, which another build makes. */
const ADDON = "native";

mkdirSync(DIST, { recursive: true });
for (const name of readdirSync(DIST)) if (name !== ADDON) rmSync(`${DIST}/${name}`, { recursive: true });
const made = {
  module: readFileSync(here("wasm/trellis_bg.wasm")),
  glue: readFileSync(here("wasm/trellis.js"), "utf8"),
};
const { module, glue } = renameImports(made);
writeFileSync(WASM, module);

/** The glue as it is bundled. @type {import("esbuild").Plugin} */
const GLUE = {
  name: "glue",
  setup({ onLoad }) {
    const contents = smaller(glue);
    onLoad({ filter: /wasm\/trellis\.js$/ }, () => ({ contents }));
  },
};
for (const [file, entry, source, format] of ENTRIES) {
  const isNode = source === "node" || source === "require";
  await build({
    entryPoints: [here(`ts/${entry}.ts`)],
    outfile: `${DIST}/${file}`,
    bundle: true,
    minify: true,
    keepNames: false,
    format,
    target: "es2022",
    platform: isNode ? "node" : "neutral",
    define: {
      HAS_ADDON: `${isNode}`,
      HAS_DATABASE: `${!isNode && source !== "workerd"}`,
      HAS_WORKERS: `${source !== "workerd"}`,
    },
    alias: { "#source": here(`ts/sources/${source}.ts`) },
    external: ["./trellis.wasm"],
    plugins: [GLUE, MODULE],
    legalComments: "none",
    logLevel: "warning",
  });
}

execFileSync(process.execPath, [here("node_modules/typescript-7/bin/tsc"), "--project", here("tsconfig.json")], {
  stdio: "inherit",
});
const types = `${DIST}/types`;
for (const file of readdirSync(types).filter((name) => name.endsWith(".d.ts"))) {
  const text = readFileSync(`${types}/${file}`, "utf8").replaceAll(/(from "\.\/[\w-]+)\.js"/g, '$1.cjs"');
  writeFileSync(`${types}/${file.replace(/\.d\.ts$/, ".d.cts")}`, text);
}
for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) cpSync(here(`../${name}`), here(name));
