// How others get to the same board: an address, its code for a camera, and a command.

import { encode } from "uqr";
import { h, s } from "./dom.js";

const BORDER = 2;

/** What another browser, another device or a folder on a disk joins by. */
export function sharePanel(page: string, relay: string): HTMLElement {
  const isHere = isOnlyHere(page);
  return h(
    "details",
    { class: "fold share", key: "share" },
    h("summary", {}, h("span", {}, "In another browser, or on a phone"), h("span", { class: "aside" }, page)),
    h(
      "div",
      { class: "share-body" },
      !isHere && code(page),
      h(
        "div",
        {},
        h("p", {}, isHere ? "In another browser on this machine:" : "In another browser, or on another device:"),
        h("p", {}, h("a", { href: page, id: "page-link" }, page)),
        isHere && [
          h(
            "p",
            {},
            "A phone does not get here by that address. Serve the board’s folder to your network, if you trust it:",
          ),
          h("pre", { tabindex: 0 }, "trellis serve --demo --listen 0.0.0.0:4200 --allow-plain"),
          h(
            "p",
            {},
            "Then open the page by this machine’s address in the network; a code for the camera is here then.",
          ),
        ],
        !isSecureContext &&
          h(
            "p",
            { class: "quiet" },
            "Without TLS this page is opened by the network alone. Once open, it works offline.",
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
