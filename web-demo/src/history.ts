// The history: a graph, a slider that shows the board as it was, and who wrote what.

import type { LoggedOp } from "trellis-sync";
import { called } from "./card.js";
import type { CopyView } from "./copy.js";
import { h } from "./dom.js";
import { graph } from "./graph.js";
import { CARDS, type Card, cardOf, NOTE_KEY, NOTES, type Note, noteOf } from "./model.js";
import { Titles } from "./titles.js";
import { clock, count, didOf, timeOf } from "./words.js";

const ROWS = 8;
const MORE_ROWS = 24;
const LOOK_BACK = "Drag to look back";

/** The board as it was. */
export interface Past {
  /** How many ops there were. */
  readonly ops: number;
  readonly cards: readonly Card[];
  readonly note: Note;
}

/** What was there once. */
export class History {
  readonly #view: CopyView;
  readonly #titles = new Titles();
  #wanted: number | undefined;
  #isLooking = false;
  /** Whether somebody opened it, or closed it. */
  #isOpened: boolean | undefined;
  #rows = ROWS;
  past: Past | undefined;

  constructor(view: CopyView) {
    this.#view = view;
  }

  draw(): HTMLElement {
    const graphed = this.#view.replica.seen?.graph ?? [];
    const [log, upTo] = [this.#log, this.#upTo];
    const shown = new Set(upTo.map(({ id }) => id));
    const pick = (op: LoggedOp) => this.#lookAt(log.findIndex(({ id }) => id === op.id) + 1);
    const toggled = (event: Event) => {
      const { open } = event.target as HTMLDetailsElement;
      // A browser tells of what was made open as well.
      if (open === this.#isOpen) return;
      this.#isOpened = open;
      this.#view.render();
    };
    return h(
      "details",
      { class: "fold history", key: "history", open: this.#isOpen, ontoggle: toggled },
      h("summary", {}, h("span", {}, "History"), h("span", { class: "aside" }, count(log.length, "op"))),
      graph(graphed, { names: this.#view.names, shown, chosen: upTo.at(-1)?.id, pick }),
      this.#drawRows(upTo),
      upTo.length > this.#rows &&
        h("button", { type: "button", key: "earlier", class: "plain", onclick: () => this.#showMore() }, "Earlier"),
    );
  }

  /** The slider, which stays in sight beside the board; nothing where nobody looks at the history. */
  drawTime(): HTMLElement | false {
    if (!this.#isOpen && !this.past) return false;
    const [log, upTo] = [this.#log, this.#upTo];
    const last = upTo.at(-1);
    const id = `${this.#view.idOf("history")}-slider`;
    return h(
      "div",
      { class: this.past ? "time past" : "time", key: "time" },
      h("label", { for: id }, this.past && last ? `As it was at ${clock(timeOf(last.hlc))}` : LOOK_BACK),
      h("input", {
        type: "range",
        id,
        min: Math.min(1, log.length),
        max: log.length,
        value: upTo.length,
        "aria-valuetext": last
          ? `${upTo.length} of ${log.length}: ${this.#view.names.of(last.id, last.author)} ${this.#did(last)}`
          : "empty",
        oninput: (event: Event) => this.#lookAt(Number((event.target as HTMLInputElement).value)),
      }),
      h(
        "button",
        {
          type: "button",
          class: "main",
          "aria-label": "Back to now",
          disabled: !this.past,
          onclick: () => this.#leave(id),
        },
        "Now",
      ),
    );
  }

  get #isOpen(): boolean {
    return this.#isOpened ?? this.#view.isWide;
  }

  get #log(): readonly LoggedOp[] {
    return this.#view.replica.seen?.log ?? [];
  }

  /** The ops that the board is shown with. */
  get #upTo(): readonly LoggedOp[] {
    return this.#log.slice(0, this.past?.ops ?? this.#log.length);
  }

  /** Shows the present again. */
  #leave(slider: string): void {
    this.#lookAt(this.#log.length);
    document.getElementById(slider)?.focus({ preventScroll: true });
  }

  #showMore(): void {
    this.#rows += MORE_ROWS;
    this.#view.render();
  }

  #drawRows(upTo: readonly LoggedOp[]): HTMLElement {
    return h(
      "ol",
      { class: "rows" },
      upTo
        .slice(-this.#rows)
        .toReversed()
        .map((op) =>
          h(
            "li",
            { key: op.id },
            h("time", {}, clock(timeOf(op.hlc))),
            h(
              "b",
              { class: `who c${this.#view.colourOf(op.author)}`, dir: "auto" },
              this.#view.names.of(op.id, op.author),
            ),
            h("span", { class: "grow", dir: "auto" }, this.#did(op)),
          ),
        ),
    );
  }

  #did(op: LoggedOp): string {
    const { book } = this.#view.replica.seen ?? { book: new Map() };
    const title = this.#titles.by(op, book);
    return didOf(op, book.get(op.id), title === undefined ? this.#view.titleOf(op.key) : called({ title }));
  }

  #lookAt(ops: number): void {
    this.#wanted = ops;
    if (!this.#isLooking) void this.#look();
  }

  /** Reads the board as it was, for the last place that the slider was moved to. */
  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      while (this.#wanted !== undefined) {
        const ops = this.#wanted;
        this.#wanted = undefined;
        const log = this.#view.replica.seen?.log ?? [];
        this.past = ops >= log.length || ops < 1 ? undefined : await this.#pastAt(log.slice(0, ops));
        this.#view.render();
      }
    } finally {
      this.#isLooking = false;
    }
  }

  async #pastAt(log: readonly LoggedOp[]): Promise<Past> {
    const then = this.#view.replica.branch.at(headsOf(log));
    const [cards, note] = await Promise.all([then.entries(CARDS), then.entry(NOTES, NOTE_KEY)]);
    return { ops: log.length, cards: cards.map(cardOf), note: noteOf(note) };
  }
}

/** The ops that no other one of them stands on. */
function headsOf(log: readonly LoggedOp[]): string[] {
  const below = new Set(log.flatMap(({ parents, prev }) => [...parents, ...(prev === undefined ? [] : [prev])]));
  return log.map(({ id }) => id).filter((id) => !below.has(id));
}
