// One copy of the board, drawn: everything that a replica shows.

import { called } from "./card.js";
import { addExamples, columns } from "./columns.js";
import { Conflicts } from "./conflict.js";
import { h, show } from "./dom.js";
import { coloursOf } from "./graph.js";
import { heldPanel } from "./held.js";
import { History } from "./history.js";
import { announce } from "./live.js";
import type { Card } from "./model.js";
import { NoteEditor } from "./note.js";
import { receipt, receiptList, receiptWords, type Tiers, waiting } from "./receipts.js";
import type { Replica, Written } from "./replica.js";
import type { Wire } from "./wire.js";
import { count, cut, linkWords, Names } from "./words.js";

/** What a copy is drawn with. */
export interface CopyOptions {
  readonly id: string;
  readonly title: string;
  readonly tiers: Tiers;
  /** Whether it has a wide page for itself. */
  readonly isWide: boolean;
  readonly wire: () => Wire | undefined;
}

export class CopyView {
  readonly replica: Replica;
  readonly element: HTMLElement;
  readonly conflicts = new Conflicts(this);
  names = new Names([]);
  #colours: ReadonlyMap<string, number> = new Map();
  /** The card that is being edited, as it was when that began. */
  editing: Card | undefined;
  readonly #options: CopyOptions;
  readonly #note = new NoteEditor(this);
  readonly #history = new History(this);
  #known = 0;
  #told: Written | undefined;

  constructor(replica: Replica, options: CopyOptions) {
    this.replica = replica;
    this.#options = options;
    this.element = h("section", {
      class: `copy ${options.id}`,
      id: options.id,
      "aria-labelledby": `${options.id}-name`,
    });
    replica.onChange(() => this.render());
  }

  get tiers(): Tiers {
    return this.#options.tiers;
  }

  get isWide(): boolean {
    return this.#options.isWide;
  }

  /** Whether the board is shown as it was once. */
  get isPast(): boolean {
    return this.#history.past !== undefined;
  }

  readonly idOf = (key: string): string => `${this.#options.id}-${key}`;

  readonly titleOf = (key: string): string => {
    const { cards } = this.#history.past ?? this.replica.seen ?? { cards: [] };
    const card = cards.find((card) => card.key === key);
    return card ? called(card) : `card ${cut(key, 12)}`;
  };

  readonly colourOf = (author: string): number => this.#colours.get(author) ?? 0;

  receiptOf(write: Written): HTMLElement {
    return receipt(write, this.tiers);
  }

  /** Opens a card's form, or closes the one that is open; then the focus goes to an element. */
  edit(card: Card | undefined, focus?: string): void {
    this.editing = card;
    this.render();
    const target = card ? `${this.idOf(card.key)}-title` : focus;
    if (target !== undefined) document.getElementById(target)?.focus();
  }

  render(): void {
    const { seen } = this.replica;
    if (!seen) return;
    this.names = new Names(seen.book.values());
    this.#colours = coloursOf(seen.graph);
    const { cards, note } = this.#history.past ?? seen;
    const moveFocus = this.conflicts.keepFocus();
    show(
      this.element,
      this.#head(),
      this.replica.trouble !== undefined && this.#trouble(this.replica.trouble),
      heldPanel(this),
      !this.isPast && this.conflicts.draw(),
      h(
        "div",
        { class: this.isPast ? "desk was" : "desk", key: "desk" },
        h("div", { class: "board", key: "board" }, this.#invitation(), columns(cards, this)),
        this.#note.draw(note),
      ),
      receiptList(this.replica.writes, this.tiers),
      this.#history.draw(),
      this.#history.drawTime(),
    );
    moveFocus();
    this.#note.adopt(note);
    this.#tellNews();
  }

  #head(): HTMLElement {
    const { id, title } = this.#options;
    const status = this.#options.wire()?.status;
    const alone = waiting(this.replica.writes) + this.replica.earlier;
    const { isHolding } = this.replica;
    const conflicts = this.replica.conflicts.length;
    return h(
      "header",
      { class: "copy-head", key: "head" },
      h("h2", { id: `${id}-name`, dir: "auto" }, title),
      h(
        "p",
        { class: "state" },
        h("span", { class: `dot ${status?.state ?? "cut"}` }),
        linkWords(status, alone),
        alone > 0 && h("span", { class: "chip" }, `${count(alone, "write")} only here`),
        conflicts > 0 && h("span", { class: "chip warn" }, count(conflicts, "open conflict")),
      ),
      h(
        "button",
        {
          type: "button",
          class: "switch small",
          id: `${id}-hold`,
          role: "switch",
          "aria-checked": String(isHolding),
          disabled: this.isPast,
          onclick: () => (isHolding ? this.replica.letGo() : this.replica.hold()),
        },
        h("span", { class: "track" }, h("span", { class: "thumb" })),
        "Hold incoming",
      ),
    );
  }

  #invitation(): HTMLElement | false {
    const { seen } = this.replica;
    if (!this.replica.hasBegun || this.isPast || seen?.cards.length !== 0 || seen.note.text !== "") return false;
    const add = () => void addExamples(this.replica);
    return h(
      "p",
      { class: "quiet", key: "invitation" },
      "Nothing here yet. ",
      h("button", { type: "button", onclick: add }, "Put some cards on it"),
    );
  }

  #trouble(words: string): HTMLElement {
    const close = () => {
      this.replica.trouble = undefined;
      this.render();
    };
    return h(
      "p",
      { class: "trouble", key: "trouble", role: "alert" },
      h("span", { dir: "auto" }, words),
      h("button", { type: "button", onclick: close }, "Close"),
    );
  }

  /** Tells a screen reader what became of the last write, and of conflicts. */
  #tellNews(): void {
    const { title } = this.#options;
    const [last] = this.replica.writes;
    if (last && last !== this.#told) announce(`${last.what}: ${receiptWords(last)}.`);
    this.#told = last;
    const conflicts = this.replica.conflicts.length;
    if (conflicts > this.#known) announce(`${title}: ${count(conflicts, "open conflict")}.`);
    if (conflicts === 0 && this.#known > 0) announce(`${title}: no open conflict.`);
    this.#known = conflicts;
  }
}
