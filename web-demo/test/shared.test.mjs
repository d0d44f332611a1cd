// The shared board: browsers, tabs and a folder on a disk, by way of a relay.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Site } from "./site.mjs";
import { accessible, add, card, column, conflicts, counted, edit, note, valued } from "./words.mjs";

const LIMIT = { timeout: 120_000 };
const RELAYED = "Saved here, on a peer and on the relay";
const site = new Site();
/** @type {import("./site.mjs").Page} */
let ann;
/** @type {import("./site.mjs").Page} */
let bob;

before(async () => {
  await site.begin();
  [ann, bob] = [await browser("Ann"), await browser("Bob")];
});
after(() => site.end());

/** A browser of its own that shows the board. @param {string} name */
async function browser(name) {
  const page = await site.visit("#shared");
  await page.waitForSelector("#own:not([hidden])");
  await page.fill("#name", name);
  await page.press("#name", "Enter");
  return page;
}

/** Waits until a page says this of its link. @param {import("./site.mjs").Page} page @param {string} words */
const linked = (page, words) =>
  page.waitForFunction((words) => document.querySelector("#own .state")?.textContent?.includes(words), words);

/** Waits for a card with this receipt. @param {import("./site.mjs").Page} page @param {string} title @param {string} receipt */
const received = (page, title, receipt) => card(page, "own", title).locator(`[aria-label="${receipt}"]`).waitFor();

test("the first visit finds the relay's board, and what is put on it is safe there", LIMIT, async () => {
  await ann.click("text=Put some cards on it");
  await counted(ann, "#own .card", 4);
  await received(ann, "Order tomato seeds", RELAYED);
  await counted(bob, "#own .card", 4);
  await valued(note(bob, "own"), (text) => text.startsWith("Saturday\n"));
  await site.run(`trellis clone ${site.relayUrl} folder`);
  assert.match(site.trellis("-C folder ls cards"), /.*-.*\n.*-.*\n.*-.*\n.*-/);
});

test("a folder on a disk takes part", LIMIT, async () => {
  site.trellis("-C folder set cards/1/title", { args: ["From a terminal"] });
  await site.run(`trellis -C folder sync ${site.relayUrl}`);
  for (const page of [ann, bob]) await card(page, "own", "From a terminal").waitFor();
  await edit(ann, "own", "From a terminal", { text: "Seen by Ann" });
  await received(ann, "From a terminal", RELAYED);
  await site.run(`trellis -C folder sync ${site.relayUrl}`);
  assert.match(site.trellis("-C folder get cards/1/text"), /Seen by Ann/);
});

test("a link that is cut by its switch leaves writes here until it is joined", LIMIT, async () => {
  await ann.click("#link");
  await linked(ann, "Cut");
  await add(ann, "own", "Written apart");
  await received(ann, "Written apart", "Saved here; no peer has it yet");
  await linked(ann, "1 write only here");
  await ann.click("#link");
  await received(ann, "Written apart", RELAYED);
  await card(bob, "own", "Written apart").waitFor();
});

test("a browser without a network goes on, and catches up", LIMIT, async () => {
  await ann.context().setOffline(true);
  await add(ann, "own", "Without a network");
  await received(ann, "Without a network", "Saved here; no peer has it yet");
  await linked(ann, "No network");
  await ann.context().setOffline(false);
  await received(ann, "Without a network", RELAYED);
  await card(bob, "own", "Without a network").waitFor();
});

