// How the reference pages are made of `ts/`. They are not complete unless every item is described.

import { readFileSync } from "node:fs";

const surface = readFileSync(new URL("ts/surface.ts", import.meta.url), "utf8");
/** The types that are one of several, each of which has a word of its own in `type`. */
const unions = [...surface.matchAll(/^export type (\w+) =\n/gm)].map(([, name]) => name);

/** @type {Partial<import("typedoc").TypeDocOptions>} */
export default {
  name: "trellis-sync",
  entryPoints: ["ts/index.ts"],
  tsconfig: "tsconfig.json",
  out: "docs",
  readme: "README.md",
  treatWarningsAsErrors: true,
  validation: { notExported: true, invalidLink: true, notDocumented: true },
  intentionallyNotDocumented: unions.map((name) => `surface.${name}.__type.type`),
  excludeInternal: true,
  excludePrivate: true,
  excludeProtected: true,
  excludeExternals: true,
  disableGit: true,
  sourceLinkTemplate: "",
  disableSources: true,
};
