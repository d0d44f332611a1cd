// A conflict: what all had seen, and what each made of it, side by side, until somebody chooses.

import type { Conflict } from "trellis-sync";
import { h } from "./dom.js";
import { COLUMNS } from "./model.js";
import type { Replica } from "./replica.js";
import { clock, type Names, placeOf, said, timeOf, type Value } from "./words.js";

/** The sides of a conflict, with what resolves it. */
export function conflictPanel(
  conflict: Conflict,
  { replica, names, isReadOnly }: { replica: Replica; names: Names; isReadOnly: boolean },
): HTMLElement {
  const place = placeOf(conflict.path);
  const word = (value: Value) => columnName(place, said(value));
  const id = `${replica.who}-${conflict.id.slice(0, 12)}`;
  const isByHand = place === "title" || place === "text";
  return h(
    "section",
    { class: "conflict", key: conflict.id, "aria-label": `Conflict: ${place || "this record"}` },
    h("h5", {}, `Two wrote ${place === "" ? "this" : `the ${place}`} apart`),
    h("p", { class: "base" }, "Before: ", h("span", { dir: "auto", class: "was" }, word(conflict.base))),
    h(
      "ul",
      { class: "sides" },
      conflict.sides.map((side) => {
        const author = names.of(side);
        return h(
          "li",
          { key: side.op },
          h("span", { class: "by" }, h("b", { dir: "auto" }, author), " ", clock(timeOf(side.hlc))),
          h("span", { class: "value", dir: "auto" }, word(side.value)),
          !isReadOnly &&
            h(
              "button",
              {
                type: "button",
                id: `${id}-${side.op.slice(0, 12)}`,
                "aria-label": `Take ${word(side.value)}, by ${author}`,
                onclick: () => replica.resolve(conflict, side),
              },
              "Take this",
            ),
        );
      }),
    ),
    !isReadOnly && isByHand && byHand(conflict, replica, place),
  );
}

/** A field for a value that no side has. It starts with what they have in common: all of it. */
function byHand(conflict: Conflict, replica: Replica, place: string): HTMLElement {
  const values = conflict.sides.map(({ value }) => (value.type === "json" ? said(value) : "")).filter((text) => text);
  const start = values.join(place === "text" ? "\n" : " / ");
  const submit = (event: Event) => {
    event.preventDefault();
    const value = new FormData(event.target as HTMLFormElement).get("value");
    void replica.resolve(conflict, { value: String(value) });
  };
  const label = `Your own ${place}`;
  return h(
    "form",
    { class: "by-hand", onsubmit: submit },
    place === "text"
      ? h("textarea", { name: "value", rows: 4, "aria-label": label, dir: "auto" }, start)
      : h("input", { name: "value", value: start, "aria-label": label, dir: "auto", autocomplete: "off" }),
    h("button", { type: "submit" }, "Take mine"),
  );
}

function columnName(place: string, value: string): string {
  return (place === "column" && COLUMNS.find(({ id }) => id === value)?.name) || value;
}
