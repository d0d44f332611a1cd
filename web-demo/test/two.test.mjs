// Two copies side by side on one page, without a server behind it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Site } from "./site.mjs";
import { accessible, add, alike, board, card, column, conflicts, counted, edit, note, valued } from "./words.mjs";

const LIMIT = { timeout: 120_000 };
const site = new Site();

before(() => site.begin());
after(() => site.end());

/** A page with both copies, the same. @param {import("./site.mjs").ContextOptions} options */
async function two(options = {}) {
  const page = await site.visit("", options);
  await counted(page, "#ann .card", 4);
  await counted(page, "#bob .card", 4);
  return page;
}

/** Cuts the link, or joins it. @param {import("./site.mjs").Page} page */
const toggle = (page) => page.click("#link");

test("what one writes, the other shows, and the receipt says so", LIMIT, async () => {
  const page = await two();
  await add(page, "ann", "Paint the bench");
  await card(page, "bob", "Paint the bench").waitFor();
  const receipt = card(page, "ann", "Paint the bench").locator(".receipt");
  await page.waitForSelector(`#ann .receipt[aria-label="Saved here and on a peer"]`);
  assert.match((await receipt.textContent()) ?? "", /✓ here\s*✓ peer/);
  await toggle(page);
  await add(page, "ann", "Only with Ann");
  const alone = card(page, "ann", "Only with Ann").locator(".receipt");
  assert.equal(await alone.getAttribute("aria-label"), "Saved here; no peer has it yet");
  assert.match((await page.textContent("#ann .state")) ?? "", /Cut.*1 write only here/);
  assert.equal(await card(page, "bob", "Only with Ann").count(), 0);
  await toggle(page);
  await card(page, "bob", "Only with Ann").waitFor();
  await counted(page, "#ann .state .chip", 0);
  await page.close();
});

test("votes, tags, moves and lines of the note merge, and nobody is asked", LIMIT, async () => {
  const page = await two();
  const seeds = "Order tomato seeds";
  await toggle(page);
  for (const copy of ["ann", "bob"]) await card(page, copy, seeds).locator(".vote").click();
  await edit(page, "ann", seeds, { tags: "shop, urgent" });
  await edit(page, "bob", seeds, { text: "Four sorts." });
  await card(page, "bob", "Mend the garden gate").locator("[aria-label*='to Done']").click();
  await note(page, "ann").fill("Sunday\n9:00 meet at the gate\nbring gloves\n13:00 lunch");
  await note(page, "bob").fill("Saturday\n9:00 meet at the gate\nbring gloves\n13:00 lunch\n15:00 cake");
  await toggle(page);
  await alike(page);
  await column(page, "ann", "Done").locator("h4", { hasText: "Mend the garden gate" }).waitFor();
  await page.waitForFunction(() => document.querySelector("#ann .vote")?.textContent === "▲ 2");
  const [[first]] = await board(page, "ann");
  assert.deepEqual(first, [seeds, "Four sorts.", "shop", "urgent", "▲ 2"]);
  const merged = "Sunday\n9:00 meet at the gate\nbring gloves\n13:00 lunch\n15:00 cake";
  for (const copy of ["ann", "bob"]) await valued(note(page, copy), (text) => text === merged);
  assert.equal(await page.locator(".conflict").count(), 0);
  await page.close();
});

