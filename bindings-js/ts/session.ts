// Sessions: another branch is looked at as a plan before it is joined.

import type { Resolution, WriteOptions } from "./batch.js";
import { asError } from "./errors.js";
import type { Receipt } from "./receipt.js";
import type { Branch, MergeOptions, Repo } from "./repo.js";
import type { Conflict, Plan } from "./surface.js";
import type { AnyRecords, Records } from "./view.js";

/**
 * Where a session is: `previewed` when it has a plan, `completed` when that is applied and opened no conflict that is still
 * open, `conflicted` while one is, or when what it would do changed before it was applied.
 */
export type SessionPhase = "created" | "planning" | "previewed" | "applying" | "completed" | "conflicted" | "failed";

/** A draft, then a plan, then ops. `Repo.session` gives one. */
export class Session<R extends Records = AnyRecords> {
  /** The branch that would be joined. What is written here changes nothing of the other one. */
  readonly draft: Branch<R>;
  readonly #repo: Repo<R>;
  #phase: SessionPhase = "created";
  #plan: Plan | undefined;

  /** Use `Repo.session`. @hidden */
  constructor(repo: Repo<R>, draft: Branch<R>) {
    this.#repo = repo;
    this.draft = draft;
  }

  /** Where it is. */
  get phase(): SessionPhase {
    return this.#phase;
  }

  /** What `apply` would do; nothing before the first `preview`. */
  get plan(): Plan | undefined {
    return this.#plan;
  }

  /**
   * What joining the draft would change, entity by entity. Changes nothing. The same ops give the same plan on every device.
   *
   * @throws TrellisError `not_found` where nobody has written to the draft yet.
   */
  preview(): Promise<Plan> {
    return this.#in("planning", async () => {
      this.#plan = await this.#repo.plan(this.draft.branchName);
      this.#phase = "previewed";
      return this.#plan;
    });
  }

  /**
   * Does what the plan says, in one op; makes the plan first where there is none. What was written to the draft since then
   * stays there for the next plan.
   *
   * @returns the receipt, without ops where all of the draft had been joined.
   * @throws TrellisError `conflict_moved` where the same would do something else by now. Nothing was changed then, and `plan`
   * is the new one.
   */
  async apply(options: Omit<MergeOptions, "plan"> = {}): Promise<Receipt> {
    const plan = this.#plan ?? (await this.preview());
    return this.#in("applying", async () => {
      const receipt = await this.#repo.merge(plan.source, { ...options, plan }).catch(async (thrown: unknown) => {
        if (asError(thrown).code === "conflict_moved") {
          await this.preview();
          this.#phase = "conflicted";
        }
        throw thrown;
      });
      await this.#settle();
      return receipt;
    });
  }

  /** The conflicts that the plan opened, and that are open still. */
  async conflicts(): Promise<readonly Conflict[]> {
    const opened = new Set(this.#plan?.items.flatMap(({ conflicts }) => conflicts.map(({ id }) => id)));
    return (await this.#repo.conflicts()).filter(({ id }) => opened.has(id));
  }

  /** As `Repo.resolve`. With the last of its conflicts the session is `completed`. */
  async resolve(conflict: Conflict, resolution: Resolution, options?: Omit<WriteOptions, "ifBase">): Promise<Receipt> {
    const receipt = await this.#repo.resolve(conflict, resolution, options);
    await this.#settle();
    return receipt;
  }

  async #settle(): Promise<void> {
    this.#phase = (await this.conflicts()).length > 0 ? "conflicted" : "completed";
  }

  async #in<T>(phase: SessionPhase, work: () => Promise<T>): Promise<T> {
    this.#phase = phase;
    try {
      return await work();
    } finally {
      if (this.#phase === phase) this.#phase = "failed";
    }
  }
}
