// The vectors over WASM, in Node.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as trellis from "trellis-sync";
import { FILES, run } from "./vectors.mjs";

for (const file of FILES) {
  test(`the vectors of ${file} hold`, () => {
    const all = JSON.parse(readFileSync(new URL(`../../tests/vectors/${file}.json`, import.meta.url), "utf8"));
    assert.ok(run(trellis, file, all) > 30);
  });
}
