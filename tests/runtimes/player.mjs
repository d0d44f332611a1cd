// A player in Node: `node player.mjs FILE [ENDING]`, with an entry of the npm package, and with how the name of a file ends
// by which that has to run.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { player } from "./lines.mjs";

const [, , entry = "", ending] = process.argv;
const { Machine } = await import(pathToFileURL(entry).href);
const loaded = createRequire(import.meta.url).cache;
const answer = player(Machine);
for await (const line of createInterface(process.stdin)) {
  process.stdout.write(`${answer(line)}\n`);
  if (ending && !Object.keys(loaded).some((file) => file.endsWith(ending)))
    throw new Error(`${entry} runs by no file that ends in ${ending}`);
}
