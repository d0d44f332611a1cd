// A scenario that every runtime takes, and whose log is the same everywhere. Runs wherever the package does.

/**
 * What it takes of the package.
 *
 * @typedef {Pick<typeof import("trellis-sync"), "memoryPair" | "TrellisError"> & {
 *   open: (name: string, options: { storage: "memory" }) => Promise<import("trellis-sync").Repo<any>>,
 * }} Package
 */

/** A value as JSON with sorted names and no spaces. @param {any} value @returns {string} */
function text(value) {
  if (Array.isArray(value)) return `[${value.map(text).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${text(member)}`);
  return `{${members.sort().join(",")}}`;
}

/** What stands or is said at a place. @param {any} shown */
const shown = (shown) => (shown.type === "json" ? text(shown.value) : shown.type);

class Stage {
  /** @param {Package} trellis */
  constructor(trellis) {
    this.trellis = trellis;
    /** @type {Map<string, import("trellis-sync").Repo>} */
    this.repos = new Map();
    /** The last write of each repo. @type {Map<string, import("trellis-sync").Receipt>} */
    this.last = new Map();
    /** The session of each repo. @type {Map<string, import("trellis-sync").Session>} */
    this.sessions = new Map();
  }

  /** @param {string} name */
  async repo(name) {
    const repo = this.repos.get(name) ?? (await this.trellis.open(name, { storage: "memory" }));
    this.repos.set(name, repo);
    return repo;
  }

  /** Takes a step; returns its lines. @param {any} step @returns {Promise<string[]>} */
  async take({ do: what, repo: name, ...step }) {
    if (what === "meet") return this.meet(step.repos);
    if (what === "copy") return this.copy(step);
    const repo = await this.repo(name);
    if (what === "write") return this.write(name, repo, (batch) => batch.edits.push(...step.edits));
    if (what === "session") {
      this.sessions.set(name, await repo.session({ branch: step.branch }));
      return [`${name} drafts ${step.branch}`];
    }
    const session = this.sessions.get(name);
    if (session && what in Drafting)
      return Drafting[/** @type {keyof typeof Drafting} */ (what)](this, name, session, step);
    if (what === "show") return [`${name} ${step.place} ${await this.at(repo, step.place)}`];
    if (what === "durable") {
      await this.last.get(name)?.durable(step.tier, { timeout: step.timeoutMs });
      return [`${name} is safe`];
    }
    const conflicts = await repo.conflicts();
    if (what === "conflicts") {
      const lines = conflicts.map(({ collection, key, path, base, sides }) => {
        const said = sides.map(({ value }) => shown(value)).sort();
        return `${name} ${collection}/${key}${path} ${shown(base)}: ${said.join(" | ")}`;
      });
      return lines.length > 0 ? lines : [`${name} none`];
    }
    const [conflict] = conflicts;
    const side = conflict?.sides.find(({ value }) => shown(value) === text(step.side));
    if (what !== "resolve" || !conflict || !side) throw new Error(`${what} is no step`);
    return this.write(name, repo, (batch) => batch.resolve(conflict, side));
  }

  /** @param {import("trellis-sync").Repo} repo @param {string} place */
  async at(repo, place) {
    const value = await repo.get(place);
    return value === undefined ? "absent" : text(value);
  }

  /**
   * @param {string} name @param {import("trellis-sync").Repo} repo
   * @param {(batch: import("trellis-sync").Batch) => unknown} fill
   */
  async write(name, repo, fill) {
    const receipt = await repo.batch(fill);
    this.last.set(name, receipt);
    return [`${name} wrote ${receipt.ops.length}`];
  }

  /** @param {{ from: string, to: string }} step */
  async copy({ from, to }) {
    const { admitted } = await (await this.repo(to)).import(await (await this.repo(from)).export());
    return [`${to} took ${admitted.length}`];
  }

  /** @param {[string, string]} names */
  async meet([one, other]) {
    const [here, there] = [await this.repo(one), await this.repo(other)];
    const [ours, theirs] = this.trellis.memoryPair();
    const links = [here.connect(ours), there.connect(theirs, { isInitiator: false })];
    await Promise.all(links.map((link) => link.inSync()));
    await Promise.all(links.map((link) => link.close()));
    return [`${one} and ${other} have ${(await here.status()).ops}`];
  }

  async end() {
    for (const repo of this.repos.values()) await repo.close();
  }
}

/** @typedef {(stage: Stage, name: string, session: import("trellis-sync").Session, step: any) => Promise<string[]>} Step */

/** What is done with a session. @satisfies {Record<string, Step>} */
const Drafting = {
  draft: async (stage, name, session, step) =>
    stage.write(name, session.draft, (batch) => batch.edits.push(...step.edits)),
  preview: async (_, name, session) => {
    const { items } = await session.preview();
    const lines = items.map(({ collection, key, after, conflicts }) => {
      const opened = conflicts.map(({ path }) => ` !${path}`).join("");
      return `${name} ${collection}/${key} ${shown(after)}${opened}`;
    });
    return lines.length > 0 ? lines : [`${name} nothing`];
  },
  apply: async (_, name, session) => {
    const { ops } = await session.apply();
    return [`${name} wrote ${ops.length}, ${session.phase}`];
  },
  settle: async (_, name, session, step) => {
    const [conflict] = await session.conflicts();
    const side = conflict?.sides.find(({ value }) => shown(value) === text(step.side));
    if (!conflict || !side) throw new Error("there is no such side");
    const { ops } = await session.resolve(conflict, side);
    return [`${name} wrote ${ops.length}, ${session.phase}`];
  },
  phase: async (_, name, session) => [`${name} ${session.phase}`],
};

/** Takes the steps of a scenario; returns the log. @param {Package} trellis @param {any} scenario */
export async function logOf(trellis, scenario) {
  const stage = new Stage(trellis);
  /** @type {string[]} */
  const log = [];
  for (const step of scenario.steps) {
    const lines = stage.take(step).catch((error) => {
      if (!(error instanceof trellis.TrellisError)) throw error;
      return [`${step.repo ?? step.to} ${error.code}`];
    });
    log.push(...(await lines));
  }
  await stage.end();
  return log;
}
