// What Node is told once: that what is written is not kept.

let hasWarned = false;

/** Says so, the first time. */
export function notice(): void {
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    "trellis-sync keeps repos in memory here: what is written is gone when the program ends, unless a peer has it.",
    { code: "TRELLIS_MEMORY", detail: 'Say open(name, { storage: "memory" }) where that is meant.' },
  );
}
