// A link, drawn: both ends, and what cuts and joins it.

import { h } from "./dom.js";
import type { Wire } from "./wire.js";

/** One end of a link: what it is called, and its class. */
export type End = readonly [name: string, look: string];

/** Both ends of a link with its switch between them. */
export function linkBar(wire: Wire, [one, other]: readonly [End, End], toggle: (() => void) | undefined): HTMLElement {
  const { isOn } = wire;
  const line = () => h("span", { class: "line", "aria-hidden": "true" });
  const end = ([name, look]: End) => h("span", { class: `end ${look}` }, name);
  return h(
    "div",
    { class: wire.status?.state === "connected" ? "wire on" : "wire" },
    end(one),
    line(),
    h(
      "button",
      { type: "button", class: isOn ? "switch on" : "switch", id: "link", disabled: !toggle, onclick: toggle },
      h("span", { class: "track" }, h("span", { class: "thumb" })),
      isOn ? "Cut the link" : "Join again",
    ),
    line(),
    end(other),
  );
}
