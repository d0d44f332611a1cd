// Batches: the edits of one transaction, each checked when it is added.

import { TrellisError } from "./errors.js";
import type { OpId } from "./ops.js";
import { parsePlace } from "./places.js";
import type { Choice, Conflict, Edit, Patch, Side } from "./surface.js";
import { asJson } from "./values.js";
import type { AnyRecords, Records } from "./view.js";

/** How a write is made. */
export interface WriteOptions {
  /** The writes that the writer was looking at; what this replica shows where it is left out. */
  readonly ifBase?: readonly OpId[];
  /** On whose behalf, if not the author's own. */
  readonly actor?: string;
  /** Ends the waiting, not a write that has begun. */
  readonly signal?: AbortSignal;
}

/** How a conflict is closed: by one of its sides, by another value, or by nothing in its place. */
export type Resolution =
  | Side
  | {
      /** What shall stand there. */
      readonly value: unknown;
    }
  | "absent";

/** Several edits: one transaction, one signature, one receipt. `Repo.batch` gives one, and writes it. */
export class Batch<R extends Records = AnyRecords> {
  /** The edits so far. */
  readonly edits: Edit[] = [];

  /** As `Repo.set`. */
  set(path: string, value: unknown, { ifBase }: Pick<WriteOptions, "ifBase"> = {}): this {
    const { collection, key, pointer } = parsePlace(path);
    if (value instanceof Uint8Array) {
      if (pointer.length > 0) throw new TrellisError("invalid_argument", "Only a whole entity can be bytes.");
      return this.#change(collection, key, { type: "bytes", bytes: value }, ifBase);
    }
    return this.#add({ type: "set", place: path, value: asJson(value), base: ifBase });
  }

  /** As `Repo.put`. */
  put<C extends keyof R & string>(
    collection: C,
    key: string,
    value: R[C],
    { ifBase, replace = false }: Pick<WriteOptions, "ifBase"> & { replace?: boolean } = {},
  ): this {
    if (value instanceof Uint8Array) return this.#change(collection, key, { type: "bytes", bytes: value }, ifBase);
    return this.#change(collection, key, { type: replace ? "replace" : "put", value: asJson(value) }, ifBase);
  }

  /** As `Repo.patch`. */
  patch(collection: keyof R & string, key: string, patch: Patch, { ifBase }: Pick<WriteOptions, "ifBase"> = {}): this {
    const known = ["set", "remove", "add", "insert", "discard"];
    const stranger = Object.keys(patch).find((part) => !known.includes(part));
    if (stranger !== undefined)
      throw new TrellisError("invalid_argument", "A patch has set, remove, add, insert and discard.");
    return this.#change(collection, key, { type: "patch", patch: asJson(patch) as Patch }, ifBase);
  }

  /** As `Repo.append`. */
  append<C extends keyof R & string>(collection: C, key: string, value: R[C]): this {
    return this.#change(collection, key, { type: "append", value: asJson(value) });
  }

  /** As `Repo.delete`. */
  delete(path: string, { ifBase }: Pick<WriteOptions, "ifBase"> = {}): this {
    parsePlace(path);
    return this.#add({ type: "delete", place: path, base: ifBase });
  }

  /** Closes a conflict, as `Repo.resolve`. */
  resolve(conflict: Conflict, resolution: Resolution): this {
    const { collection, key, id } = conflict;
    return this.#add({ type: "resolve", conflict: { collection, key, id }, choice: choiceOf(resolution) });
  }

  #change(
    collection: string,
    key: string,
    change: (Edit & { type: "change" })["change"],
    base?: readonly OpId[],
  ): this {
    return this.#add({ type: "change", collection, key, change, base });
  }

  #add(edit: Edit): this {
    this.edits.push(edit);
    return this;
  }
}

function choiceOf(resolution: Resolution): Choice {
  if (resolution === "absent") return { type: "absent" };
  if ("op" in resolution) return { type: "side", op: resolution.op };
  return { type: "value", value: asJson(resolution.value) };
}
