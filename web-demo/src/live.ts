// What a screen reader is told.

import { h } from "./dom.js";

/** The element that speaks. */
export const live = h("p", { class: "unseen", role: "status", "aria-live": "polite" });

/** Says a sentence, in place of the one before. */
export function announce(words: string): void {
  if (live.textContent !== words) live.replaceChildren(new Text(words));
}
