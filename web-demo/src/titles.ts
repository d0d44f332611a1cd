// What cards were called when they were written to.

import type { Json, LoggedOp, Op } from "trellis-sync";
import { textOf } from "./model.js";

export class Titles {
  readonly #after = new Map<string, string>();

  /** What a card was called when an op came to it; after the op, where it began the card. */
  by({ id, base }: LoggedOp, book: ReadonlyMap<string, Op>): string | undefined {
    return this.#afterOp(base[0] ?? id, book);
  }

  /** The last title at or before an op. Ops never change, so whatever was found once still holds. */
  #afterOp(id: string, book: ReadonlyMap<string, Op>): string | undefined {
    let title: string | undefined;
    for (let at: string | undefined = id; at !== undefined && title === undefined; at = book.get(at)?.base[0])
      title = this.#after.get(at) ?? titleIn(book.get(at));
    if (title !== undefined) this.#after.set(id, title);
    return title;
  }
}

/** The title that an op gives. */
function titleIn(op: Op | undefined): string | undefined {
  if (!op || typeof op.body !== "object" || op.body === null || Array.isArray(op.body)) return undefined;
  const { title, set } = op.body as { readonly title?: Json; readonly set?: { readonly [place: string]: Json } };
  const given = op.kind === "put" ? (title ?? "") : set?.["/title"];
  return given === undefined ? undefined : textOf(given);
}
