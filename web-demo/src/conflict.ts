// Conflicts: what all had seen, and what each made of it, side by side, until somebody chooses.

import type { Conflict } from "trellis-sync";
import { called } from "./card.js";
import type { CopyView } from "./copy.js";
import { h } from "./dom.js";
import { COLUMNS, NOTES } from "./model.js";
import { clock, count, placeOf, said, timeOf, type Value } from "./words.js";

/** Fields that may be written by hand in place of every side. */
const BY_HAND = ["title", "text"];

/** The open conflicts of a copy, one at a time, so that the board stays in sight. */
export class Conflicts {
  readonly #view: CopyView;
  #shown: Conflict | undefined;
  #at = 0;

  constructor(view: CopyView) {
    this.#view = view;
  }

  /** The one that is looked at; nothing where none is open. */
  draw(): HTMLElement | false {
    const all = this.#view.replica.conflicts;
    const at = all.findIndex(({ id }) => id === this.#shown?.id);
    this.#at = at < 0 ? Math.min(this.#at, Math.max(0, all.length - 1)) : at;
    this.#shown = all[this.#at];
    return this.#shown !== undefined && conflictPanel(this.#shown, this.#view, this.#steps(all));
  }

  /** Looks at one, and goes there. */
  pick(conflict: Conflict): void {
    this.#shown = conflict;
    this.#view.render();
    document.getElementById(panelId(conflict, this.#view))?.focus();
  }

  /** Gives what brings somebody at the keys on from a conflict that is gone, once all is drawn anew. */
  keepFocus(): () => void {
    const panel = this.#view.element.querySelector(".conflict");
    const gone = this.#shown;
    if (!gone || !panel?.querySelector(":focus-visible")) return () => {};
    return () => {
      if (panel.isConnected || document.activeElement !== document.body) return;
      const { idOf } = this.#view;
      const next = this.#shown && panelId(this.#shown, this.#view);
      const thing = gone.collection === NOTES ? `${idOf("note")}-text` : `${idOf(gone.key)}-edit`;
      const found = [next, thing, `${idOf("new")}-title`].map((id) => id && document.getElementById(id)).find(Boolean);
      if (found) found.focus();
    };
  }

  #steps(all: readonly Conflict[]): HTMLElement | false {
    if (all.length < 2) return false;
    const step = (by: number, name: string, arrow: string) => {
      const to = all[(this.#at + by + all.length) % all.length];
      const id = this.#view.idOf(`conflict-${by < 0 ? "before" : "after"}`);
      const onclick = () => {
        this.#shown = to;
        this.#view.render();
      };
      return h("button", { type: "button", class: "icon plain", id, "aria-label": name, onclick }, arrow);
    };
    return h(
      "span",
      { class: "steps" },
      step(-1, "The conflict before", "‹"),
      `${this.#at + 1} of ${all.length}`,
      step(1, "The next conflict", "›"),
    );
  }
}

/** A button on what is in conflict, which leads to the sides. */
export function conflictMark(conflict: Conflict, view: CopyView): HTMLElement {
  const { sides, id, path } = conflict;
  return h(
    "button",
    {
      type: "button",
      class: "mark",
      key: id,
      onclick: () => view.conflicts.pick(conflict),
    },
    `${placeOf(path) || "card"}: ${sides.length} versions`,
  );
}

function panelId({ id }: Conflict, view: CopyView): string {
  return view.idOf(`conflict-${id.slice(0, 16)}`);
}

function conflictPanel(conflict: Conflict, view: CopyView, steps: HTMLElement | false): HTMLElement {
  const place = placeOf(conflict.path);
  const word = (value: Value) => columnName(place, said(value));
  const title = `${count(conflict.sides.length, place || "version")} of ${whatOf(conflict, view)}: choose one`;
  const id = panelId(conflict, view);
  return h(
    "article",
    { class: "conflict", key: conflict.id, id, tabindex: -1, "aria-labelledby": `${id}-name` },
    h("div", { class: "top" }, h("h3", { id: `${id}-name`, dir: "auto" }, title), steps),
    h(
      "ul",
      { class: "sides" },
      h(
        "li",
        { class: "base", key: "base" },
        h("span", { class: "by" }, "Before"),
        h("span", { class: "value", dir: "auto" }, word(conflict.base)),
      ),
      conflict.sides.map((side) => sideView(conflict, side, view, word(side.value))),
    ),
    BY_HAND.includes(place) && byHand(conflict, view, place),
  );
}

/** What is in conflict: a card by the title that all had seen. */
function whatOf({ collection, key, path, base }: Conflict, view: CopyView): string {
  if (collection === NOTES) return "the note";
  return path === "/title" && base.type === "json" ? called({ title: said(base) }) : view.titleOf(key);
}

function sideView(conflict: Conflict, side: Conflict["sides"][number], view: CopyView, words: string): HTMLElement {
  const author = view.names.of(side.op, side.author);
  return h(
    "li",
    { key: side.op },
    h(
      "span",
      { class: "by" },
      h("b", { class: `who c${view.colourOf(side.author)}`, dir: "auto" }, author),
      " ",
      clock(timeOf(side.hlc)),
    ),
    h("span", { class: "value", dir: "auto" }, words),
    h(
      "button",
      {
        type: "button",
        "aria-label": `Keep this: ${words}, by ${author}`,
        onclick: () => view.replica.resolve(conflict, side),
      },
      "Keep this",
    ),
  );
}

/** A field for a value that no side has. It starts with all that they have. */
function byHand(conflict: Conflict, view: CopyView, place: string): HTMLElement {
  const isLong = place === "text";
  const values = conflict.sides.flatMap(({ value }) => (value.type === "json" ? [said(value)] : []));
  const start = values.join(isLong ? "\n" : " / ");
  const submit = (event: Event) => {
    event.preventDefault();
    const value = new FormData(event.target as HTMLFormElement).get("value");
    void view.replica.resolve(conflict, { value: String(value) });
  };
  const label = { name: "value", "aria-label": `A ${place} of your own`, dir: "auto" };
  return h(
    "form",
    { class: "by-hand", key: "by-hand", onsubmit: submit },
    isLong ? h("textarea", { ...label, rows: 4 }, start) : h("input", { ...label, value: start, autocomplete: "off" }),
    h("button", { type: "submit" }, "Use this text"),
  );
}

function columnName(place: string, value: string): string {
  return (place === "column" && COLUMNS.find(({ id }) => id === value)?.name) || value;
}
