// The page of examples/json-page in a real browser, at a real `trellis serve`.
//
// Its README's own lines set the scene, on ports that are free. What comes after goes on with the same repo.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { example, freePort, LIMIT_MS, Place } from "./place.mjs";

const HOSTILE = `<img src=x onerror="document.title='taken'">`;

const KEPT = "on the server's disk";

const place = new Place();
const [serverPort, sitePort] = [await freePort(), await freePort()];
const SERVER = `ws://127.0.0.1:${serverPort}`;
const SITE = `http://localhost:${sitePort}`;
/** @param {string} text */
const withPorts = (text) => text.replaceAll("4217", `${serverPort}`).replaceAll("8000", `${sitePort}`);
const serving = (/** @type {string} */ how) =>
  `-C notes serve ${how}--listen 127.0.0.1:${serverPort} --allow-origin ${SITE}`;

/** @type {import("playwright-core").Browser} */
let browser;
/** @type {import("playwright-core").Page} */
let page;
/** @type {string[]} */
const complaints = [];

before(async () => {
  const { lines, address } = example();
  assert.equal(lines.length, 4);
  for (const line of lines.map(withPorts)) place.shell(line);
  for (const file of ["server", "site"]) place.endsByFile(file);
  browser = await place.browser();
  page = await open(withPorts(address));
});
after(() => place.end());

/** A page that is open, and complains into the list. @param {string} address */
async function open(
  address,
  context = /** @type {import("playwright-core").BrowserContext | undefined} */ (undefined),
) {
  context ??= await browser.newContext();
  context.setDefaultTimeout(LIMIT_MS);
  const opened = await context.newPage();
  opened.on("pageerror", (error) => complaints.push(String(error)));
  opened.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
  await retried(() => opened.goto(address));
  // A state may be too short to be seen by looking now and then.
  await opened.evaluate(() => {
    const status = document.querySelector("#status");
    const heard = [status?.textContent];
    Object.assign(window, { heard });
    if (status) new MutationObserver(() => heard.push(status.textContent)).observe(status, { childList: true });
  });
  return opened;
}

/** Does it again until it can be done: a server that was started is not up at once. @param {() => Promise<unknown>} action */
async function retried(action) {
  const until = Date.now() + LIMIT_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}

/** Waits until a page shows a row with these cells. @param {string[]} cells */
const shown = (cells, on = page) =>
  on.waitForFunction((cells) => {
    const rows = [...document.querySelectorAll("#records tbody tr")];
    return rows.some((row) => cells.every((cell, at) => row.children[at].textContent === cell));
  }, cells);

/** Waits until the status was this since it was last asked for. @param {string} text */
const told = (text, on = page) =>
  on.waitForFunction((text) => {
    const { heard } = /** @type {any} */ (window);
    const at = heard.indexOf(text);
    if (at >= 0) heard.splice(0, at + 1);
    return at >= 0;
  }, text);

/** Waits until so many own writes have this said of them. @param {number} count @param {string} text */
const fates = (count, text, on = page) =>
  on.waitForFunction(
    ([count, text]) =>
      [...document.querySelectorAll("#own li")].filter((li) => li.textContent?.endsWith(text)).length === count,
    /** @type {[number, string]} */ ([count, text]),
  );

/** @param {Record<string, string>} words */
async function write(words, on = page) {
  for (const [name, word] of Object.entries(words)) await on.fill(`#write [name=${name}]`, word);
  await on.click("#write button");
}

test("the records of a repo are shown", async () => {
  await told("Connected.");
  await shown(["notes/1", "title", "Calm", ""]);
});

test("what another copy writes arrives while the page is open", async () => {
  place.trellis(`clone ${SERVER} bob`);
  place.trellis("-C bob set notes/2/title", { args: ["Harbour"] });
  place.trellis("-C bob set notes/2/depth 7");
  // More than a server sends before it is told that what it sent has come.
  for (let at = 0; at < 40; at++) place.trellis("-C bob set notes/3/text", { args: [`${at}`.padEnd(100_000, "x")] });
  place.trellis("-C bob rm notes/1");
  place.trellis(`-C bob sync ${SERVER}`);
  await shown(["notes/2", "depth", "7", ""]);
  await shown(["notes/2", "title", "Harbour", ""]);
  await shown(["notes/3", "text", "39".padEnd(100_000, "x"), ""]);
  assert.equal(await page.locator("#records td", { hasText: "notes/1" }).count(), 0);
});

test("what is written in the page is on the server's disk, and in every copy", async () => {
  await write({ collection: "notes", key: "2", field: "title", text: "From the page" });
  await fates(1, KEPT);
  await shown(["notes/2", "title", "From the page", ""]);
  await write({ collection: "notes", key: "4", field: "a/b~c", text: "" });
  await fates(2, KEPT);
  place.trellis(`-C bob sync ${SERVER}`);
  assert.match(place.trellis("-C bob get notes/2/title"), /From the page/);
  assert.deepEqual(JSON.parse(place.trellis("-C bob get notes/4")), { "a/b~c": "" });
  place.trellis("-C bob conflicts");
  place.trellis("-C bob verify");
});

test("hostile names and values are texts", async () => {
  for (const name of ["__proto__", "constructor", HOSTILE.replaceAll("/", "")]) {
    place.trellis("-C bob set --text", { args: [`notes/${name}/${name}`, HOSTILE] });
  }
  place.trellis(`-C bob sync ${SERVER}`);
  await write({ collection: HOSTILE, key: "__proto__", field: "__proto__", text: HOSTILE });
  await shown([`${HOSTILE}/__proto__`, "__proto__", HOSTILE, ""]);
  for (const name of ["__proto__", "constructor", HOSTILE]) await shown([`notes/${name}`, name, HOSTILE, ""]);
  await fates(3, KEPT);
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.title(), "trellis by hand");
  assert.equal(await page.evaluate(() => Object.keys(Object.prototype).length), 0);
});

