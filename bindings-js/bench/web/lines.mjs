// Figures of ours and of the other's, from rounds in which both run by turns, and the table of them.

/** @typedef {{ id: string, name: string, ours: number, other: number, unit: string, ratio: number, goal: number, met: boolean }} Line */
/** What a line is about, and what its ratio should be: at most the goal, or at least where more is better. @typedef {{ id: string, name: string, unit: string, goal: number, isMore?: boolean }} About */

/** @param {readonly number[]} numbers */
export const median = (numbers) => [...numbers].sort((one, two) => one - two)[numbers.length >> 1] ?? Number.NaN;

/** Differences below one unit say nothing, and nothing may be divided by none. @param {number} figure */
const atLeastOne = (figure) => Math.max(figure, 1);

/** A line of figures of the same rounds. @param {About} about @param {readonly number[]} ours @param {readonly number[]} other @returns {Line} */
export function line({ id, name, unit, goal, isMore = false }, ours, other) {
  const ratio = median(ours.map((one, at) => atLeastOne(one) / atLeastOne(other[at] ?? Number.NaN)));
  const met = isMore ? ratio >= goal : ratio <= goal;
  return { id, name, ours: median(ours), other: median(other), unit, ratio, goal, met };
}

/**
 * What several ways to do the same come to, each once in every round. The first round warms up.
 *
 * @template T
 * @param {number} rounds @param {readonly (() => Promise<T>)[]} ways @returns {Promise<T[][]>} for each way its rounds
 */
export async function byTurns(rounds, ways) {
  const came = ways.map(() => /** @type {T[]} */ ([]));
  for (let round = -1; round < rounds; round++)
    for (const [at, way] of ways.entries()) {
      const one = await way();
      if (round >= 0) came[at]?.push(one);
    }
  return came;
}

/** @param {readonly Line[]} lines */
export function table(lines) {
  const row = (/** @type {Line} */ { id, name, ours, other, unit, ratio, goal, met }) =>
    `${id.padEnd(3)} ${name.padEnd(78)} ${ours.toFixed(1).padStart(8)} ${other.toFixed(1).padStart(8)} ${unit.padEnd(5)} ${ratio.toFixed(2).padStart(7)}, goal ${goal}${met ? "" : ": missed"}`;
  return lines.map(row).join("\n");
}