test("a conflict stands open on both sides while the board goes on, until one click closes it", LIMIT, async () => {
  const page = await two();
  await toggle(page);
  await edit(page, "ann", "Order tomato seeds", { title: "Order basil" });
  await edit(page, "bob", "Order tomato seeds", { title: "Swap seeds" });
  await toggle(page);
  for (const copy of ["ann", "bob"]) {
    await conflicts(page, copy, 1);
    const texts = await page.locator(`#${copy} .sides .value`).allTextContents();
    assert.deepEqual([texts[0], texts.slice(1).toSorted()], ["Order tomato seeds", ["Order basil", "Swap seeds"]]);
    const authors = await page.locator(`#${copy} .sides b`).allTextContents();
    assert.deepEqual(authors.toSorted(), ["Ann", "Bob"]);
  }
  await accessible(page);
  await site.keep(page, "conflict");
  await add(page, "bob", "The board goes on");
  await card(page, "ann", "The board goes on").waitFor();
  await page.locator("#bob .sides li", { hasText: "Order basil" }).locator("button").click();
  for (const copy of ["ann", "bob"]) await conflicts(page, copy, 0);
  await alike(page);
  assert.equal(await card(page, "ann", "Order basil").count(), 1);
  await page.close();
});

test("a conflict is closed by hand, with what no side has", LIMIT, async () => {
  const page = await two();
  await toggle(page);
  await edit(page, "ann", "Order tomato seeds", { title: "Order basil", text: "One" });
  await edit(page, "bob", "Order tomato seeds", { title: "Swap seeds", text: "Two" });
  await toggle(page);
  await conflicts(page, "bob", 2);
  await page.locator("#bob input[aria-label='A title of your own']").fill("Order basil, swap seeds");
  await page
    .locator("#bob .by-hand", { has: page.locator("input") })
    .locator("button")
    .click();
  await conflicts(page, "bob", 1);
  await page.locator("#bob .by-hand button").click();
  for (const copy of ["ann", "bob"]) await conflicts(page, copy, 0);
  const whole = card(page, "ann", "Order basil, swap seeds");
  await whole.waitFor();
  assert.deepEqual(((await whole.locator(".text").textContent()) ?? "").split("\n").toSorted(), ["One", "Two"]);
  await page.close();
});

test("a form that was open stands on what its writer saw", LIMIT, async () => {
  const page = await two();
  await card(page, "ann", "Order tomato seeds").locator("[aria-label^=Edit]").click();
  await edit(page, "bob", "Order tomato seeds", { title: "Swap seeds" });
  await page.fill("#ann .editor [name=title]", "Order basil");
  await page.click("#ann .editor [type=submit]");
  await conflicts(page, "ann", 1);
  await conflicts(page, "bob", 1);
  await page.close();
});

test("what comes in is held, looked at, taken, and let in", LIMIT, async () => {
  const page = await two();
  await page.click("#bob-hold");
  await page.waitForSelector("#bob .held");
  await edit(page, "ann", "Order tomato seeds", { title: "Order basil" });
  await add(page, "ann", "Paint the bench");
  await counted(page, "#bob .held .change", 2);
  assert.equal(await card(page, "bob", "Paint the bench").count(), 0);
  assert.match(
    (await page.textContent("#bob .held")) ?? "",
    /2 changes wait.*title: Order tomato seeds → Order basil/s,
  );
  await add(page, "bob", "Bob's own");
  await accessible(page);
  await site.keep(page, "held");
  await page.click("#bob .held button.main");
  await card(page, "bob", "Paint the bench").waitFor();
  await counted(page, "#bob .held .change", 0);
  assert.equal(await card(page, "ann", "Bob's own").count(), 0);
  await page.click("#bob-hold");
  await card(page, "ann", "Bob's own").waitFor();
  await counted(page, ".held", 0);
  await alike(page);
  await page.close();
});

test("the slider is dragged past an open conflict", LIMIT, async () => {
  const page = await two();
  await page.click("#link");
  await edit(page, "ann", "Order tomato seeds", { title: "Order basil" });
  await edit(page, "bob", "Order tomato seeds", { title: "Swap seeds" });
  await page.click("#link");
  await counted(page, "#ann .conflict", 1);
  await page.click("#ann .history summary");
  const slider = page.locator("#ann-history-slider");
  await slider.scrollIntoViewIfNeeded();
  const { x, y, width } = /** @type {{ x: number, y: number, width: number }} */ (await slider.boundingBox());
  await page.mouse.move(x + width - 8, y + 8);
  await page.mouse.down();
  await page.mouse.move(x + 0.8 * width, y + 8);
  await counted(page, "#ann .conflict", 0);
  await page.mouse.move(x + 8, y + 8);
  await counted(page, "#ann .card", 1);
  await page.mouse.up();
  await page.close();
});

