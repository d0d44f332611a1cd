// How others get to the same board: an address, its code for a camera, and a command.

import { encode } from "uqr";
import { h, s } from "./dom.js";

const BORDER = 2;

/** What another browser, another device or a folder on a disk joins by. */
export function sharePanel(page: string, relay: string): HTMLElement {
  return h(
    "details",
    { class: "fold share", key: "share" },
    h("summary", {}, h("span", {}, "Open it elsewhere")),
    h(
      "div",
      { class: "share-body" },
      code(page),
      h(
        "div",
        {},
        h("p", {}, "In another browser, or on a device that reaches this one:"),
        h("p", {}, h("a", { href: page, id: "page-link" }, page)),
        isOnlyHere(page) &&
          h(
            "p",
            { class: "quiet" },
            "This address leads here from this machine alone. For a phone, serve with ",
            h("code", {}, "--listen 0.0.0.0:4200 --allow-plain"),
            ", and open the page by this machine’s address.",
          ),
        h("p", {}, "In a folder on a disk:"),
        h(
          "pre",
          { tabindex: 0 },
          `trellis clone ${relay} board\ntrellis -C board set cards/1/title 'From a terminal'\ntrellis -C board sync ${relay}`,
        ),
      ),
    ),
  );
}

/** Whether nobody else can reach an address. */
function isOnlyHere(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}

/** The address as squares that a camera reads. */
function code(text: string): SVGElement {
  const { data, size } = encode(text, { border: BORDER });
  const squares = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])));
  return s(
    "svg",
    { class: "code", viewBox: `0 0 ${size} ${size}`, role: "img", "aria-label": `A code for a camera: ${text}` },
    s("rect", { width: size, height: size, class: "paper" }),
    s("path", { d: squares.join(""), class: "ink" }),
  );
}
