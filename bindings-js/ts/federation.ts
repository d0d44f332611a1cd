// Several repos together: other repos by short names, and references to what is in them.

import { call, more } from "./core.js";
import type { Entry } from "./entry.js";
import { TrellisError } from "./errors.js";
import { openLinked, placeOf } from "./open.js";
import type { OpId } from "./ops.js";
import type { Receipt } from "./receipt.js";
import type { Repo } from "./repo.js";
import type { Collections, CrossRepoLink, CrossRepoRef, Edit, Json, LinkedRepo } from "./surface.js";
import type { AnyRecords } from "./view.js";

/**
 * Writes a reference to an entity of another repo, `type:name` there: `@alias:type:name`, or that with `#` and the id of an
 * op, for what it was when that op was its branch's head.
 *
 * @example
 * ```ts
 * import { formatCrossRepoRef } from "trellis-sync";
 * console.log(formatCrossRepoRef("backend", "lib:api-client")); // @backend:lib:api-client
 * ```
 *
 * @throws TrellisError `invalid_argument` for what is no alias, entity or id.
 */
export function formatCrossRepoRef(alias: string, entity: string, version?: OpId): string {
  return call(() => more().formatReference({ alias, entity, version }));
}

/**
 * Reads a reference.
 *
 * @example
 * ```ts
 * import { parseCrossRepoRef } from "trellis-sync";
 * const { alias, entity, collection, key } = parseCrossRepoRef("@backend:lib:api-client");
 * console.log(alias, entity, collection, key); // backend lib:api-client lib api-client
 * ```
 *
 * @throws TrellisError `invalid_argument` for what is none.
 */
export function parseCrossRepoRef(text: string): CrossRepoRef {
  return call(() => more().parseReference(text));
}

/** How linked repos are opened. */
export interface MultiRepoOptions {
  /**
   * Opens the repo at a place. Where it is left out, a repo that lies in a folder links folders, one in a browser's
   * database others there, and one in memory those that are open in the program, by their names.
   */
  readonly open?: (place: string) => Promise<Repo>;
}

/**
 * A repo, and those that it links.
 *
 * @example
 * ```ts
 * import { MultiRepoManager, open } from "trellis-sync";
 * const [repo, backend] = [await open("web"), await open("backend-api")];
 * await backend.set("lib/api-client/version", 3);
 * const repos = new MultiRepoManager(repo);
 * await repos.linkRepo("backend", "backend-api", "Backend service");
 * await repos.addCrossRepoLink("proj:frontend", "dependsOn", "backend", "lib:api-client");
 * const [link] = await repos.findReferencesTo("backend", "lib:api-client");
 * console.log(link?.from, link?.relation); // proj:frontend dependsOn
 * console.log((await repos.follow("@backend:lib:api-client")).value); // { version: 3 }
 * ```
 */
export class MultiRepoManager {
  /** The repo that links the others. */
  readonly repo: Repo;
  readonly #open: (place: string) => Promise<Repo>;

  /** Links other repos from this one. */
  constructor(repo: Repo, { open }: MultiRepoOptions = {}) {
    this.repo = repo;
    this.#open = open ?? ((place) => openLinked(place, repo.isPersistent));
  }

  /**
   * Gives another repo a short name. The link syncs like every record, so another device that follows it needs the repo at
   * the same place.
   *
   * @param alias 1 to 63 of the characters a to z, 0 to 9 and `-`, the first no `-`.
   * @param path what the repo is opened by.
   * @throws TrellisError `invalid_argument` for what is no alias; `unsupported` for a URL, which cannot be linked yet;
   * `not_found` for a repo that nobody has written to.
   */
  async linkRepo(alias: string, path: string, description?: string): Promise<Receipt> {
    formatCrossRepoRef(alias, "type:name");
    if (path.includes("://"))
      throw new TrellisError("unsupported", "A repo at a URL cannot be linked yet. Open it here, and link it by name.");
    const place = placeOf(path, this.repo.isPersistent);
    const repo = await this.#at(place, (other) => idOf(other));
    return this.#write({ type: "linkRepo", alias, place, repo, description });
  }

  /** Takes a short name back. Links to the repo stay. @throws TrellisError `invalid_argument` */
  unlinkRepo(alias: string): Promise<Receipt> {
    return this.#write({ type: "unlinkRepo", alias });
  }

  /** The linked repos, ascending by alias. */
  async linkedRepos(): Promise<readonly LinkedRepo[]> {
    const records = await this.#records("linkedRepos");
    return call(() => more().linkedRepos(records));
  }

  /**
   * Says how an entity here stands to one of a linked repo, both as `type:name`; the second may end in `#` and an op's id.
   *
   * @throws TrellisError `invalid_argument` for names that are none, `not_found` for an alias that links nothing.
   */
  async addCrossRepoLink(from: string, relation: string, alias: string, entity: string): Promise<Receipt> {
    const edit: Edit = { type: "linkAcross", from, relation, to: `@${alias}:${entity}` };
    await this.#linked(parseCrossRepoRef(edit.to).alias);
    return this.#write(edit);
  }

  /** Takes such a link away. @throws TrellisError `invalid_argument` */
  removeCrossRepoLink(from: string, relation: string, alias: string, entity: string): Promise<Receipt> {
    return this.#write({ type: "unlinkAcross", from, relation, to: `@${alias}:${entity}` });
  }

  /** The links that lead to an entity of another repo, in any version. @throws TrellisError `invalid_argument` */
  async findReferencesTo(alias: string, entity: string): Promise<readonly CrossRepoLink[]> {
    const records = await this.#records("crossRepoLinks");
    return call(() => more().linksTo(records, alias, entity));
  }

  /**
   * What stands in the other repo where a reference leads, on the branch `main` there.
   *
   * @throws TrellisError `not_found` for an alias that links nothing, and for a version that is not there;
   * `repo_mismatch` where another repo is at the place by now.
   */
  async follow(reference: string | CrossRepoRef): Promise<Entry> {
    const { alias, version, collection, key } =
      typeof reference === "string" ? parseCrossRepoRef(reference) : reference;
    const linked = await this.#linked(alias);
    return this.#at(linked.place, async (other) => {
      if ((await idOf(other)) !== linked.repo)
        throw new TrellisError(
          "repo_mismatch",
          "Another repo is at this place than the one that was linked. Link it anew.",
        );
      const main = other.branch("main");
      return (version === undefined ? main : main.at(version)).entry(collection, key);
    });
  }

  async #at<T>(place: string, look: (other: Repo<AnyRecords>) => Promise<T>): Promise<T> {
    const other = await this.#open(place);
    try {
      return await look(other);
    } finally {
      await other.close();
    }
  }

  async #linked(alias: string): Promise<LinkedRepo> {
    const linked = (await this.linkedRepos()).find((linked) => linked.alias === alias);
    if (!linked) throw new TrellisError("not_found", "No repo is linked under this alias. Link it first.");
    return linked;
  }

  async #records(of: keyof Collections): Promise<{ key: string; value: Json }[]> {
    const collection = call<Collections>(() => more().federationCollections())[of];
    const entries = (await this.repo.entries(collection)) as Entry<Json>[];
    return entries.flatMap(({ key, value }) =>
      value === undefined || value instanceof Uint8Array ? [] : [{ key, value }],
    );
  }

  #write(edit: Edit): Promise<Receipt> {
    return this.repo.batch((batch) => batch.edits.push(edit));
  }
}

async function idOf(repo: Repo): Promise<string> {
  const id = (await repo.status()).repo;
  if (id === undefined) throw new TrellisError("not_found", "Nobody has written to this repo yet, so it has no id.");
  return id;
}
