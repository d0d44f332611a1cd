// The pages that are measured: made, weighed, served, and opened in a browser that keeps what they store.

import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { CHROMIUM, freePort, Place, QUIET } from "../../../tests/browser/place.mjs";

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").BrowserContext} Context */
/** Whose page: our main entry, our slim entry, or that of Yjs. @typedef {"ours" | "slim" | "yjs"} Side */

const LIMIT_MS = 600_000;
/** @type {Record<string, string>} */
const MEDIA_TYPES = { ".js": "text/javascript", ".wasm": "application/wasm" };
const PAGES = fileURLToPath(new URL("pages/", import.meta.url));

/** Tasks that keep the page from answering for longer than this, in milliseconds, are counted from there on. */
const LONG_MS = 50;
const WATCH = `
const tasks = [];
const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
observer.observe({ type: "longtask", buffered: true });
`;

const BLANK = `<!doctype html><title>bench</title><link rel="icon" href="data:,">`;
/** The page of a side, or one with nothing. @param {string} path */
const html = (path) =>
  ["/ours", "/slim", "/yjs"].includes(path)
    ? `${BLANK}<script>${WATCH}</script><body></body><script type="module" src="${path}.js"></script>`
    : BLANK;

/** How a page was blocked: milliseconds over 50 together, and of the longest task all. @typedef {{ over: number, longest: number }} Blocked */

/** A place with a site that has a page of each side. */
export class Site extends Place {
  url = "";
  /** @type {Map<string, Uint8Array>} */
  #files = new Map();

  /** Makes the pages and begins to serve them. */
  async begin() {
    for (const name of ["ours", "slim", "worker", "yjs"]) this.#files.set(`/${name}.js`, await bundled(name));
    this.#files.set("/trellis.wasm", readFileSync(new URL("../../dist/trellis.wasm", import.meta.url)));
    const port = await freePort();
    const server = createServer(({ url = "/" }, response) => {
      const { pathname } = new URL(url, "http://localhost");
      const file = this.#files.get(pathname);
      const type = MEDIA_TYPES[extname(pathname)] ?? "text/html";
      const headers = { "content-type": type, "cache-control": "max-age=3600" };
      response.writeHead(200, headers).end(file ?? html(pathname));
    });
    await new Promise((done) => server.listen(port, "127.0.0.1", () => done(undefined)));
    this.ends.unshift(() => server.close());
    this.url = `http://127.0.0.1:${port}`;
  }

  /** How many kilobytes files have when each is compressed. @param {readonly string[]} names */
  weight(names) {
    const bytes = names.map((name) => gzipSync(this.#files.get(`/${name}`) ?? "", { level: 9 }).length);
    return bytes.reduce((sum, more) => sum + more, 0) / 1000;
  }

  /** The browser and its version. */
  version() {
    return this.within(this.profile(), async (context) => `Chromium ${context.browser()?.version()}`);
  }

  /** A new folder for what a browser keeps. */
  profile() {
    return mkdtempSync(join(this.folder, "profile-"));
  }

  /** Has a browser with what is kept in a profile until the work is done. @template T @param {string} profile @param {(context: Context) => Promise<T>} work @returns {Promise<T>} */
  async within(profile, work) {
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      chromiumSandbox: false,
      args: [...QUIET, "--no-first-run"],
    });
    context.setDefaultTimeout(LIMIT_MS);
    try {
      return await work(context);
    } finally {
      await context.close();
    }
  }

  /** A page with a global `bench` for the store of a name. @param {Context} context @param {Side} side @param {string} name */
  async open(context, side, name, more = "") {
    const page = await context.newPage();
    await page.goto(`${this.url}/${side}?open=${name}${more}`);
    await page.waitForFunction("globalThis.bench");
    return page;
  }

  /** A new profile with the board of both. @param {number} ops @param {number} perWrite how many of them one write of ours brings */
  async filled(ops, perWrite) {
    const profile = this.profile();
    await this.within(profile, async (context) => {
      for (const side of /** @type {const} */ (["ours", "yjs"])) {
        const page = await this.open(context, side, side);
        await page.evaluate(([ops = 0, perWrite = 1]) => bench.fill(0, ops, perWrite), [ops, perWrite]);
        await page.close();
      }
    });
    return profile;
  }

  /** A fresh load of a page that shows what is stored: from the start of the navigation to when it is shown. @param {string} profile @param {Side} side @param {string} name */
  coldStart(profile, side, name, more = "") {
    return this.within(profile, async (context) => {
      const [page = await context.newPage()] = context.pages();
      // The browser itself is up when this is there.
      await page.goto(this.url);
      await page.goto(`${this.url}/${side}?show=${name}${more}`);
      const shown = await page.waitForFunction("globalThis.shown");
      return { ms: Number(await shown.jsonValue()), cards: await page.textContent("#count"), ...(await blocked(page)) };
    });
  }
}

/** How a page was blocked so far. @param {Page} page @returns {Promise<Blocked>} */
export async function blocked(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
  const tasks = /** @type {number[]} */ (
    await page.evaluate("tasks.push(...observer.takeRecords()), tasks.splice(0).map(({ duration }) => duration)")
  );
  const over = tasks.reduce((sum, task) => sum + Math.max(0, task - LONG_MS), 0);
  return { over, longest: Math.max(0, ...tasks) };
}

/** A page as browsers get it. @param {string} name */
async function bundled(name) {
  const { outputFiles } = await build({
    entryPoints: [`${PAGES}${name}.mjs`],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    legalComments: "none",
    logLevel: "warning",
  });
  const [file] = outputFiles;
  if (!file) throw new Error(`nothing was made of ${name}`);
  return file.contents;
}

/** The version of a package that a page has. @param {string} name */
export function versionOf(name) {
  const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return `${name} ${JSON.parse(readFileSync(file, "utf8")).version}`;
}