test("a network that is gone is told of, and lines that two wrote meanwhile merge", LIMIT, async () => {
  for (const page of [ann, bob]) {
    await page.context().setOffline(true);
    await page.waitForSelector(".wire:not(.on)");
    await linked(page, "Not reached");
  }
  await note(ann, "own").fill(`Ann's first line\n${await note(ann, "own").inputValue()}`);
  await note(bob, "own").fill(`${await note(bob, "own").inputValue()}\nBob's last line`);
  for (const page of [ann, bob]) await linked(page, "No network");
  for (const page of [ann, bob]) await page.context().setOffline(false);
  const isWhole = (/** @type {string} */ text) => text.startsWith("Ann's first") && text.endsWith("Bob's last line");
  assert.equal(await valued(note(ann, "own"), isWhole), await valued(note(bob, "own"), isWhole));
  for (const page of [ann, bob]) {
    await page.waitForSelector(".wire.on");
    await conflicts(page, "own", 0);
  }
});

test("who gave no name keeps the one that was made up", LIMIT, async () => {
  const page = await site.visit("#shared");
  const name = await valued(page.locator("#name"), (name) => name !== "");
  await page.reload();
  assert.equal(await valued(page.locator("#name"), (name) => name !== ""), name);
  await page.context().close();
});

test("a relay that is killed is missed by nobody", LIMIT, async () => {
  await site.stopRelay("SIGKILL");
  for (const page of [ann, bob]) await linked(page, "Not reached");
  await add(ann, "own", "Ann without a relay");
  await add(bob, "own", "Bob without a relay");
  await edit(ann, "own", "Mend the garden gate", { title: "Paint the gate" });
  await edit(bob, "own", "Mend the garden gate", { title: "Sell the gate" });
  await site.keep(ann, "offline");
  await site.startRelay();
  await card(bob, "own", "Ann without a relay").waitFor();
  await card(ann, "own", "Bob without a relay").waitFor();
  await received(ann, "Ann without a relay", RELAYED);
});

test("the page opens without a relay, with all that was written, and goes on", LIMIT, async () => {
  await ann.waitForFunction(() => navigator.serviceWorker.controller?.state === "activated");
  await site.stopRelay("SIGKILL");
  await ann.reload();
  await card(ann, "own", "Ann without a relay").waitFor();
  await linked(ann, "Not reached");
  await add(ann, "own", "After a reload without a relay");
  await ann.reload();
  await card(ann, "own", "After a reload without a relay").waitFor();
  await linked(ann, "1 write only here");
  await site.keep(ann, "reloaded");
  await site.startRelay();
  await card(bob, "own", "After a reload without a relay").waitFor();
  const isAllRelayed = () => !document.querySelector("#own .state")?.textContent?.includes("only here");
  await ann.waitForFunction(isAllRelayed);
  await ann.reload();
  await linked(ann, "In sync");
  assert.ok(await ann.evaluate(isAllRelayed));
});

test("the page of the server goes before the one that is kept, and one build is kept", LIMIT, async () => {
  await ann.evaluate(async () => {
    const [name = ""] = await caches.keys();
    const old = new Response("An old page", { headers: { "Content-Type": "text/html" } });
    await (await caches.open(name)).put("/", old);
  });
  await ann.reload();
  await linked(ann, "In sync");
  await site.stopRelay("SIGKILL");
  await ann.reload();
  await ann.waitForSelector("text=An old page");
  await ann.evaluate(async () => {
    await caches.open("page-of-another-build");
    await (await navigator.serviceWorker.getRegistration())?.unregister();
  });
  await site.startRelay();
  await ann.reload();
  await linked(ann, "In sync");
  while ((await ann.evaluate(() => caches.keys())).length > 1) await linked(ann, "In sync");
});

test("the conflict of two browsers stands open in both, with names, and a click closes it", LIMIT, async () => {
  for (const page of [ann, bob]) {
    await conflicts(page, "own", 1);
    assert.deepEqual((await page.locator("#own .sides b").allTextContents()).toSorted(), ["Ann", "Bob"]);
  }
  await site.keep(ann, "shared");
  await accessible(ann);
  await bob.locator("#own .sides li", { hasText: "Paint the gate" }).locator("button").click();
  for (const page of [ann, bob]) {
    await conflicts(page, "own", 0);
    await card(page, "own", "Paint the gate").waitFor();
  }
});

