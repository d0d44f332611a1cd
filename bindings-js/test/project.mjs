// The package as it is published, in projects that have nothing else.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, LIMIT_MS, Place } from "../../tests/browser/place.mjs";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
/** @type {Record<string, string>} */
const MEDIA_TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** A place with a server for any repo, and projects with the package. */
export class Projects extends Place {
  serverUrl = "";
  /** The package, and the package without an addon. */
  #archives = { whole: "", lean: "" };
  /** @type {import("playwright-core").Browser | undefined} */
  #browser;

  async begin() {
    const { filename } = this.#pack(PACKAGE);
    this.#archives.whole = filename;
    const lean = join(this.folder, "lean");
    mkdirSync(lean);
    execFileSync("tar", ["-xzf", filename, "-C", lean]);
    rmSync(join(lean, "package/dist/native"), { recursive: true });
    const { filename: archive, unpackedSize } = this.#pack(join(lean, "package"));
    this.#archives.lean = archive;
    const port = await freePort();
    mkdirSync(join(this.folder, "repos"));
    await this.serve(`serve --repos repos --open --allow-origin * --listen 127.0.0.1:${port}`);
    this.serverUrl = `ws://127.0.0.1:${port}`;
    return { unpackedSize };
  }

  /** Packs a folder. @param {string} folder */
  #pack(folder) {
    const into = join(this.folder, `packed-${basename(folder)}`);
    mkdirSync(into);
    const args = ["pack", "--json", "--pack-destination", into];
    const packed = JSON.parse(execFileSync("npm", args, { cwd: folder, stdio: "pipe" }).toString());
    const [{ filename, unpackedSize }] = Array.isArray(packed) ? packed : Object.values(packed);
    return { filename: join(into, filename), unpackedSize };
  }

  /**
   * A project with the package and these files; returns its folder.
   *
   * @param {string} name
   * @param {Record<string, string>} files
   * @param {{ archive?: "whole" | "lean" }} options
   */
  project(name, files, { archive = "lean" } = {}) {
    const folder = join(this.folder, name);
    mkdirSync(folder);
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
    for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
    const install = ["install", "--no-audit", "--no-fund", "--offline", this.#archives[archive]];
    execFileSync("npm", install, { cwd: folder, stdio: "pipe" });
    return folder;
  }

  /** Runs Node in a folder; returns what it prints. @param {string} folder @param {string[]} args */
  node(folder, args) {
    return execFileSync(process.execPath, ["--no-warnings", ...args], {
      cwd: folder,
      stdio: "pipe",
      timeout: LIMIT_MS,
    }).toString();
  }

  /** Serves a folder's files; returns the address. @param {string} folder */
  async site(folder) {
    const port = await freePort();
    const server = createServer(({ url = "/" }, response) => {
      const path = new URL(url, "http://localhost").pathname;
      try {
        const body = readFileSync(join(folder, path === "/" ? "index.html" : path));
        response.writeHead(200, { "content-type": MEDIA_TYPES[extname(path) || ".html"] ?? "text/plain" }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise((done) => server.listen(port, "127.0.0.1", () => done(undefined)));
    this.ends.unshift(() => server.close());
    return `http://127.0.0.1:${port}/`;
  }

  /** Opens a page and waits for what its program says in the title; returns that. @param {string} address */
  async title(address) {
    this.#browser ??= await this.browser();
    const page = await this.#browser.newPage();
    /** @type {string[]} */
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (said) => said.type() === "error" && complaints.push(said.text()));
    await page.goto(address);
    const told = page.waitForFunction(() => document.title, null, { timeout: LIMIT_MS });
    const title = await told
      .then((handle) => handle.jsonValue())
      .catch((error) => `${error}\n${complaints.join("\n")}`);
    await page.close();
    return title;
  }

  /** Copies files of the package's tests into a folder. @param {string} folder @param {string[]} names */
  bring(folder, names) {
    for (const name of names) cpSync(join(PACKAGE, "test", name), join(folder, basename(name)));
  }
}

/** The examples of the README, in order. */
export function examples() {
  const text = readFileSync(join(PACKAGE, "README.md"), "utf8");
  return [...text.matchAll(/```ts\n([^`]*)```/g)].map(([, code = ""]) => code);
}
