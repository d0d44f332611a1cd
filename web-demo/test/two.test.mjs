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

/** The first of these elements is on the screen, and nothing over it. @param {import("./site.mjs").Page} page @param {string} selector */
const inSight = (page, selector) =>
  page.waitForFunction((selector) => {
    const element = document.querySelector(selector);
    const { left = 0, top = 0, width = 0, height = 0 } = element?.getBoundingClientRect() ?? {};
    const seen = document.elementFromPoint(left + width / 2, top + height / 2);
    return element !== null && seen !== null && (element.contains(seen) || seen.contains(element));
  }, selector);

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
  await page.locator("#bob .mark", { hasText: "title" }).click();
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

test(
  "of several conflicts one is open, and the board stays in sight; the focus goes from each to the next",
  LIMIT,
  async () => {
    const page = await two();
    await toggle(page);
    const titles = ["Order tomato seeds", "Mend the garden gate", "Find a shared tool shed"];
    for (const title of titles)
      for (const copy of ["ann", "bob"]) await edit(page, copy, title, { title: `${title}, ${copy}` });
    await toggle(page);
    for (const copy of ["ann", "bob"]) await conflicts(page, copy, 3);
    const name = page.locator("#ann .conflict h3");
    assert.match((await page.textContent("#ann .steps")) ?? "", /1 of 3/);
    await page.click("#ann .steps [aria-label^='The next']");
    await page.locator("#ann .steps", { hasText: "2 of 3" }).waitFor();
    await page.keyboard.press("Enter");
    await page.locator("#ann .steps", { hasText: "3 of 3" }).waitFor();
    assert.ok(await page.evaluate(() => document.activeElement?.matches("#ann .steps [aria-label^='The next']")));
    const { y } = /** @type {{ y: number }} */ (await page.locator("#ann .columns").boundingBox());
    assert.ok(y < 600, `the board begins at ${y}`);
    await accessible(page);
    await site.keep(page, "conflicts");
    await card(page, "ann", "Find a shared tool shed").locator(".mark").click();
    await name.filter({ hasText: "Find a shared" }).waitFor();
    for (const left of [2, 1, 0]) {
      await page.keyboard.press("Tab");
      while (!(await page.evaluate(() => document.activeElement?.matches(".sides button"))))
        await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await conflicts(page, "ann", left);
      if (left > 0) await page.waitForFunction(() => document.activeElement?.matches("#ann .conflict"));
    }
    await page.waitForFunction(() => document.activeElement?.matches("#ann .card [aria-label^=Edit]"));
    await page.close();
  },
);

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
  assert.equal(await page.evaluate(() => document.activeElement?.id), "ann-history-slider");
  assert.equal(await page.locator("#ann .graph circle").count(), newest);
  await page.close();
});

test(
  "the list of the history calls cards as they were called then, and goes back to the beginning",
  LIMIT,
  async () => {
    const page = await two();
    await edit(page, "ann", "Order tomato seeds", { title: "Order basil" });
    await add(page, "ann", "Paint the bench");
    await card(page, "ann", "Paint the bench").locator("[aria-label^=Edit]").click();
    await page.click("#ann .editor .danger");
    for (let vote = 1; vote <= 6; vote += 1) {
      await card(page, "ann", "Order basil").locator(".vote").click();
      await card(page, "ann", "Order basil")
        .locator(".vote", { hasText: `▲ ${vote}` })
        .waitFor();
    }
    await page.click("#ann .history summary");
    const rows = page.locator("#ann .history .rows li");
    await rows.filter({ hasText: "removed “Paint the bench”" }).waitFor();
    await rows.filter({ hasText: "added “Paint the bench”" }).waitFor();
    assert.equal(await rows.count(), 8);
    await page.click("text=Earlier");
    await rows.filter({ hasText: "changed “Order tomato seeds”: title “Order basil”" }).waitFor();
    await rows.filter({ hasText: "added “Order tomato seeds”" }).waitFor();
    await counted(page, "#ann .history [data-key=earlier]", 0);
    await page.close();
  },
);

test("the page plays a merge by itself, and another one once its conflict is decided", LIMIT, async () => {
  const page = await two();
  for (const [card, text] of /** @type {const} */ ([
    ["Order tomato seeds", /^Saturday!\n.*15:00 cake$/s],
    ["Mend the garden gate", /^Saturday!!\n.*15:00 cake\n16:00 cake$/s],
  ])) {
    await page.click("#play");
    for (const copy of ["ann", "bob"]) await conflicts(page, copy, 1);
    await page.waitForSelector("#link:enabled");
    await alike(page);
    for (const copy of ["ann", "bob"]) {
      assert.match((await page.textContent(`#${copy} .conflict h3`)) ?? "", new RegExp(`^2 titles of “${card}”`));
      assert.match(await note(page, copy).inputValue(), text);
    }
    assert.equal(await page.textContent("#play:disabled"), "First decide below");
    await page.locator("#bob .sides button").first().click();
    await page.waitForSelector("#play:enabled");
  }
  await page.close();
});

test("on a phone both copies are in sight, and what one does shows in the other", LIMIT, async () => {
  const page = await two({ viewport: { width: 390, height: 844 } });
  await page.locator("#ann .vote").first().click();
  await page.waitForFunction(() => document.querySelector("#bob .vote")?.textContent === "▲ 1");
  for (const part of ["#ann .card", "#bob .card", ".story [href='#shared']"]) await inSight(page, part);
  await site.keep(page, "phone");
  await page.close();
});

test("the slider stays beside the board", LIMIT, async () => {
  for (const viewport of [
    { width: 1280, height: 800 },
    { width: 390, height: 844 },
  ]) {
    const page = await two({ viewport });
    await page.click("#ann .history summary");
    await page.locator("#ann-history-slider").focus();
    await page.keyboard.press("ArrowLeft");
    await page.evaluate(() => scrollTo(0, 0));
    for (const part of ["#ann .card", "#ann-history-slider", "#ann .past button"]) await inSight(page, part);
    await accessible(page);
    await page.close();
  }
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
