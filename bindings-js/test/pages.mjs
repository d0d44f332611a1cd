// Pages that have the package, in a browser that keeps what they store.

import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, Place } from "../../tests/browser/place.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
/** @type {Record<string, string>} */
const MEDIA_TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };
const PAGE = `<!doctype html><title>pages</title><link rel="icon" href="data:,">`;

/** @typedef {import("playwright-core").BrowserContext} Context */
/** @typedef {import("playwright-core").Page} Page */

/** A place with a site whose pages have the package. */
export class Pages extends Place {
  site = "";

  /** Begins to serve the site. */
  async begin() {
    const port = await freePort();
    const server = createServer(({ url = "/" }, response) => {
      const path = new URL(url, "http://localhost").pathname;
      const type = MEDIA_TYPES[extname(path)] ?? "text/html";
      response.writeHead(200, { "content-type": type }).end(path === "/" ? PAGE : readFileSync(join(DIST, path)));
    });
    await new Promise((done) => server.listen(port, "127.0.0.1", () => done(undefined)));
    this.ends.unshift(() => server.close());
    this.site = `http://127.0.0.1:${port}/`;
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

  /** Loads a page, or loads it again. @param {Page} page */
  async load(page) {
    await page.goto(this.site);
    await page.evaluate('import("/inline.js").then((all) => { globalThis.trellis = all; })');
  }
}
