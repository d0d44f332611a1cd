// The built page and a relay on one port, as `trellis serve --demo` has them.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, LIMIT_MS, Place } from "../../tests/browser/place.mjs";

/** @typedef {Awaited<ReturnType<Place["browser"]>>} Browser */
/** @typedef {Awaited<ReturnType<Browser["newContext"]>>} Context */
/** @typedef {NonNullable<Parameters<Browser["newContext"]>[0]>} ContextOptions */
/** @typedef {Awaited<ReturnType<Browser["newPage"]>>} Page */
/** @typedef {ReturnType<Page["locator"]>} Locator */

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
/** @type {Record<string, string>} */
const MEDIA_TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/** A place with a board that a relay keeps, and the page that shows it. */
export class Site extends Place {
  port = 0;
  /** @type {string[]} */
  complaints = [];
  /** @type {Browser | undefined} */
  #browser;
  #relayPort = 0;
  #folder = "";
  /** @type {{ stop: (signal: NodeJS.Signals) => unknown } | undefined} */
  #relay;
  /** @type {Set<import("node:stream").Duplex>} */
  #sockets = new Set();

  get url() {
    return `http://localhost:${this.port}/`;
  }

  get relayUrl() {
    return `ws://localhost:${this.port}`;
  }

  async begin() {
    [this.port, this.#relayPort] = [await freePort(), await freePort()];
    await this.freshBoard("garden");
    const server = createServer(answer);
    server.on("upgrade", (request, socket, head) => {
      const relay = connect(this.#relayPort, "127.0.0.1");
      const lines = [`GET ${request.url} HTTP/1.1`];
      for (let at = 0; at < request.rawHeaders.length; at += 2)
        lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
      relay.write(`${lines.join("\r\n")}\r\n\r\n`);
      relay.write(head);
      relay.pipe(socket).pipe(relay);
      for (const end of [relay, socket]) {
        this.#sockets.add(end);
        end.on("error", () => {});
        end.on("close", () => {
          relay.destroy();
          socket.destroy();
        });
      }
    });
    await new Promise((done) => server.listen(this.port, "127.0.0.1", () => done(undefined)));
    this.ends.unshift(() => {
      this.dropLinks();
      server.close();
    });
  }

  /**
   * A page that is open. What it complains of, and what it asks of others, is in `complaints`.
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

  /** Ends every link as a wire does that is cut. */
  dropLinks() {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  /** A board that is new, behind the relay. @param {string} name */
  async freshBoard(name) {
    this.#folder = name;
    this.trellis(`init ${name} --name ${name}`);
    this.trellis(`-C ${name} manifest set notes`, { args: ['{"fields":{"/text":"text"}}'] });
    await this.startRelay();
  }

  async startRelay() {
    const names = `--origin ${this.relayUrl} --allow-origin ${this.url.slice(0, -1)}`;
    this.#relay = await this.serve(`-C ${this.#folder} serve --open --listen 127.0.0.1:${this.#relayPort} ${names}`);
  }

  /** @param {NodeJS.Signals} signal */
  async stopRelay(signal) {
    await this.#relay?.stop(signal);
  }
}

/** @param {import("node:http").IncomingMessage} request @param {import("node:http").ServerResponse} response */
function answer({ url = "/" }, response) {
  const { pathname } = new URL(url, "http://localhost");
  const path = pathname === "/" ? "/index.html" : pathname;
  try {
    const body = readFileSync(join(DIST, path));
    const headers = {
      "content-type": MEDIA_TYPES[extname(path)] ?? "application/octet-stream",
      "content-security-policy": POLICY,
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    };
    response.writeHead(200, headers).end(body);
  } catch {
    response.writeHead(404).end();
  }
}
