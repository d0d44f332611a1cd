// The history: a graph, a slider that shows the board as it was, and who wrote what.

import type { LoggedOp } from "trellis-sync";
import type { CopyView } from "./copy.js";
import { h } from "./dom.js";
import { coloursOf, graph } from "./graph.js";
import { CARDS, type Card, cardOf, NOTE_KEY, NOTES, type Note, noteOf } from "./model.js";
import { bodyWords, clock, didOf, timeOf } from "./words.js";

const ROWS = 8;

/** The board as it was. */
export interface Past {
  /** How many ops there were. */
  readonly ops: number;
  readonly cards: readonly Card[];
  readonly note: Note;
}

/** What was there once, and what each op said. */
export class History {
  readonly #view: CopyView;
  readonly #bodies = new Map<string, string>();
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
    this.#askFor(upTo.slice(-ROWS));
    const last = upTo.at(-1);
    const { names } = this.#view;
    const id = `${this.#view.idOf("history")}-slider`;
    const shown = new Set(upTo.map(({ id }) => id));
    const pick = (op: LoggedOp) => this.#lookAt(log.findIndex(({ id }) => id === op.id) + 1);
    return h(
      "details",
      { class: "fold history", key: "history", open: this.#view.isWide },
      h("summary", {}, h("span", {}, "History"), h("span", { class: "aside" }, `${log.length} ops`)),
      graph(seen?.graph ?? [], { names, shown, chosen: last?.id, pick }),
      h("label", { class: "slider", for: id }, "The board as it was"),
      h("input", {
        type: "range",
        id,
        min: Math.min(1, log.length),
        max: log.length,
        value: upTo.length,
        "aria-valuetext": last ? `${upTo.length} of ${log.length}: ${names.of(last)} ${this.#did(last)}` : "empty",
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
    const colours = coloursOf(this.#view.replica.seen?.graph ?? []);
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
            h("b", { class: `who c${colours.get(op.author)}`, dir: "auto" }, this.#view.names.of(op)),
            h("span", { class: "grow", dir: "auto" }, this.#did(op)),
          ),
        ),
    );
  }

  #did(op: LoggedOp): string {
    const body = this.#bodies.get(op.id) ?? "";
    return `${didOf(op, this.#view.titleOf)}${body === "" ? "" : `: ${body}`}`;
  }

  /** Reads what ops say, once. */
  #askFor(ops: readonly LoggedOp[]): void {
    const unknown = ops.filter(({ id, collection }) => collection === CARDS && !this.#bodies.has(id));
    if (unknown.length === 0) return;
    for (const { id } of unknown) this.#bodies.set(id, "");
    void Promise.all(
      unknown.map(async ({ id }) => {
        const { body } = await this.#view.replica.main.op(id);
        this.#bodies.set(id, bodyWords(body as Parameters<typeof bodyWords>[0]));
      }),
    ).then(
      () => this.#view.render(),
      () => {},
    );
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
