// @ts-check
// Serves this folder to browsers of this machine: `node files.mjs 8000`.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const TYPES = /** @type {Record<string, string>} */ ({ html: "text/html", mjs: "text/javascript" });

const server = createServer(async ({ url }, response) => {
  const name = url?.match(/^\/(\w+\.(?:html|mjs))(?:\?|$)/)?.[1] ?? "index.html";
  const content = await readFile(new URL(name, import.meta.url)).catch(() => undefined);
  response.writeHead(content ? 200 : 404, { "content-type": TYPES[name.split(".")[1]] });
  response.end(content);
});
const port = Number(process.argv[2] ?? 8000);
server.listen(port, "localhost", () => console.log(`http://localhost:${port}`));
