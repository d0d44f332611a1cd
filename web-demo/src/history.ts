// The history: a graph, a slider that shows the board as it was, and who wrote what.

import type { LoggedOp } from "trellis-sync";
import type { CopyView } from "./copy.js";
import { h } from "./dom.js";
import { graph } from "./graph.js";
import { CARDS, type Card, cardOf, NOTE_KEY, NOTES, type Note, noteOf } from "./model.js";
import { clock, count, didOf, timeOf } from "./words.js";

const ROWS = 8;

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
  #wanted: number | undefined;
  #isLooking = false;
  past: Past | undefined;

  constructor(view: CopyView) {
    this.#view = view;
  }

  draw(): HTMLElement {
    const { seen } = this.#view.replica;
    const log = seen?.log ?? [];
    const upTo = log.slice(0, this.past?.ops ?? log.length);
    const last = upTo.at(-1);
    const { names } = this.#view;
    const id = `${this.#view.idOf("history")}-slider`;
    const shown = new Set(upTo.map(({ id }) => id));
    const pick = (op: LoggedOp) => this.#lookAt(log.findIndex(({ id }) => id === op.id) + 1);
    return h(
      "details",
      { class: "fold history", key: "history", open: this.#view.isWide },
      h("summary", {}, h("span", {}, "History"), h("span", { class: "aside" }, count(log.length, "op"))),
      graph(seen?.graph ?? [], { names, shown, chosen: last?.id, pick }),
      h("label", { class: "slider", for: id }, "The board as it was"),
      h("input", {
        type: "range",
        id,
        min: Math.min(1, log.length),
        max: log.length,
        value: upTo.length,
        "aria-valuetext": last
          ? `${upTo.length} of ${log.length}: ${names.of(last.id, last.author)} ${this.#did(last)}`
          : "empty",
        oninput: (event: Event) => this.#lookAt(Number((event.target as HTMLInputElement).value)),
      }),
      this.#rows(upTo),
    );
  }

  /** Shows the present again. */
  leave(): void {
    this.#wanted = undefined;
    this.past = undefined;
    this.#view.render();
  }

  #rows(upTo: readonly LoggedOp[]): HTMLElement {
    return h(
      "ol",
      { class: "rows" },
      upTo
        .slice(-ROWS)
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
    return didOf(op, this.#view.replica.seen?.book.get(op.id), this.#view.titleOf);
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
