// A folder with repos in it, servers that are processes, and a browser.

import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TRELLIS = resolve(ROOT, process.env.TRELLIS ?? "target/debug/trellis");
const PAGE = join(ROOT, "examples/json-page");
/** What tests leave to look at. */
const KEPT = join(dirname(dirname(TRELLIS)), "browser");
/** The browser that tests use. */
export const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FIREFOX = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
/** What it need not do. */
export const QUIET = ["gpu", "quic", "background-networking", "component-update", "sync"].map(
  (what) => `--disable-${what}`,
);
/** Nothing here takes so long unless it never ends. */
export const LIMIT_MS = 60_000;

export class Place {
  folder = mkdtempSync(join(tmpdir(), "trellis-page-"));
  /** @type {(() => unknown)[]} */
  ends = [() => rmSync(this.folder, { recursive: true, force: true })];
  env = {
    PATH: [dirname(TRELLIS), process.env.PATH].join(delimiter),
    HOME: this.folder,
    XDG_CONFIG_HOME: join(this.folder, "config"),
    PAGE,
  };

  /** Runs `trellis`, which must exit with this code, and returns what it prints. @param {string} command @param {{ exit?: number, args?: string[] }} options */
  trellis(command, { exit = 0, args = [] } = {}) {
    const words = [...command.split(" "), ...args];
    const { status, stdout, stderr } = spawnSync(TRELLIS, words, { cwd: this.folder, env: this.env, encoding: "utf8" });
    if (status !== exit) throw new Error(`trellis ${command} exits with ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Runs a line of a README. @param {string} line */
  shell(line) {
    execFileSync("sh", ["-ec", line], { cwd: this.folder, env: this.env, stdio: "pipe" });
  }

  /** Ends, when all is done, a process whose number a line of a README wrote into a file. @param {string} file */
  endsByFile(file) {
    const pid = Number(readFileSync(join(this.folder, file), "utf8"));
    this.ends.unshift(() => spawnSync("kill", [`${pid}`]));
  }

  /** A server that is up. @param {string} command */
  async serve(command) {
    const child = spawn(TRELLIS, command.split(" "), {
      cwd: this.folder,
      env: this.env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const ended = new Promise((done) => child.once("exit", done));
    this.ends.unshift(() => child.kill("SIGKILL"));
    await new Promise((done, fail) => {
      child.stdout.once("data", done);
      child.once("exit", (code) => fail(new Error(`trellis ${command} ends with ${code}`)));
    });
    return { stop: (/** @type {NodeJS.Signals} */ signal) => child.kill(signal) && ended };
  }

  /** A browser that keeps nothing. */
  async browser() {
    const args = [...QUIET, "--no-first-run"];
    const browser = await chromium.launch({ executablePath: CHROMIUM, chromiumSandbox: false, args });
    this.ends.unshift(() => browser.close());
    return browser;
  }

  /** A Firefox, which keeps things in this folder, or nothing. @param {string | undefined} userDataDir */
  async firefox(userDataDir = undefined) {
    // Most tests need nothing of it.
    const { default: puppeteer } = await import("puppeteer-core");
    const window = { args: ["--width=1280", "--height=900"], defaultViewport: null };
    const browser = await puppeteer.launch({ browser: "firefox", executablePath: FIREFOX, userDataDir, ...window });
    this.ends.unshift(() => browser.close());
    return browser;
  }

  /** Where a picture is kept. @param {string} name */
  picture(name) {
    mkdirSync(KEPT, { recursive: true });
    return join(KEPT, name);
  }

  async end() {
    for (const end of this.ends) await end();
  }
}

/** A port that is free now. @returns {Promise<number>} */
export function freePort() {
  const server = createServer();
  return new Promise((done) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** The lines of a README's example, and the address that it says to open. */
export function example() {
  const text = readFileSync(join(PAGE, "README.md"), "utf8");
  const [, block = ""] = text.match(/```sh\n([^`]*)```/) ?? [];
  const [, address = ""] = text.match(/Open <([^>]+)>/) ?? [];
  return { lines: block.split("\n").filter((line) => line !== ""), address };
}
