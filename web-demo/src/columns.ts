// The board: columns of cards, and a field that adds one.

import { cardView } from "./card.js";
import type { CopyView } from "./copy.js";
import { h } from "./dom.js";
import { type Card, COLUMNS, EXAMPLES, newKey } from "./model.js";
import type { Replica } from "./replica.js";

export function columns(cards: readonly Card[], view: CopyView): HTMLElement {
  return h(
    "div",
    { class: "columns", key: "columns" },
    COLUMNS.map(({ id, name }) => {
      const own = cards.filter(({ column }) => column === id);
      return h(
        "div",
        { class: "column", key: id, role: "group", "aria-label": name },
        h("h3", {}, name, h("span", { class: "aside" }, own.length)),
        h(
          "ul",
          { class: "cards" },
          own.map((card) => cardView(card, view)),
        ),
        id === "todo" && !view.isPast && adder(view),
      );
    }),
  );
}

function adder({ replica, idOf }: CopyView): HTMLElement {
  const submit = (event: Event) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const title = String(new FormData(form).get("title") ?? "").trim();
    form.reset();
    if (title !== "") void replica.patch(newKey(), { set: { "/title": title, "/column": "todo" } }, `Added “${title}”`);
  };
  return h(
    "form",
    { class: "adder", key: "adder", onsubmit: submit },
    h("input", {
      name: "title",
      id: `${idOf("new")}-title`,
      placeholder: "New card",
      "aria-label": "Title of a new card",
      dir: "auto",
      autocomplete: "off",
    }),
    h("button", { type: "submit", "aria-label": "Add card" }, "Add"),
  );
}

/** Puts cards on an empty board, and lines into its note. */
export async function addExamples(replica: Replica): Promise<void> {
  for (const { title, text = "", column = "todo", tags = [] } of EXAMPLES.cards) {
    const set = { "/title": title, "/text": text, "/column": column };
    await replica.patch(newKey(), { set, ...(tags.length > 0 && { insert: { "/tags": tags } }) }, `Added “${title}”`);
  }
  await replica.writeNote(EXAMPLES.note, replica.seen?.note.frontier ?? []);
}
