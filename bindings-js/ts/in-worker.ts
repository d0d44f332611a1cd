// Opening a repo in a worker that runs `trellis-sync/worker`.

import { portable } from "./core.js";
import { TrellisError } from "./errors.js";
import type { Signer } from "./keys.js";
import { whenGone } from "./life.js";
import { onVisible } from "./link.js";
import { type Greeting, portChannel } from "./port.js";
import { type Opening, RemoteHost } from "./remote.js";

/** A worker that runs `trellis-sync/worker`: a `Worker` of a page, or one of `node:worker_threads`. */
export interface WorkerLike {
  /** Sends a message. */
  // biome-ignore lint/suspicious/noExplicitAny: pages and Node name what can be handed over by types of their own.
  postMessage(message: unknown, transfer: any[]): void;
  /** Hears that its script cannot be loaded. */
  addEventListener?(type: "error", heard: () => void): void;
  /** Hears that no more. */
  removeEventListener?(type: "error", heard: () => void): void;
}

const ANSWER_MS = 30_000;

/** Opens a repo in a worker. @throws TrellisError `aborted` where the worker fails, ends, or says nothing */
export async function openInWorker(worker: WorkerLike, opening: Opening, signer?: Signer): Promise<RemoteHost> {
  const { port1, port2 } = new MessageChannel();
  const gone = () =>
    host.fail(
      new TrellisError(
        "aborted",
        "The worker has ended, or does not run trellis-sync/worker. Open the repo in a new one.",
      ),
    );
  const host = new RemoteHost(portChannel(port1), { signer, ended: gone });
  const timer = setTimeout(gone, ANSWER_MS);
  worker.addEventListener?.("error", gone);
  try {
    worker.postMessage({ trellis: "open", port: port2, core: portable() } satisfies Greeting, [port2]);
    const { life } = await host.open(opening);
    // The lock is had when the worker has let go of it: it is gone, or the repo is closed.
    if (life !== undefined) whenGone(life, gone);
    onVisible(() => host.wake(), host.over);
  } finally {
    clearTimeout(timer);
    worker.removeEventListener?.("error", gone);
  }
  return host;
}
