// The page as five files beside one another, whose names `trellis serve --demo` knows.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig, transformWithOxc } from "vite";

const NAMES = { entryFileNames: "page.js", assetFileNames: "page[extname]", codeSplitting: false };
const FILES = ["page.js", "page.css", "icon.svg"];
const WORKER = fileURLToPath(new URL("worker/worker.ts", import.meta.url));

/** Has the page ask for its files by a hash of them all, and adds the worker that keeps them by it. */
const offline = {
  name: "offline",
  /** @param {{ dir: string }} written */
  async writeBundle({ dir }) {
    const index = join(dir, "index.html");
    const page = readFileSync(index, "utf8");
    const hash = createHash("sha256").update(page);
    for (const file of FILES) hash.update(readFileSync(join(dir, file)));
    const build = hash.digest("hex").slice(0, 16);
    const names = FILES.map((file) => [`./${file}`, `./${file}?${build}`]);
    writeFileSync(
      index,
      names.reduce((text, [name, hashed]) => text.replace(`"${name}"`, `"${hashed}"`), page),
    );
    const { code } = await transformWithOxc(readFileSync(WORKER, "utf8"), WORKER);
    const known = `const BUILD = "${build}";\nconst FILES = ${JSON.stringify(names.map(([, hashed]) => hashed))};\n`;
    writeFileSync(join(dir, "worker.js"), known + code);
  },
};

export default defineConfig({
  base: "./",
  plugins: [offline],
  build: {
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    chunkSizeWarningLimit: 2_000,
    rolldownOptions: { output: NAMES },
  },
});
