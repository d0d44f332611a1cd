// A card: as it is read, and as it is edited.

import { conflictMark } from "./conflict.js";
import type { CopyView } from "./copy.js";
import { h } from "./dom.js";
import { type Card, COLUMNS, type ColumnId } from "./model.js";
import { receipt } from "./receipts.js";
import { cut } from "./words.js";

const TITLE_WORDS = 30;
/** What a card shows at most. Its form has all of it. */
const TITLE_MAX = 300;
const TEXT_MAX = 3_000;

/** What a card is called where it is spoken of. */
export function called({ title }: Pick<Card, "title">): string {
  return title === "" ? "an untitled card" : `“${cut(title, TITLE_WORDS)}”`;
}

export function cardView(card: Card, view: CopyView): HTMLElement {
  const id = view.idOf(card.key);
  const isEdited = view.editing?.key === card.key && !view.isPast;
  return h(
    "li",
    { key: card.key },
    h(
      "article",
      { class: card.conflicts.length > 0 ? "card torn" : "card", "aria-labelledby": `${id}-title` },
      isEdited ? editor(view.editing ?? card, view) : reader(card, view, id),
    ),
  );
}

function reader(card: Card, view: CopyView, id: string): HTMLElement {
  const write = view.isPast ? undefined : view.replica.writes.find(({ key }) => key === card.key);
  return h(
    "div",
    { class: "face", key: "face" },
    h(
      "div",
      { class: "top" },
      h("h4", { id: `${id}-title`, dir: "auto" }, cut(card.title, TITLE_MAX) || "Untitled"),
      h(
        "button",
        {
          type: "button",
          class: "icon plain",
          id: `${id}-edit`,
          disabled: view.isPast,
          "aria-label": `Edit ${called(card)}`,
          onclick: () => view.edit(card),
        },
        "✎",
      ),
    ),
    card.text !== "" && h("p", { class: "text", dir: "auto" }, cut(card.text, TEXT_MAX)),
    card.tags.length > 0 &&
      h(
        "ul",
        { class: "tags", "aria-label": "Tags" },
        card.tags.map((tag) => h("li", { dir: "auto" }, tag)),
      ),
    h("div", { class: "tools" }, tools(card, view, id)),
    !view.isPast && card.conflicts.map((conflict) => conflictMark(conflict, view)),
    write && receipt(write, view.tiers),
  );
}

function tools(card: Card, view: CopyView, id: string): HTMLElement[] {
  const { replica, isPast } = view;
  const at = COLUMNS.findIndex(({ id }) => id === card.column);
  const vote = () => replica.patch(card.key, { add: { "/votes": 1 } }, `Voted for ${called(card)}`);
  const move = (to: (typeof COLUMNS)[number] | undefined, arrow: string) =>
    h(
      "button",
      {
        type: "button",
        class: "icon",
        id: `${id}-${arrow === "←" ? "left" : "right"}`,
        disabled: to === undefined || isPast,
        "aria-label": to ? `Move ${called(card)} to ${to.name}` : "No column there",
        onclick: to && (() => moved(card, to.id, view)),
      },
      arrow,
    );
  return [
    h(
      "button",
      {
        type: "button",
        class: "vote",
        id: `${id}-vote`,
        disabled: isPast,
        "aria-label": `Vote for ${called(card)}: ${card.votes} so far`,
        onclick: vote,
      },
      "▲ ",
      card.votes,
    ),
    move(COLUMNS[at - 1], "←"),
    move(COLUMNS[at + 1], "→"),
  ];
}

function moved(card: Card, column: ColumnId, { replica }: CopyView): Promise<boolean> {
  const name = COLUMNS.find(({ id }) => id === column)?.name;
  return replica.patch(card.key, { set: { "/column": column } }, `Moved ${called(card)} to ${name}`);
}

/** A form over the card as it was when it was opened, which is what its writer looks at. */
function editor(card: Card, view: CopyView): HTMLElement {
  const id = view.idOf(card.key);
  const submit = async (event: Event) => {
    event.preventDefault();
    await saved(card, new FormData(event.target as HTMLFormElement), view);
    view.edit(undefined, `${id}-edit`);
  };
  const remove = async () => {
    await view.replica.remove(card.key, `Removed ${called(card)}`);
    view.edit(undefined);
  };
  const cancel = () => view.edit(undefined, `${id}-edit`);
  const onkeydown = (event: Event) => (event as KeyboardEvent).key === "Escape" && cancel();
  return h(
    "form",
    { class: "editor", key: "editor", onsubmit: submit, onkeydown },
    labelled(
      "Title",
      h("input", { name: "title", id: `${id}-title`, value: card.title, dir: "auto", autocomplete: "off" }),
    ),
    labelled("Text", h("textarea", { name: "text", rows: 2, dir: "auto" }, card.text)),
    labelled(
      "Tags, by commas",
      h("input", { name: "tags", value: card.tags.join(", "), dir: "auto", autocomplete: "off" }),
    ),
    h(
      "div",
      { class: "tools" },
      h("button", { type: "submit", class: "main" }, "Save"),
      h("button", { type: "button", class: "plain", onclick: cancel }, "Cancel"),
      h("button", { type: "button", class: "plain danger", onclick: remove }, "Remove card"),
    ),
  );
}

function labelled(words: string, field: HTMLElement): HTMLElement {
  return h("label", {}, h("span", {}, words), field);
}

/** Writes what the form changed, and nothing else, so that two who change different fields do not conflict. */
async function saved(card: Card, form: FormData, { replica }: CopyView): Promise<void> {
  const field = (name: string) => String(form.get(name) ?? "");
  const tags = field("tags")
    .split(",")
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
  const set = {
    ...(field("title") !== card.title && { "/title": field("title") }),
    ...(field("text") !== card.text && { "/text": field("text") }),
  };
  const insert = tags.filter((tag) => !card.tags.includes(tag));
  const discard = card.tags.filter((tag) => !tags.includes(tag));
  const patch = {
    ...(Object.keys(set).length > 0 && { set }),
    ...(insert.length > 0 && { insert: { "/tags": insert } }),
    ...(discard.length > 0 && { discard: { "/tags": discard } }),
  };
  if (Object.keys(patch).length > 0) await replica.patch(card.key, patch, `Edited ${called(card)}`, card.frontier);
}
