// The board that both pages have: what is written to it, and how it is shown.

/** How many ops a card has: the one that puts it there, and changes of its fields. */
export const OPS_PER_CARD = 10;
const SHOWN_MAX = 100;

/** @typedef {{ title: string, done: boolean, rank: number }} Card */
/** One change of the board: a card, or a field of one. @typedef {{ card: string, field?: string, value: any }} Change */

/** The change with a number. @param {number} at @returns {Change} */
export function change(at) {
  const card = `${Math.floor(at / OPS_PER_CARD)}`.padStart(6, "0");
  const step = at % OPS_PER_CARD;
  if (step === 0) return { card, value: { title: `Card ${card}`, done: false, rank: at / 7 } };
  if (step % 3 === 1) return { card, field: "title", value: `Card ${card}, edit ${step}` };
  return step % 3 === 2 ? { card, field: "done", value: step % 2 === 0 } : { card, field: "rank", value: at / 7 };
}

/** Puts the number of cards and the first of them into the page. @param {readonly (readonly [string, any])[]} cards ascending by key */
export function render(cards) {
  const count = document.createElement("p");
  count.id = "count";
  count.textContent = `${cards.length} cards`;
  const list = document.createElement("ul");
  list.append(...cards.slice(0, SHOWN_MAX).map(([key, card]) => item(key, card)));
  document.body.replaceChildren(count, list);
}

/** The key of the first card. */
export const FIRST = "000000";

/** Shows the first card anew. @param {Card} card */
export function renderFirst(card) {
  document.querySelector("li")?.replaceWith(item(FIRST, card));
}

/** @param {string} key @param {Card} card */
function item(key, { title, done, rank }) {
  const li = document.createElement("li");
  li.textContent = `${key} ${title}, ${done ? "done" : "open"}, ${rank.toFixed(2)}`;
  return li;
}

/** Milliseconds of this machine, the same in all tabs. */
export const clock = () => performance.timeOrigin + performance.now();

/**
 * When the first card comes to have a title, which is asked for before anybody writes it.
 *
 * @param {string} title @returns {Promise<number>}
 */
export function seen(title) {
  return new Promise((resolve) => {
    const look = () => {
      if (!document.querySelector("li")?.textContent?.includes(` ${title},`)) return;
      observer.disconnect();
      resolve(clock());
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true, characterData: true });
  });
}

/**
 * What a page offers to whoever measures.
 *
 * @typedef {object} Bench
 * @property {(from: number, to: number, perWrite: number) => Promise<void>} fill writes changes and waits until they are stored
 * @property {(isOne: boolean) => Promise<void>} tab shows the board, and goes on showing all of it or the first card alone
 * @property {(title: string) => Promise<number>} write gives the first card a title, and tells when it was asked to
 * @property {typeof seen} seen
 * @property {(url: string, ops: number) => Promise<number>} pull takes the board from a server, and says how long that took
 */

/** Begins as the page's address says: `?show=name` shows what is stored, and `shown` is when that was there. @param {(name: string) => Promise<Bench>} page @param {(name: string) => Promise<void>} show */
export async function begin(page, show) {
  const asked = new URLSearchParams(location.search);
  const [shown, opened] = [asked.get("show"), asked.get("open")];
  if (shown !== null) {
    await show(shown);
    Object.assign(globalThis, { shown: performance.now() });
  }
  if (opened !== null) Object.assign(globalThis, { bench: await page(opened) });
}
