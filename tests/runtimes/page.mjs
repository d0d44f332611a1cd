// A player in a page of Chromium: `node page.mjs FILE`, the entry of the npm package for browsers.

import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Place } from "../browser/place.mjs";

const LINES = fileURLToPath(new URL("lines.mjs", import.meta.url));
const entry = process.argv[2] ?? "";
const site = "http://localhost/";

const place = new Place();
const page = await (await place.browser()).newPage();
await page.route(`${site}**`, (route) => {
  const path = new URL(route.request().url()).pathname;
  if (path === "/") return route.fulfill({ contentType: "text/html", body: "" });
  return route.fulfill({ path: path === "/lines.mjs" ? LINES : join(dirname(entry), path) });
});
await page.goto(site);
const file = `${site}${entry.slice(dirname(entry).length + 1)}`;
const answer = await page.evaluateHandle(
  async ([lines = "", file = ""]) => (await import(lines)).player((await import(file)).Machine),
  [`${site}lines.mjs`, file],
);
for await (const line of createInterface(process.stdin))
  process.stdout.write(`${await answer.evaluate((answer, line) => answer(line), line)}\n`);
await place.end();
