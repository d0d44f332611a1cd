// Small drawings: what each page is about, for whoever does not read.

import { s } from "./dom.js";

/** Two sheets side by side, joined. */
export function copiesPicture(): SVGElement {
  return picture("M4 5h10v18H4z", "M26 5h10v18H26z", "M14 14h12");
}

/** A computer and a telephone, joined by what stands between them. */
export function devicesPicture(): SVGElement {
  return picture("M3 5h18v12H3z", "M1 21h22", "M28 7h9v16h-9z", "M31 20h3", "M21 11h7");
}

function picture(...lines: readonly string[]): SVGElement {
  return s(
    "svg",
    { class: "picture", viewBox: "0 0 40 28", "aria-hidden": "true" },
    lines.map((d) => s("path", { d })),
  );
}
