// What the browser remembers of the visitor, where it may.

const PREFIX = "trellis.";

/** What was remembered under a name; nothing where nothing was, or where the browser keeps nothing. */
export function remembered(name: string): string | undefined {
  try {
    return localStorage.getItem(PREFIX + name) ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // It is asked for again at the next visit.
  }
}
