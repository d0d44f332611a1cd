// What runs the package in Node: the addon, with repos in folders and in memory, and the module as WebAssembly.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe } from "node:test";
import * as addon from "trellis-sync";
import * as wasm from "trellis-sync/inline";

/** @typedef {typeof import("trellis-sync")} Package */
/** @typedef {import("trellis-sync").OpenOptions} OpenOptions */

/**
 * One of them.
 *
 * @typedef {{
 *   name: string,
 *   id: string,
 *   trellis: Package,
 *   isPersistent: boolean,
 *   place: (name: string) => string,
 *   open: (name: string, options?: OpenOptions) => Promise<import("trellis-sync").Repo<any>>,
 * }} Host
 */

const folder = mkdtempSync(join(tmpdir(), "trellis-repos-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** @param {string} name @param {string} id @param {Package} trellis @returns {Host} */
function inMemory(name, id, trellis) {
  const open = (/** @type {string} */ repo, options = {}) => trellis.open(repo, { storage: "memory", ...options });
  return { name, id, trellis, isPersistent: false, place: (repo) => repo, open };
}

/** Names of repos are those of folders here. @param {string} name */
const place = (name) => join(folder, name);

/** @type {Host} */
const FOLDERS = {
  name: "in a folder",
  id: "folder",
  trellis: addon,
  isPersistent: true,
  place,
  open: (name, options) => addon.open(place(name), options),
};

/** The packages, one for each way to run the core. */
export const PACKAGES = [inMemory("by the addon", "addon", addon), inMemory("by WebAssembly", "wasm", wasm)];
export const HOSTS = [FOLDERS, ...PACKAGES];

/** Takes tests over several hosts. @param {readonly Host[]} hosts @param {(host: Host) => void} tests */
export function over(hosts, tests) {
  for (const host of hosts) describe(host.name, () => tests(host));
}
