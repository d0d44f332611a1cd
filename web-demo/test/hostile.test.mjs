// Names and values that try to become something else than text, in every field, from a peer that writes whatever it likes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Site } from "./site.mjs";
import { conflicts, counted, valued } from "./words.mjs";

const LIMIT = { timeout: 240_000 };
const DONE = "globalThis.taken=1";
const FORMS = [
  `<script>${DONE}</script>`,
  `</script><script>${DONE}</script>`,
  `<img src=x onerror=${DONE}>`,
  `<svg onload=${DONE}>`,
  `<svg><script>${DONE}</script></svg>`,
  `<svg><animate onbegin=${DONE} attributeName=x dur=1s>`,
  `<iframe srcdoc="<script>parent.taken=1</script>">`,
  `<iframe src="javascript:parent.taken=1">`,
  `<object data="javascript:${DONE}">`,
  `<embed src="javascript:${DONE}">`,
  `<a href="javascript:${DONE}" autofocus onfocus=${DONE}>x</a>`,
  `<input autofocus onfocus=${DONE}>`,
  `<details open ontoggle=${DONE}>`,
  `<video><source onerror=${DONE}></video>`,
  `<body onload=${DONE}>`,
  `<style>@import "http://127.0.0.1:9/x";</style>`,
  `<link rel=stylesheet href=http://127.0.0.1:9/x>`,
  `<meta http-equiv=refresh content="0;url=javascript:${DONE}">`,
  `<base href=http://127.0.0.1:9/>`,
  `<form action=http://127.0.0.1:9/><button autofocus>x`,
  `<math><mtext></form><form><mglyph><style></math><img src onerror=${DONE}>`,
  `<template><script>${DONE}</script></template>`,
  `<noscript><p title="</noscript><img src=x onerror=${DONE}>">`,
  `<x contenteditable onblur=${DONE}>`,
  `<marquee onstart=${DONE}>`,
  `javascript:${DONE}`,
  `data:text/html,<script>${DONE}</script>`,
  `\${${DONE}}`,
  `{{constructor.constructor('${DONE}')()}}`,
  `<%= ${DONE} %>`,
  `';${DONE};//`,
  `";${DONE};//`,
  `\`;${DONE};//`,
  `-->${DONE}<!--`,
  `]]>${DONE}<![CDATA[`,
  `\\u003cscript\\u003e${DONE}\\u003c/script\\u003e`,
  `&lt;script&gt;${DONE}&lt;/script&gt;`,
  `%3Cscript%3E${DONE}%3C/script%3E`,
  "__proto__",
  "\u202e gnp.exe \u2066 \ufeff",
];
/** @type {((text: string) => string)[]} */
const WRAPS = [
  (text) => text,
  (text) => `"'>${text}`,
  (text) => `' ${text} x='`,
  (text) => `</textarea></title></style>${text}`,
  (text) => text.toUpperCase().replace("GLOBALTHIS.TAKEN", "globalThis.taken"),
];
const PAYLOADS = FORMS.flatMap((form) => WRAPS.map((wrap) => wrap(form)));
/** Elements of the page itself. A payload that became one would bring another. */
const OWN =
  "A ARTICLE B BUTTON CIRCLE CODE DEL DETAILS DIV FORM G H1 H2 H3 H4 HEADER INPUT INS LABEL LI MAIN NAV OL P PATH PRE RECT SECTION SPAN SUMMARY SVG TEXTAREA TIME UL".split(
    " ",
  );

const site = new Site();

before(async () => {
  await site.begin();
  await site.run(`trellis clone ${site.relayUrl} folder`);
});
after(() => site.end());

/** What is wrong with a page that shows payloads; nothing, one hopes. @param {import("./site.mjs").Page} page */
async function taken(page) {
  const found = await page.evaluate((own) => {
    const strangers = [...document.querySelectorAll("#app *")].filter(
      ({ tagName }) => !own.includes(tagName.toUpperCase()),
    );
    const handlers = [...document.querySelectorAll("#app *")].filter((element) =>
      element.getAttributeNames().some((name) => name.startsWith("on") || name === "style"),
    );
    return {
      isTaken: "taken" in globalThis,
      scripts: document.scripts.length,
      strangers: strangers.map(({ outerHTML }) => outerHTML),
      handlers: handlers.map(({ outerHTML }) => outerHTML),
    };
  }, OWN);
  assert.deepEqual(found, { isTaken: false, scripts: 1, strangers: [], handlers: [] });
}

