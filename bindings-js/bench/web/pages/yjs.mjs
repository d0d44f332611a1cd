// The board by Yjs, with y-indexeddb and y-websocket.

import { IndexeddbPersistence, PREFERRED_TRIM_SIZE } from "y-indexeddb";
import { WebsocketProvider } from "y-websocket";
import { Doc, Map as YMap } from "yjs";
import { begin, change, clock, FIRST, OPS_PER_CARD, render, renderFirst, seen } from "./board.mjs";

/** Where nobody serves: tabs reach each other by their BroadcastChannel. */
const NOWHERE = "ws://127.0.0.1:9";

/** @typedef {import("yjs").Map<import("yjs").Map<any>>} Cards */

/** A document with what is stored. @param {string} name */
async function open(name) {
  const doc = new Doc();
  const stored = new IndexeddbPersistence(name, doc);
  await stored.whenSynced;
  const cards = /** @type {Cards} */ (doc.getMap("cards"));
  return { doc, stored, cards };
}

/** @param {Cards} cards */
function shown(cards) {
  const keys = [...cards.keys()].sort();
  render(keys.map((key) => [key, /** @type {YMap<any>} */ (cards.get(key)).toJSON()]));
}

/** Waits until whatever was to be stored is stored: transactions of one store are done in order. @param {IndexeddbPersistence} stored @returns {Promise<void>} */
function written({ db }) {
  return new Promise((resolve, reject) => {
    const transaction = /** @type {IDBDatabase} */ (db).transaction(["updates"], "readwrite");
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

/** Waits until many updates are stored as one, as happens some time after the last one. @param {IndexeddbPersistence} stored */
async function trimmed({ db }) {
  for (let count = Number(PREFERRED_TRIM_SIZE); count >= PREFERRED_TRIM_SIZE; )
    count = await new Promise((resolve) => {
      const request = /** @type {IDBDatabase} */ (db).transaction(["updates"]).objectStore("updates").count();
      request.onsuccess = () => resolve(request.result);
    });
}

/** @param {string} name */
async function show(name) {
  shown((await open(name)).cards);
}

/** @param {string} name @returns {Promise<import("./board.mjs").Bench>} */
async function page(name) {
  const { doc, stored, cards } = await open(name);
  return {
    fill: async (from, to) => {
      for (let at = from; at < to; at++) {
        doc.transact(() => edit(cards, change(at)));
        if (at % 1000 === 999) await written(stored);
      }
      await written(stored);
      await trimmed(stored);
    },
    tab: async (isOne) => {
      new WebsocketProvider(NOWHERE, name, doc);
      const first = cards.get(FIRST);
      if (isOne) first?.observe(() => renderFirst(/** @type {any} */ (first.toJSON())));
      else cards.observeDeep(() => shown(cards));
      shown(cards);
    },
    write: async (title) => {
      const asked = clock();
      cards.get(FIRST)?.set("title", title);
      return asked;
    },
    seen,
    pull: async (url, ops) => {
      const begun = performance.now();
      const provider = new WebsocketProvider(url, "board", doc, { disableBc: true });
      await new Promise((resolve) => provider.once("sync", resolve));
      await written(stored);
      const spent = performance.now() - begun;
      if (cards.size * OPS_PER_CARD < ops) throw new Error(`${cards.size} cards came, of ${ops} ops`);
      return spent;
    },
  };
}

/** @param {Cards} cards @param {import("./board.mjs").Change} change */
function edit(cards, { card, field, value }) {
  if (field === undefined) cards.set(card, new YMap(Object.entries(value)));
  else cards.get(card)?.set(field, value);
}

await begin(page, show);
