// The vectors, and the scenarios of every runtime, in Node, whatever runs the core.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { HOSTS, over, PACKAGES } from "./hosts.mjs";
import { logOf } from "./scenario.mjs";
import { FILES, run } from "./vectors.mjs";

over(PACKAGES, ({ trellis }) => {
  for (const file of FILES) {
    test(`the vectors of ${file} hold`, () => {
      const all = JSON.parse(readFileSync(new URL(`../../tests/vectors/${file}.json`, import.meta.url), "utf8"));
      assert.ok(run(trellis, file, all) > 30);
    });
  }
});

over(HOSTS, ({ open, trellis }) => {
  test("a scenario has the same log everywhere", async () => {
    const folder = new URL("../../tests/scenarios/", import.meta.url);
    const files = readdirSync(folder);
    assert.ok(files.length > 0);
    for (const file of files) {
      const scenario = JSON.parse(readFileSync(new URL(file, folder), "utf8"));
      assert.deepEqual(await logOf({ ...trellis, open: (name) => open(`${file}-${name}`) }, scenario), scenario.log);
    }
  });
});