test("200 payloads in every field of cards, from a folder, are text", LIMIT, async () => {
  assert.equal(PAYLOADS.length, 200);
  site.trellis("config set authorName --user", { args: [FORMS[2] ?? ""] });
  for (const [at, text] of PAYLOADS.entries()) {
    const record = JSON.stringify({ title: text, text, column: text, tags: [text], votes: text });
    site.trellis(`-C folder set cards/${String(at).padStart(3, "0")}`, { args: [record] });
  }
  site.trellis("-C folder set notes/shared/text", { args: [PAYLOADS.join("\n")] });
  await site.run(`trellis -C folder sync ${site.relayUrl}`);
  const page = await site.visit("#shared");
  await counted(page, "#own .card", PAYLOADS.length);
  for (const part of ["h4", ".text", ".tags li"])
    assert.deepEqual(await page.locator(`#own .card ${part}`).allTextContents(), PAYLOADS);
  assert.equal(await page.inputValue("#own-note-text"), PAYLOADS.join("\n"));
  await taken(page);
  for (const fold of ["writes", "history"]) await page.click(`#own .${fold} summary`);
  await taken(page);
  await page.close();
});

test("values of any other kind, strange names and conflicts of payloads are text as well", LIMIT, async () => {
  for (const value of ["null", "7", "[]", '"x"', '{"title":{"toString":1,"__proto__":[]},"tags":{"length":9}}'])
    site.trellis("-C folder set", { args: [`cards/of ${value.length} <b>`, value] });
  site.trellis("-C folder set", { args: ["<script>/<img src=x onerror=globalThis.taken=1>", "{}"] });
  site.trellis("clone folder other");
  for (const [at, folder] of ["folder", "other"].entries())
    for (const key of ["000", "001", "002"])
      site.trellis(`-C ${folder} set cards/${key}/title`, { args: [`${at} ${FORMS[at]}`] });
  for (const folder of ["folder", "other"]) await site.run(`trellis -C ${folder} sync ${site.relayUrl} || [ $? = 2 ]`);
  const page = await site.visit("#shared");
  for (const open of [3, 2, 1]) {
    await conflicts(page, "own", open);
    await taken(page);
    await page.locator("#own .sides button").first().click();
  }
  await conflicts(page, "own", 0);
  await taken(page);
  await page.close();
});

test("what a visitor types is text", LIMIT, async () => {
  const page = await site.visit("");
  await counted(page, "#bob .card", 4);
  for (const text of FORMS)
    await page
      .locator("#ann .adder input")
      .fill(text)
      .then(() => page.press("#ann .adder input", "Enter"));
  await page.fill("#ann-note-text", FORMS.join("\n"));
  await counted(page, "#bob .card", 4 + FORMS.length);
  await valued(page.locator("#bob-note-text"), (text) => text === FORMS.join("\n"));
  await taken(page);
  await page.close();
});

test("the page takes no string for a script, wherever it comes from", LIMIT, async () => {
  const page = await site.visit("");
  const refused = await page.evaluate(() => {
    const tried = [
      () => (document.createElement("div").innerHTML = "<b>x</b>"),
      () => (document.createElement("script").src = "x.js"),
      () => document.createRange().createContextualFragment("<b>x</b>"),
      () => /** @type {any} */ (window).trustedTypes.createPolicy("own", { createScriptURL: String }),
      () => /** @type {any} */ (window).trustedTypes.createPolicy("worker", { createScriptURL: String }),
    ];
    return tried.map((attempt) => {
      try {
        attempt();
        return "let in";
      } catch (error) {
        return error instanceof Error ? error.name : "thrown";
      }
    });
  });
  assert.deepEqual(refused, Array(refused.length).fill("TypeError"));
  // Chromium tells of each, and of nothing else.
  while (site.complaints.length < refused.length) await page.evaluate(() => 0);
  for (const complaint of site.complaints.splice(0))
    assert.match(complaint, /^This document requires 'Trusted|^Creating a TrustedTypePolicy named /);
  await page.close();
});

test("nobody complained", () => assert.deepEqual(site.complaints, []));
