// `trellis serve --demo`, a wire to it that can be cut, and browsers that visit it.

import { execFile as start } from "node:child_process";
import { mkdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, LIMIT_MS, Place } from "../../tests/browser/place.mjs";

const execFile = promisify(start);

/** @typedef {Awaited<ReturnType<Place["browser"]>>} Browser */
/** @typedef {Awaited<ReturnType<Browser["newContext"]>>} Context */
/** @typedef {NonNullable<Parameters<Browser["newContext"]>[0]>} ContextOptions */
/** @typedef {Awaited<ReturnType<Browser["newPage"]>>} Page */
/** @typedef {ReturnType<Page["locator"]>} Locator */

/** A place with a board that a relay keeps, and the page that shows it. */
export class Site extends Place {
  port = 0;
  /** What pages complain of, and what they ask of others than the site. @type {string[]} */
  complaints = [];
  #folder = "";
  #relayPort = 0;
  /** @type {{ stop: (signal: NodeJS.Signals) => unknown } | undefined} */
  #relay;
  /** @type {Browser | undefined} */
  #browser;
  /** @type {Set<import("node:net").Socket>} */
  #sockets = new Set();

  get url() {
    return `http://localhost:${this.port}/`;
  }

  get relayUrl() {
    return `ws://localhost:${this.port}`;
  }

  async begin() {
    [this.port, this.#relayPort] = [await freePort(), await freePort()];
    this.trellis("init garden");
    await this.freshBoard("garden");
    const wire = createServer((socket) => this.#pass(socket));
    await new Promise((done) => wire.listen(this.port, "127.0.0.1", () => done(undefined)));
    this.ends.unshift(() => {
      this.dropLinks();
      wire.close();
    });
  }

  /** Runs a line of a shell while the wire goes on, and returns what it prints. @param {string} line */
  async run(line) {
    const { stdout } = await execFile("sh", ["-ec", line], { cwd: this.folder, env: this.env });
    return stdout;
  }

  /** Passes on what comes on a connection, until either end of it is gone. @param {import("node:net").Socket} socket */
  #pass(socket) {
    const relay = connect(this.#relayPort, "127.0.0.1");
    socket.pipe(relay).pipe(socket);
    for (const end of [relay, socket]) {
      this.#sockets.add(end);
      end.on("error", () => {});
      end.on("close", () => {
        this.#sockets.delete(end);
        relay.destroy();
        socket.destroy();
      });
    }
  }

  /** Cuts every connection, as where a wire is cut. */
  dropLinks() {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** A relay that keeps a new board, in a folder that may have a repo without writes. @param {string} name */
  async freshBoard(name) {
    this.#folder = name;
    mkdirSync(join(this.folder, name), { recursive: true });
    await this.startRelay();
  }

  async startRelay() {
    const command = `-C ${this.#folder} serve --demo --listen 127.0.0.1:${this.#relayPort} --origin ${this.relayUrl}`;
    this.#relay = await this.serve(command);
  }

  /** @param {NodeJS.Signals} signal */
  async stopRelay(signal) {
    await this.#relay?.stop(signal);
  }

  /**
   * A page that is open.
   *
   * @param {string} hash
   * @param {ContextOptions & { context?: Context }} how
   */
  async visit(hash, { context, ...options } = {}) {
    this.#browser ??= await this.browser();
    context ??= await this.#browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(LIMIT_MS);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (said) => said.type() !== "log" && this.complaints.push(said.text()));
    page.on("dialog", (dialog) => this.complaints.push(`a dialog: ${dialog.message()}`));
    page.on("request", (request) => request.url().startsWith(this.url) || this.complaints.push(request.url()));
    await page.goto(this.url + hash);
    return page;
  }

  /** Keeps a picture of a page, to be looked at. @param {Page} page @param {string} name */
  async keep(page, name) {
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: this.picture(`demo-${name}.png`), fullPage: true });
  }
}
