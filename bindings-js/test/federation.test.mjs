// Several repos together: what is linked, what refers to it, and where that leads.

import assert from "node:assert/strict";
import { test } from "node:test";
import { HOSTS, over } from "./hosts.mjs";

/** @param {import("./hosts.mjs").Host} host */
function tests({ trellis, open }) {
  const { formatCrossRepoRef, MultiRepoManager, parseCrossRepoRef, TrellisError } = trellis;
  /** @param {string} code */
  const code = (code) => (/** @type {unknown} */ error) => error instanceof TrellisError && error.code === code;

  let count = 0;
  const named = (/** @type {string} */ name) => open(`${name} ${++count}`);

  /** A repo that links another one. */
  async function linked() {
    const [web, api] = [await named("web"), await named("api")];
    await api.set("lib/api-client/version", 3);
    const repos = new MultiRepoManager(web);
    await repos.linkRepo("backend", api.name, "Backend service");
    return { web, api, repos };
  }

  test("a reference leads to what is there, and a pinned one to what was", async () => {
    const { api, repos } = await linked();
    const [then] = (await api.set("lib/api-client/version", 4)).ops;
    await api.set("lib/api-client/version", 5);
    assert.deepEqual((await repos.follow("@backend:lib:api-client")).value, { version: 5 });
    assert.deepEqual((await repos.follow(formatCrossRepoRef("backend", "lib:api-client", then))).value, { version: 4 });
  });

  test("links are records", async () => {
    const { web, repos } = await linked();
    await repos.addCrossRepoLink("proj:frontend", "dependsOn", "backend", "lib:api-client");
    await repos.addCrossRepoLink("proj:frontend", "dependsOn", "backend", "lib:api-client");
    await repos.addCrossRepoLink("proj:admin", "uses", "backend", "lib:other");
    const links = await repos.findReferencesTo("backend", "lib:api-client");
    assert.deepEqual(
      links.map(({ from, relation, to }) => [from, relation, to.entity]),
      [["proj:frontend", "dependsOn", "lib:api-client"]],
    );
    assert.deepEqual(
      (await repos.linkedRepos()).map(({ alias, description }) => [alias, description]),
      [["backend", "Backend service"]],
    );
    assert.equal((await web.entries("cross-repo-links")).length, 2);
    await repos.removeCrossRepoLink("proj:frontend", "dependsOn", "backend", "lib:api-client");
    assert.deepEqual(await repos.findReferencesTo("backend", "lib:api-client"), []);
    await repos.unlinkRepo("backend");
    await assert.rejects(repos.follow("@backend:lib:api-client"), code("not_found"));
  });

  test("references are texts that come back", () => {
    assert.equal(formatCrossRepoRef("backend", "lib:api-client"), "@backend:lib:api-client");
    const version = "ab".repeat(32);
    assert.deepEqual(parseCrossRepoRef(`@backend:lib:a/b#${version}`), {
      alias: "backend",
      entity: "lib:a/b",
      collection: "lib",
      key: "a/b",
      version,
    });
    for (const text of ["backend:lib:x", "@../up:lib:x", "@b:lib", "@b:lib:x#12", "@b:lib:~1"])
      assert.throws(() => parseCrossRepoRef(text), code("invalid_argument"));
  });

  test("what cannot be linked says why", async () => {
    const { api, repos } = await linked();
    const empty = await named("empty");
    await assert.rejects(repos.linkRepo("../up", api.name), code("invalid_argument"));
    await assert.rejects(repos.linkRepo("far", "wss://relay.example"), code("unsupported"));
    await assert.rejects(repos.linkRepo("empty", empty.name), code("not_found"));
    await assert.rejects(repos.addCrossRepoLink("proj:a", "uses", "far", "lib:x"), code("not_found"));
    await assert.rejects(repos.addCrossRepoLink("proj", "uses", "backend", "lib:x"), code("invalid_argument"));
  });
}

over(HOSTS, tests);
