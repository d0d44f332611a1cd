// The history as a drawing: ops from left to right, a lane for each author and branch.

import type { LoggedOp } from "trellis-sync";
import { h, s } from "./dom.js";
import type { Names } from "./words.js";

const STEP = 22;
const LANE = 30;
const TOP = 18;
const LEFT = 14;
const RADIUS = 5;
const COLOURS = 6;

interface Lane {
  readonly name: string;
  readonly colour: number;
}

/** Lanes, in the order in which they first appear. */
function lanesOf(log: readonly LoggedOp[], names: Names): Map<string, Lane> {
  const lanes = new Map<string, Lane>();
  const colours = coloursOf(log);
  for (const op of log) {
    const lane = laneOf(op);
    if (lanes.has(lane)) continue;
    const name = names.ofAuthor(op.author);
    const isHeld = op.branch.startsWith("held/");
    lanes.set(lane, { name: isHeld ? `${name}, held` : name, colour: colours.get(op.author) ?? 0 });
  }
  return lanes;
}

function laneOf({ author, branch }: LoggedOp): string {
  return `${author} ${branch}`;
}

/** The colour of each author, in the order in which they first wrote. */
export function coloursOf(log: readonly LoggedOp[]): Map<string, number> {
  const authors = [...new Set(log.map(({ author }) => author))];
  return new Map(authors.map((author, at) => [author, at % COLOURS]));
}

/** The drawing. `shown` are the ops that the board is shown with; `pick` is called with the op that is clicked. */
export function graph(
  log: readonly LoggedOp[],
  {
    names,
    shown,
    chosen,
    pick,
  }: { names: Names; shown: ReadonlySet<string>; chosen: string | undefined; pick: (op: LoggedOp) => void },
): HTMLElement {
  const lanes = lanesOf(log, names);
  const rows = [...lanes.keys()];
  const place = new Map(
    log.map((op, at) => [op.id, { x: LEFT + at * STEP, y: TOP + rows.indexOf(laneOf(op)) * LANE }] as const),
  );
  const [width, height] = [
    LEFT * 2 + Math.max(0, log.length - 1) * STEP,
    TOP * 2 + Math.max(0, rows.length - 1) * LANE,
  ];
  const edges = log.flatMap((op) => {
    const to = place.get(op.id);
    const seen = new Set([...op.parents, ...(op.prev === undefined ? [] : [op.prev])]);
    return [...seen].flatMap((id) => {
      const from = place.get(id);
      return from && to ? [edge(from, to, colourOf(op))] : [];
    });
  });
  function colourOf(op: LoggedOp): number {
    return lanes.get(laneOf(op))?.colour ?? 0;
  }
  const nodes = log.map((op) => {
    const { x, y } = place.get(op.id) ?? { x: 0, y: 0 };
    const state = `${shown.has(op.id) ? "" : " absent"}${op.id === chosen ? " chosen" : ""}`;
    return s("circle", {
      key: op.id,
      class: `node c${colourOf(op)}${state}`,
      cx: x,
      cy: y,
      r: RADIUS,
      onclick: () => pick(op),
    });
  });
  const words = rows.map((row) => lanes.get(row)?.name).join(", ");
  return h(
    "div",
    { class: "graph", key: "graph" },
    h(
      "ul",
      { class: "lanes", "aria-hidden": "true" },
      rows.map((row) => h("li", { class: `c${lanes.get(row)?.colour}`, dir: "auto" }, lanes.get(row)?.name)),
    ),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": "Graph of the history, scrolls sideways" },
      s(
        "svg",
        {
          width,
          height,
          viewBox: `0 0 ${width} ${height}`,
          role: "img",
          "aria-label": `${log.length} ops by ${words}`,
        },
        edges,
        nodes,
      ),
    ),
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
}

function edge(from: Point, to: Point, colour: number): SVGElement {
  const bend = Math.min(STEP, (to.x - from.x) / 2);
  const path =
    from.y === to.y
      ? `M${from.x} ${from.y}H${to.x}`
      : `M${from.x} ${from.y}H${to.x - 2 * bend}C${to.x - bend} ${from.y} ${to.x - bend} ${to.y} ${to.x} ${to.y}`;
  return s("path", { class: `edge c${colour}`, d: path });
}