test("eight tabs write at once, and all show all of it", LIMIT, async () => {
  const context = ann.context();
  const tabs = [ann];
  while (tabs.length < 8) tabs.push(await site.visit("#shared", { context }));
  for (const tab of tabs) await card(tab, "own", "Paint the gate").waitFor();
  await Promise.all(tabs.map((tab, at) => add(tab, "own", `From tab ${at}`)));
  for (const tab of [...tabs, bob])
    for (let at = 0; at < tabs.length; at += 1) await card(tab, "own", `From tab ${at}`).waitFor();
  await Promise.all(tabs.map((tab) => card(tab, "own", "Paint the gate").locator(".vote").click()));
  for (const tab of [...tabs, bob])
    await card(tab, "own", "Paint the gate").locator(".vote", { hasText: "▲ 8" }).waitFor();
  for (const tab of tabs.slice(1)) await tab.close();
});

test("it says how others join, and others do by what it says", LIMIT, async () => {
  await ann.click(".share summary");
  const page = await ann.getAttribute("#page-link", "href");
  assert.equal(page, `${site.url}#shared`);
  const [clone = ""] = ((await ann.locator(".share pre").last().textContent()) ?? "").split("\n");
  await site.run(clone);
  assert.match(site.trellis("-C board get cards/1/title"), /From a terminal/);
  // No camera gets here by this address.
  await counted(ann, ".share .code", 0);
  assert.match((await ann.textContent(".share")) ?? "", /serve --demo --listen 0\.0\.0\.0:4200 --allow-plain/);
  await site.keep(ann, "share");
  await accessible(ann);
});

test("where others reach the page, it has a code for their cameras", LIMIT, async () => {
  const context = await ann.context().browser()?.newContext();
  await context?.route("http://board.test/**", async (route) => {
    const { pathname } = new URL(route.request().url());
    await route.fulfill({ response: await route.fetch({ url: site.url + pathname.slice(1) }) });
  });
  const page = /** @type {import("./site.mjs").Page} */ (await context?.newPage());
  await page.goto("http://board.test/#shared");
  await page.click(".share summary");
  assert.ok((await page.getAttribute(".code path", "d"))?.startsWith("M"));
  assert.match((await page.textContent(".share")) ?? "", /Without TLS/);
  await site.keep(page, "share-code");
  await context?.close();
});

test("a copy outlives its tab, also where the relay cannot be reached", LIMIT, async () => {
  await add(ann, "own", "Kept in the browser");
  await received(ann, "Kept in the browser", RELAYED);
  let isCut = true;
  await ann.routeWebSocket(
    () => true,
    (socket) => void (isCut ? socket.close() : socket.connectToServer()),
  );
  await ann.reload();
  await linked(ann, "Not reached");
  await card(ann, "own", "Kept in the browser").waitFor();
  await add(ann, "own", "Written after a reload");
  isCut = false;
  await ann.reload();
  await card(ann, "own", "Written after a reload").waitFor();
  await card(bob, "own", "Written after a reload").waitFor();
});

test("a board that the relay had before is kept aside", LIMIT, async () => {
  await site.stopRelay("SIGKILL");
  await site.freshBoard("other");
  await bob.click("#link");
  await bob.click("#link");
  await bob.click("#other");
  await bob.waitForSelector("#own:not([hidden]) .columns");
  await counted(bob, "#own .card", 0);
  await column(bob, "own", "To do").waitFor();
});

test("nobody complained", () => {
  const told = site.complaints.filter((complaint) => !isOfNetwork(complaint));
  assert.deepEqual(told, []);
});

/** What Chromium itself says where a link or the page cannot be had, which is what these tests are about. @param {string} complaint */
function isOfNetwork(complaint) {
  return /^WebSocket connection to '[^']*' failed|^Failed to load resource: net::ERR_/.test(complaint);
}
