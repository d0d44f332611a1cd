// What stands on the board. Anybody may write anything into a record, so whatever is read here is made what it should be.

import type { Conflict, Entry, Json } from "trellis-sync";

/** A card, as it is written. */
export interface CardRecord {
  readonly title: string;
  readonly text?: string;
  readonly column?: string;
  readonly votes?: number;
  readonly tags?: readonly string[];
}

/** The records of the board. */
export type BoardRecords = { cards: CardRecord; notes: { text: string } };

/** A card, as it is shown. */
export interface Card {
  readonly key: string;
  readonly title: string;
  readonly text: string;
  readonly column: ColumnId;
  readonly votes: number;
  readonly tags: readonly string[];
  /** The writes that it is made of: the base of whoever edits it. */
  readonly frontier: readonly string[];
  readonly conflicts: readonly Conflict[];
}

/** The shared note. */
export interface Note {
  readonly text: string;
  readonly frontier: readonly string[];
  readonly conflicts: readonly Conflict[];
}

export const COLUMNS = [
  { id: "todo", name: "To do" },
  { id: "doing", name: "Doing" },
  { id: "done", name: "Done" },
] as const;

export type ColumnId = (typeof COLUMNS)[number]["id"];

export const CARDS = "cards";
export const NOTES = "notes";
export const NOTE_KEY = "shared";

/** How the collections merge: the note line by line, so that different lines never conflict. */
export const NOTES_MANIFEST: Json = { fields: { "/text": "text" } };

/** The most tags that a card shows. */
const TAGS_MAX = 24;

export function cardOf({ key, value, frontier, conflicts }: Entry<CardRecord>): Card {
  const record = (typeof value === "object" && value !== null ? value : {}) as { readonly [name: string]: Json };
  const { title, text, column, votes, tags } = record;
  return {
    key,
    title: textOf(title),
    text: textOf(text),
    column: COLUMNS.find(({ id }) => id === column)?.id ?? "todo",
    votes: typeof votes === "number" ? votes : 0,
    tags: Array.isArray(tags) ? tags.slice(0, TAGS_MAX).map(textOf) : [],
    frontier,
    conflicts,
  };
}

export function noteOf({ value, frontier, conflicts }: Entry<{ text: string }>): Note {
  return { text: textOf((value as Json as { text?: Json } | undefined)?.text), frontier, conflicts };
}

/** Any value as people read it, and edit it: never less than all of it. */
export function textOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A new key, which sorts behind those that are there. */
export function newKey(): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `${Date.now().toString(36)}-${random.toString(36)}`;
}

/** The board on which a visitor finds something to change. */
export const EXAMPLES: { readonly cards: readonly CardRecord[]; readonly note: string } = {
  cards: [
    { title: "Order tomato seeds", text: "Three sorts, one for the balcony.", column: "todo", tags: ["shop"] },
    { title: "Mend the garden gate", text: "The upper hinge.", column: "doing", tags: ["tools"] },
    { title: "Find a shared tool shed", text: "Ask at number 12.", column: "todo", tags: [] },
    { title: "Draw the plan of the beds", text: "", column: "done", tags: ["paper"] },
  ],
  note: "Saturday\n9:00 meet at the gate\nbring gloves\n13:00 lunch",
};