test("the slider shows the board as it was, and the list who wrote what", LIMIT, async () => {
  const page = await two();
  await edit(page, "ann", "Order tomato seeds", { title: "Order basil" });
  await card(page, "bob", "Order basil").waitFor();
  await edit(page, "bob", "Order basil", { title: "Swap seeds" });
  await card(page, "ann", "Swap seeds").waitFor();
  await page.click("#ann .history summary");
  const rows = page.locator("#ann .history .rows li");
  await rows.filter({ hasText: /Bob.*title “Swap seeds”/ }).waitFor();
  await rows.filter({ hasText: /Ann.*title “Order basil”/ }).waitFor();
  const slider = page.locator("#ann-history-slider");
  const newest = Number(await slider.getAttribute("max"));
  await slider.focus();
  await page.keyboard.press("ArrowLeft");
  await card(page, "ann", "Order basil").waitFor();
  assert.match(
    (await slider.getAttribute("aria-valuetext")) ?? "",
    new RegExp(`^${newest - 1} of ${newest}: Ann changed`),
  );
  assert.equal(await page.locator("#ann .columns button:enabled").count(), 0);
  assert.equal(await note(page, "ann").getAttribute("readonly"), "");
  await site.keep(page, "history");
  await accessible(page);
  await page.keyboard.press("Home");
  await counted(page, "#ann .card", 1);
  await page.click("#ann .past button");
  await card(page, "ann", "Swap seeds").waitFor();
  assert.equal(await page.locator("#ann .graph circle").count(), newest);
  await page.close();
});

test("the page plays a merge by itself", LIMIT, async () => {
  const page = await two();
  await page.click("#play");
  for (const copy of ["ann", "bob"]) await conflicts(page, copy, 1);
  await page.waitForSelector("#play:enabled");
  await alike(page);
  for (const copy of ["ann", "bob"]) {
    const text = await note(page, copy).inputValue();
    assert.match(text, /^Sunday, not Saturday\n.*15:00 cake$/s);
  }
  await page.close();
});

test("all of it goes by the keyboard, and the focus stays where it was", LIMIT, async () => {
  const page = await two();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Skip to the board");
  await page.keyboard.press("Enter");
  await page.locator("#ann .card [aria-label*='to Doing']").first().focus();
  await page.keyboard.press("Enter");
  await column(page, "bob", "Doing").locator("h4", { hasText: "Order tomato seeds" }).waitFor();
  assert.equal(await focused(), "Move “Order tomato seeds” to Done");
  await page.keyboard.press("Enter");
  await column(page, "bob", "Done").locator("h4", { hasText: "Order tomato seeds" }).waitFor();
  const edit = card(page, "ann", "Order tomato seeds").locator("[aria-label^=Edit]");
  await edit.focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("name")), "title");
  await page.keyboard.press("Escape");
  assert.equal(await focused(), "Edit “Order tomato seeds”");
  await page.waitForFunction(() => document.querySelector("[role=status]")?.textContent?.includes("on a peer"));
  await page.close();
});

test("it is open to everybody: dark and light, wide and narrow", LIMIT, async () => {
  for (const colorScheme of /** @type {const} */ (["light", "dark"]))
    for (const width of [1280, 360]) {
      const page = await two({ colorScheme, viewport: { width, height: 800 } });
      await accessible(page);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `at ${width} px the page is ${overflow} px too wide`);
      await site.keep(page, `two-${colorScheme}-${width}`);
      await page.close();
    }
});

test("nobody complained", () => assert.deepEqual(site.complaints, []));
