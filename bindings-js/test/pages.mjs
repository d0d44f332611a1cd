// Pages that have the package, in a browser that keeps what they store.

import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { freePort, Place } from "../../tests/browser/place.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
/** @type {Record<string, string>} */
const MEDIA_TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };
const PAGE = `<!doctype html><title>pages</title><link rel="icon" href="data:,">`;

/** @typedef {import("playwright-core").BrowserContext} Context */
/** @typedef {import("playwright-core").Page} Page */

/** Random numbers below 1, the same for a seed. @param {number} seed */
export function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A place with a site whose pages have the package. */
export class Pages extends Place {
  site = "";
  /** Pages of the site, by their paths. */
  pages = new Map([["/", PAGE]]);
  /** Is told what pages post. @type {(word: any) => void} */
  heard = () => {};

  /** Begins to serve the site. */
  async begin() {
    const port = await freePort();
    const server = createServer((request, response) => {
      // A page may be gone before all that it posts is here.
      this.#answer(request, response).catch(() => request.destroy());
    });
    await new Promise((done) => server.listen(port, "127.0.0.1", () => done(undefined)));
    this.ends.unshift(() => server.close());
    this.site = `http://127.0.0.1:${port}/`;
  }

  /** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
  async #answer(request, response) {
    if (request.method === "POST") {
      this.heard(await json(request));
      response.end();
      return;
    }
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const type = MEDIA_TYPES[extname(path)] ?? "text/html";
    response.writeHead(200, { "content-type": type }).end(this.pages.get(path) ?? readFileSync(join(DIST, path)));
  }

  /** A new folder for what a browser keeps. */
  profile() {
    return mkdtempSync(join(this.folder, "profile-"));
  }

  /** A page of the site, where the package is the global `trellis`. @param {Context} context @param {{ before?: string }} options */
  async page(context, { before = "" } = {}) {
    const page = await context.newPage();
    if (before) await page.addInitScript(before);
    await this.load(page);
    return page;
  }

  /** Loads a page, or loads it again. @param {{ goto: (url: string) => Promise<unknown>, evaluate: (script: string) => Promise<unknown> }} page */
  async load(page) {
    await page.goto(this.site);
    await page.evaluate('import("/inline.js").then((all) => { globalThis.trellis = all; })');
  }
}
