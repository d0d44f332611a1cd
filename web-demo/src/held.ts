// What waits to come in: a preview of the merge before it is applied.

import type { PlanItem } from "trellis-sync";
import { called } from "./card.js";
import type { CopyView } from "./copy.js";
import { h } from "./dom.js";
import { CARDS, NOTES, textOf } from "./model.js";
import { count, cut, placeOf, said } from "./words.js";

const VALUE_WORDS = 60;

/** What waits, and what may be done about it; nothing where nothing is held. */
export function heldPanel(view: CopyView): HTMLElement | false {
  const { replica } = view;
  const plan = replica.seen?.incoming;
  if (!replica.isHolding || !plan) return false;
  const waits = plan.items.length;
  return h(
    "div",
    { class: "held", key: "held", role: "group", "aria-label": "What waits to come in" },
    h(
      "h3",
      {},
      waits === 0 ? "Holding. Nothing waits." : `${count(waits, "change")} ${waits === 1 ? "waits" : "wait"}`,
    ),
    h("p", { class: "quiet" }, "Your own writes wait here, too, until you stop holding."),
    h(
      "ul",
      { class: "rows" },
      plan.items.map((item) => itemView(item, view)),
    ),
    h(
      "div",
      { class: "tools" },
      h(
        "button",
        { type: "button", class: "main", disabled: plan.ops === 0, onclick: () => replica.take() },
        "Take them",
      ),
      h("button", { type: "button", onclick: () => replica.letGo() }, "Stop holding"),
    ),
  );
}

function itemView(item: PlanItem, view: CopyView): HTMLElement {
  const { conflicts, closed } = item;
  return h(
    "li",
    { class: "change" },
    h("b", { dir: "auto" }, nameOf(item, view)),
    h(
      "ul",
      {},
      changesOf(item).map(({ place, was, becomes }) =>
        h(
          "li",
          {},
          `${place}: `,
          was !== "" && [h("del", { dir: "auto" }, cut(was, VALUE_WORDS)), " → "],
          h("ins", { dir: "auto" }, cut(becomes, VALUE_WORDS)),
        ),
      ),
      conflicts.map((conflict) =>
        h("li", { class: "warn" }, `Would open a conflict: ${placeOf(conflict.path) || "the whole record"}`),
      ),
      closed.length > 0 && h("li", {}, `Would close ${count(closed.length, "conflict")}`),
    ),
  );
}

function nameOf({ collection, key, before, after }: PlanItem, view: CopyView): string {
  if (collection === NOTES) return "The note";
  if (collection !== CARDS) return `${collection}/${key}`;
  const value = [before, after].map((shown) => (shown.type === "json" ? shown.value : undefined)).find(Boolean);
  const title = textOf((value as { title?: string } | undefined)?.title);
  return title === "" ? view.titleOf(key) : called({ title });
}

/** The fields that would change. */
function changesOf({ before, after }: PlanItem): { place: string; was: string; becomes: string }[] {
  const [was, becomes] = [before, after].map((shown) =>
    shown.type === "json" && typeof shown.value === "object" && shown.value !== null ? shown.value : undefined,
  ) as ({ [field: string]: never } | undefined)[];
  if (!becomes) return [{ place: "card", was: "there", becomes: said(after) }];
  if (!was) return [{ place: "card", was: "", becomes: "new" }];
  return [...new Set([...Object.keys(was), ...Object.keys(becomes)])]
    .filter((field) => JSON.stringify(was[field]) !== JSON.stringify(becomes[field]))
    .map((field) => ({ place: field, was: textOf(was[field]), becomes: textOf(becomes[field]) }));
}
