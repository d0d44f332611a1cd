// The page as four files beside one another, whose names `trellis serve --demo` knows.

import { defineConfig } from "vite";

const NAMES = { entryFileNames: "page.js", assetFileNames: "page[extname]", codeSplitting: false };

export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    chunkSizeWarningLimit: 2_000,
    rolldownOptions: { output: NAMES },
  },
});
