// Conflicts: what all had seen, and what each made of it, side by side, until somebody chooses.

import type { Conflict } from "trellis-sync";
import type { CopyView } from "./copy.js";
import { h } from "./dom.js";
import { COLUMNS, NOTES } from "./model.js";
import { clock, placeOf, said, timeOf, type Value } from "./words.js";

/** Fields that may be written by hand in place of every side. */
const BY_HAND = ["title", "text"];

/** Every open conflict of a copy; nothing where there is none. */
export function conflictPanels(conflicts: readonly Conflict[], view: CopyView): HTMLElement | false {
  if (conflicts.length === 0) return false;
  return h(
    "div",
    { class: "conflicts", key: "conflicts", role: "group", "aria-label": "Open conflicts" },
    conflicts.map((conflict) => conflictPanel(conflict, view)),
  );
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
      onclick: () => document.getElementById(panelId(conflict, view))?.focus(),
    },
    `${placeOf(path) || "card"}: ${sides.length} versions`,
  );
}

function panelId({ id }: Conflict, view: CopyView): string {
  return view.idOf(`conflict-${id.slice(0, 16)}`);
}

function conflictPanel(conflict: Conflict, view: CopyView): HTMLElement {
  const place = placeOf(conflict.path);
  const word = (value: Value) => columnName(place, said(value));
  const what = conflict.collection === NOTES ? "the note" : view.titleOf(conflict.key);
  const id = panelId(conflict, view);
  return h(
    "article",
    { class: "conflict", key: conflict.id, id, tabindex: -1, "aria-labelledby": `${id}-name` },
    h(
      "h3",
      { id: `${id}-name`, dir: "auto" },
      place === "" ? `${what} was changed twice: choose one` : `The ${place} of ${what} was changed twice: choose one`,
    ),
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
