// What tests say about a page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** @typedef {import("./site.mjs").Page} Page */

/** A card of a copy. @param {Page} page @param {string} copy @param {string} title */
export const card = (page, copy, title) =>
  page.locator(`#${copy} .card`).filter({ has: page.locator("h4", { hasText: title }) });

/** A column of a copy. @param {Page} page @param {string} copy @param {string} name */
export const column = (page, copy, name) => page.locator(`#${copy} .column[aria-label="${name}"]`);

/** The note of a copy. @param {Page} page @param {string} copy */
export const note = (page, copy) => page.locator(`#${copy}-note-text`);

/** Waits until a copy has so many conflicts, each with its mark, and one of them open. @param {Page} page @param {string} copy @param {number} conflicts */
export async function conflicts(page, copy, conflicts) {
  await counted(page, `#${copy} .mark`, conflicts);
  await counted(page, `#${copy} .conflict`, Math.min(conflicts, 1));
}

/** Waits until there are so many elements. @param {Page} page @param {string} selector @param {number} count */
export const counted = (page, selector, count) =>
  page.waitForFunction(
    ([selector, count]) => document.querySelectorAll(selector).length === count,
    /** @type {[string, number]} */ ([selector, count]),
  );

/** Waits until a field has a value. @param {import("./site.mjs").Locator} field @param {(value: string) => boolean} is */
export async function valued(field, is) {
  for (;;) {
    const value = await field.inputValue();
    if (is(value)) return value;
    await field.page().evaluate(() => new Promise((done) => requestAnimationFrame(done)));
  }
}

/** What a copy shows of its cards, without buttons. @param {Page} page @param {string} copy */
export const board = (page, copy) =>
  page
    .locator(`#${copy} .column`)
    .evaluateAll((columns) =>
      columns.map((column) =>
        [...column.querySelectorAll(".card")].map((card) =>
          [...card.querySelectorAll("h4, .text, .tags li, .vote")].map((part) => part.textContent),
        ),
      ),
    );

/** Waits until both copies of a page show the same. @param {Page} page */
export const alike = (page) =>
  page.waitForFunction(() => {
    const shown = (/** @type {string} */ copy) =>
      [...document.querySelectorAll(`#${copy} .column`)].map((column) =>
        [...column.querySelectorAll("h4, .text, .tags li, .vote")].map((part) => part.textContent).join("\n"),
      );
    return JSON.stringify(shown("ann")) === JSON.stringify(shown("bob"));
  });

/** Adds a card. @param {Page} page @param {string} copy @param {string} title */
export async function add(page, copy, title) {
  await page.fill(`#${copy} .adder input`, title);
  await page.press(`#${copy} .adder input`, "Enter");
  await card(page, copy, title).waitFor();
}

/** Writes fields of a card by its form. @param {Page} page @param {string} copy @param {string} title @param {Record<string, string>} fields */
export async function edit(page, copy, title, fields) {
  await card(page, copy, title).locator("[aria-label^=Edit]").click();
  for (const [name, value] of Object.entries(fields)) await page.fill(`#${copy} .editor [name=${name}]`, value);
  await page.click(`#${copy} .editor [type=submit]`);
  await counted(page, `#${copy} .editor`, 0);
}

/** Nothing on the page keeps anybody out, as far as axe-core sees. @param {Page} page */
export async function accessible(page) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { violations } = await /** @type {any} */ (window).axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.map((/** @type {any} */ { id, nodes }) => [
      id,
      ...nodes.slice(0, 3).map((/** @type {any} */ node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`),
    ]);
  });
  assert.deepEqual(violations, []);
}