test("nothing went wrong so far that a browser complains about", async () => {
  assert.deepEqual(complaints, []);
  await page.screenshot({ path: place.picture("page.png"), fullPage: true });
});

test("a page whose site the server does not name gets no link", async () => {
  const other = await open(`http://127.0.0.1:${sitePort}/?server=${SERVER}`);
  await told("The connection is lost.", other);
  assert.ok(complaints.length > 0 && complaints.every((text) => text.includes("403")), `${complaints}`);
  await other.context().close();
});

test("a killed server is noticed, and writes of both sides come together when it is back", async () => {
  place.shell("kill -9 $(cat server)");
  await told("The connection is lost.");
  await write({ collection: "notes", key: "2", field: "title", text: "Written alone" });
  await fates(1, "waiting");
  place.trellis("-C notes set notes/2/title Meanwhile");
  const server = await place.serve(serving("--open "));
  await shown(["notes/2", "title", "Meanwhile", "2 writes that have not seen one another"]);
  await fates(4, KEPT);
  await told("Connected.");
  await server.stop("SIGTERM");
  await told("The server says goodbye.");
  assert.match(place.trellis("-C notes conflicts", { exit: 2 }), /Written alone/);
});

/** The key of a page. @param {import("playwright-core").Page} on */
const keyOf = async (on) => (await on.textContent("#key")) ?? "";

test("a server for members lets in a page whose key is one, and no other", async () => {
  const bob = JSON.parse(place.trellis("-C bob sync status --json")).author;
  // The first addition brings along whoever has written, and so the key of this page.
  place.trellis(`-C notes members add ${bob} --name Bob`);
  const server = await place.serve(serving(""));
  await told("Connected.");
  const stranger = await open(`${SITE}/?server=${SERVER}`);
  let dialled = 0;
  stranger.on("websocket", () => {
    dialled += 1;
  });
  await told("The server says auth_failed.", stranger);
  assert.equal(await stranger.locator("#records td").count(), 0);
  await server.stop("SIGTERM");

  const generous = await place.serve(serving("--open "));
  assert.equal(dialled, 0, "it does not dial again by itself");
  await stranger.click("#dial button");
  await shown(["notes/4", "a/b~c", "", ""], stranger);
  await write({ collection: "notes", key: "5", field: "title", text: "By a stranger" }, stranger);
  await fates(1, "without effect, since this key may not write", stranger);
  await generous.stop("SIGTERM");

  place.trellis(`-C notes members add ${await keyOf(stranger)} --name Stranger`);
  const strict = await place.serve(serving(""));
  await stranger.click("#dial button");
  await write({ collection: "notes", key: "6", field: "title", text: "By a member" }, stranger);
  // What it wrote before has effect too, now that its key may write.
  await fates(2, KEPT, stranger);
  await shown(["notes/6", "title", "By a member", ""]);
  await strict.stop("SIGTERM");
  await stranger.context().close();
});

/** A page whose server's words are changed on the way. @param {(message: any, text: string) => string | string[]} change */
async function withLiar(change) {
  const context = await browser.newContext();
  context.setDefaultTimeout(LIMIT_MS);
  /** @type {string[]} */
  const said = [];
  await context.routeWebSocket(/./, (client) => {
    const server = client.connectToServer();
    client.onMessage((text) => {
      said.push(JSON.parse(String(text)).type);
      server.send(text);
    });
    server.onMessage((text) => {
      for (const changed of [change(JSON.parse(String(text)), String(text))].flat()) client.send(changed);
    });
  });
  return { on: await open(`${SITE}/?server=${SERVER}`, context), said };
}

/** Another digit in its place. @param {string} text */
const spoiled = (text) => (text[0] === "0" ? "1" : "0") + text.slice(1);

test("what a server does not prove is not believed", async () => {
  const server = await place.serve(serving("--open "));
  const impostor = await withLiar((message, text) =>
    message.type === "welcome" ? JSON.stringify({ ...message, signature: spoiled(message.signature) }) : text,
  );
  await told("The server does not prove its key.", impostor.on);
  assert.ok(!impostor.said.includes("auth"));

  const forger = await withLiar((message, text) => {
    for (const op of message.ops ?? []) op.body = "e30";
    return message.type === "ops" ? JSON.stringify(message) : text;
  });
  await told("A body is not the one of its op.", forger.on);

  const eraser = await withLiar((message, text) => {
    for (const op of message.ops ?? []) delete op.signature;
    return message.type === "ops" ? JSON.stringify(message) : text;
  });
  await told("Connected.", eraser.on);
  await eraser.on.waitForFunction(() => document.querySelector("#status")?.textContent === "Connected.");
  assert.equal(await eraser.on.locator("#records td").count(), 0);

  const nagger = await withLiar((message, text) =>
    message.type === "have"
      ? [text, JSON.stringify({ type: "ping", number: 7 }), JSON.stringify({ type: "want" })]
      : text,
  );
  await shown(["notes/4", "a/b~c", "", ""], nagger.on);
  assert.ok(nagger.said.includes("pong"), `${nagger.said}`);
  for (const { on } of [impostor, forger, eraser, nagger]) await on.context().close();
  await server.stop("SIGTERM");
});
