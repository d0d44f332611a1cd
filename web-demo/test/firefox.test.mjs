// The page in Firefox: two copies with a conflict, and the shared board.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Site } from "./site.mjs";

const LIMIT = { timeout: 120_000 };
const site = new Site();
/** @type {Awaited<ReturnType<Site["firefox"]>>} */
let firefox;

/** @typedef {Awaited<ReturnType<typeof visit>>} Page */

before(async () => {
  await site.begin();
  firefox = await site.firefox();
});
after(() => site.end());

/** A page that is open in a browser of its own. @param {string} hash */
async function visit(hash) {
  const page = await (await firefox.createBrowserContext()).newPage();
  page.on("pageerror", (error) => site.complaints.push(String(error)));
  page.on("console", (said) => said.type() !== "log" && site.complaints.push(said.text()));
  page.on("request", (request) => request.url().startsWith(site.url) || site.complaints.push(request.url()));
  await page.goto(site.url + hash);
  return page;
}

/** Waits until there are so many elements. What puppeteer has for that needs eval, which the page forbids. @param {Page} page @param {string} selector @param {number} count */
const counted = (page, selector, count) =>
  page.evaluate(
    (selector, count) =>
      new Promise((done) => {
        const look = () => document.querySelectorAll(selector).length === count && done(undefined);
        new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
        look();
      }),
    selector,
    count,
  );

/** Writes the title of a copy's first card by its form, key by key. @param {Page} page @param {string} copy @param {string} title */
async function rename(page, copy, title) {
  await page.click(`#${copy} .card [aria-label^=Edit]`);
  await page.click(`#${copy} .editor [name=title]`, { count: 3 });
  await page.keyboard.type(title);
  await page.click(`#${copy} .editor [type=submit]`);
  await counted(page, `#${copy} .editor`, 0);
}

test("two copies have a conflict until one click closes it", LIMIT, async () => {
  const page = await visit("");
  for (const copy of ["ann", "bob"]) await counted(page, `#${copy} .card`, 4);
  await page.click("#link");
  await rename(page, "ann", "Order basil");
  await rename(page, "bob", "Swap seeds");
  await page.click("#link");
  for (const copy of ["ann", "bob"]) await counted(page, `#${copy} .conflict`, 1);
  await page.click("#bob .sides button");
  await counted(page, ".conflict", 0);
  const titles = await page.$$eval(".card h4", (all) => all.map((title) => title.textContent));
  assert.deepEqual(titles.slice(0, 4), titles.slice(4));
  await page.close();
});

test("what is put on the shared board is on the relay, and in another browser", LIMIT, async () => {
  const [ann, bob] = [await visit("#shared"), await visit("#shared")];
  await counted(ann, "#own [data-key=invitation] button", 1);
  await ann.click("#own [data-key=invitation] button");
  await counted(ann, '#own .card [aria-label="Saved here, on a peer and on the relay"]', 4);
  await counted(bob, "#own .card", 4);
  await ann.reload();
  await counted(ann, "#own .card", 4);
  await ann.evaluate(async () => void (await navigator.serviceWorker.ready));
  await site.stopRelay("SIGKILL");
  await ann.reload();
  await counted(ann, "#own .card", 4);
});

test("nothing went wrong that Firefox complains about", () => {
  // But for the link, where there was no relay, or where the page was loaded anew while it dialled.
  const isOfLink = (/** @type {string} */ said) =>
    /can’t establish a connection|interrupted while the page was/.test(said);
  const told = site.complaints.filter((complaint) => !isOfLink(complaint));
  assert.deepEqual(told, []);
});
