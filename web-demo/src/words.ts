// Words for people: names, times, and what an op did.

import type { Conflict, Json, LinkStatus, LoggedOp, Op } from "trellis-sync";
import { CARDS, NOTES, textOf } from "./model.js";

const NAME_MAX = 40;
/** An op's clock has milliseconds in its upper bits. */
const CLOCK_BITS = 16n;

/** What people are called, by key and by op. */
export class Names {
  readonly #byAuthor = new Map<string, string>();
  readonly #byOp = new Map<string, string>();

  /** @param ops in order: the last name that somebody had is the one that counts */
  constructor(ops: Iterable<Op>) {
    for (const { hash, agentId, actor } of ops) {
      if (actor === undefined || actor === "") continue;
      const name = cut(actor, NAME_MAX);
      this.#byAuthor.set(agentId, name);
      this.#byOp.set(hash, name);
    }
  }

  /** Whoever wrote an op. */
  of(op: string, author: string): string {
    return this.#byOp.get(op) ?? this.ofAuthor(author);
  }

  /** Whoever has a key. */
  ofAuthor(author: string): string {
    return this.#byAuthor.get(author) ?? `key ${author.slice(0, 6)}`;
  }
}

export function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** When an op was written, by its author's clock. */
export function timeOf(hlc: string): Date {
  return new Date(Number(BigInt(hlc) >> CLOCK_BITS));
}

export function clock(time: Date): string {
  return time.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** A value that a place has, or that a write gave it. */
export type Value = Conflict["base"] | Conflict["sides"][number]["value"];

/** A value as people read it. */
export function said(value: Value): string {
  switch (value.type) {
    case "json":
      return textOf(value.value) || "(empty)";
    case "absent":
      return "(removed)";
    case "add":
      return `${value.by > 0 ? "+" : ""}${value.by}`;
    case "insert":
      return value.values.map(textOf).join(", ");
    case "bytes":
      return `(${value.bytes.length} bytes)`;
    default:
      return "(not here)";
  }
}

/** What a place is called: the field that a pointer begins with. */
export function placeOf(path: string): string {
  const [, field = ""] = path.split("/");
  return field.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** What an op did. @param said the op itself, once it is known @param title what its card was called */
export function didOf(op: LoggedOp, said: Op | undefined, title: string): string {
  const { kind, collection, key, base } = op;
  if (collection === NOTES) return "edited the note";
  if (collection !== CARDS)
    return collection.startsWith("_") ? "joined two branches" : `wrote ${cut(`${collection}/${key}`, NAME_MAX)}`;
  if (kind === "delete") return `removed ${title}`;
  if (base.length === 0) return `added ${title}`;
  const words = bodyWords(said?.body);
  return `changed ${title}${words === "" ? "" : `: ${words}`}`;
}

/** The fields that a body changes. */
function bodyWords(body: Op["body"]): string {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return "";
  const { set, add, insert, discard, remove } = body as { readonly [part: string]: Json };
  const places = (part: Json | undefined, word: (value: Json) => string) =>
    Object.entries((part ?? {}) as { [place: string]: Json }).map(
      ([place, value]) => `${placeOf(place)} ${cut(word(value), NAME_MAX)}`,
    );
  const listed = (value: Json) => (Array.isArray(value) ? value.map(textOf).join(", ") : textOf(value));
  return [
    ...places(set, (value) => `“${textOf(value)}”`),
    ...places(add, (value) => `+${textOf(value)}`),
    ...places(insert, (value) => `+ ${listed(value)}`),
    ...places(discard, (value) => `− ${listed(value)}`),
    ...(Array.isArray(remove) ? remove.map((place) => `${placeOf(textOf(place))} removed`) : []),
  ].join(", ");
}

/** How a link stands, where so many writes wait for it: a browser that is cut off notices that late. */
export function linkWords(status: LinkStatus | undefined, waiting = 0): string {
  if (!status) return "Cut";
  if (waiting > 0 && !navigator.onLine) return "No network";
  switch (status.state) {
    case "connected":
      return status.isInSync ? "In sync" : "Syncing…";
    case "connecting":
      return "Connecting…";
    case "offline":
      return "Not reached; trying again";
    case "needs-auth":
      return "Not let in";
    case "rejected":
      return "Refused";
    default:
      return "Closed";
  }
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
