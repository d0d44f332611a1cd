// Whether somebody in another page or thread is still there: Web Locks, which browsers let go of whatever happens.

/** The Web Locks of this platform, which pages without TLS and Node lack. */
export function webLocks(): LockManager | undefined {
  return ((globalThis.navigator ?? {}) as { locks?: LockManager }).locks;
}

/** Takes the lock of a name, if there are locks here, and holds it until what it returns is called. */
export function alive(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve) => {
    const hold = () => new Promise<void>((die) => resolve(die));
    const held = webLocks()?.request(name, hold);
    if (!held) return resolve(undefined);
    held.catch(() => resolve(undefined));
  });
}

/** Calls `gone` when nobody holds the lock of a name any more, unless the signal says before that this is of no interest. */
export function whenGone(name: string, gone: () => void, signal?: AbortSignal): void {
  webLocks()
    ?.request(name, signal ? { signal } : {}, gone)
    .catch(() => {});
}
