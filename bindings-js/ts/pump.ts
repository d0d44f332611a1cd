// One connection of a link: what comes goes to the driver, and what the machine says goes to the peer.

import type { Connection } from "./connection.js";
import { lost } from "./connection.js";
import type { Driver } from "./driver.js";
import { type ErrorCode, TrellisError } from "./errors.js";
import type { Teller } from "./link.js";
import type { Event, Frame } from "./surface.js";

/** What this side of a connection is. */
export interface Terms {
  readonly isInitiator: boolean;
  readonly expected?: string | undefined;
  readonly branches?: readonly string[] | undefined;
}

/** How a connection ended. */
export interface Ended {
  /** Why; nothing where it was closed on purpose. */
  readonly failure?: TrellisError | undefined;
  /** Whether the peers got as far as having the same. */
  readonly hasProgress: boolean;
}

/** How long a peer that is told goodbye may take to hang up, in milliseconds. */
const PARTING_MS = 5_000;

/** Carries a connection to its end, or until the signal says that it is to end. `began` hears its number. */
export function pump(
  driver: Driver,
  connection: Connection,
  terms: Terms,
  teller: Teller,
  signal: AbortSignal,
  { began }: { began?: (link: number) => void } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    let hasProgress = false;
    let trouble: TrellisError | undefined;
    let isDone = false;
    let parting: ReturnType<typeof setTimeout> | undefined;
    const finish = (failure?: TrellisError) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(parting);
      signal.removeEventListener("abort", hangUp);
      driver.disconnected(link);
      connection.close();
      resolve({ failure: signal.aborted ? undefined : (trouble ?? failure), hasProgress });
    };
    const port = {
      send: (frame: Frame) => connection.send(frame),
      close: () => connection.close(),
      drop: (failure: TrellisError) => finish(failure),
      event: (event: Event) => {
        if (event.type === "linkInSync") hasProgress = true;
        if (event.type === "linkClosed" && event.code !== undefined) trouble = troubleOf(event.code as ErrorCode);
        tell(teller, event);
      },
    };
    const { isInitiator, expected, branches } = terms;
    const link = driver.connect(port, {
      isInitiator,
      origin: connection.origin,
      binding: connection.binding,
      isOpen: true,
      expected,
      interest: branches,
    });
    const hangUp = () => {
      driver.give({ type: "hangUp", link });
      parting = setTimeout(finish, PARTING_MS);
    };
    began?.(link);
    connection.listen({
      frame: (frame) => {
        if (!isDone) driver.give({ type: "received", link, frame });
      },
      end: (failure) => finish(failure ?? lost()),
    });
    if (signal.aborted) hangUp();
    else signal.addEventListener("abort", hangUp);
  });
}

/** Says in a link's status what the machine says of it. */
export function tell(teller: Teller, event: Event): void {
  switch (event.type) {
    case "linkOpened":
      teller.open(event.peer, event.isRelay);
      break;
    case "linkInSync":
      teller.tell({ isInSync: true });
      break;
    case "linkNacked": {
      const [first] = event.ops;
      if (!first) return;
      const ops = (teller.status.nacked?.ops ?? 0) + event.ops.length;
      teller.tell({ nacked: { ops, code: first.code, ...(event.head !== undefined && { head: event.head }) } });
    }
  }
}

const TROUBLES: Readonly<Partial<Record<ErrorCode, string>>> = {
  invalid_op: "The peer sent what is no message of the protocol.",
  version_mismatch: "The peer speaks no version of the protocol that is known here.",
  auth_failed: "The peer does not let this device in. Ask an owner of the repo to make it a member, or to invite it.",
  repo_mismatch: "The peer has another repo, and two repos never merge. Open its repo under another name instead.",
  no_progress: "The two replicas do not become equal, whatever they exchange.",
  rate_limited: "The peer takes no more for now.",
  quota_exceeded: "The repo has no more room at the peer.",
  storage_full: "The peer's disk is full, or fails.",
  timeout: "The peer did not answer in time.",
};

/** What a peer, or this replica, ended a link for. */
export function troubleOf(code: ErrorCode): TrellisError {
  return new TrellisError(code, TROUBLES[code] ?? "The peer ended the link.");
}
