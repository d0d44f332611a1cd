// The host in Node: a repo in a folder, kept and linked by the addon.

import type { Addon, AddonHost, AddonLink, Calls } from "./addon.js";
import type { Connection } from "./connection.js";
import { type ErrorCode, TrellisError } from "./errors.js";
import { type Host, type HostLink, kept, type LogChange, type StorageStatus, type SyncOptions } from "./host.js";
import { type LinkStatus, Teller } from "./link.js";
import type { FolderOptions, FolderOwn } from "./native.js";
import { packed, parsed } from "./packing.js";
import type { Answer, Command, Event, Progress } from "./surface.js";

/** How often those who listen hear of what other processes wrote, in milliseconds. */
const LOOK_MS = 250;
/** The key lies in a file that its owner can read, and SQLite waits for the disk. */
const IN_FOLDER: StorageStatus = { kind: "folder", level: "disk", isKeyExportable: true, isPersisted: true };

/** A repo in a folder. */
export class NativeHost implements Host {
  readonly isPersistent = true;
  readonly #host: AddonHost;
  readonly #calls: Calls;
  readonly #heard = new Set<(event?: Event) => void>();
  readonly #links = new Set<HostLink>();
  #look: NodeJS.Timeout | undefined;
  /** How many ops there were when that was last looked at. */
  #ops = -1;

  private constructor(
    host: AddonHost,
    calls: Calls,
    readonly now: () => number,
  ) {
    this.#host = host;
    this.#calls = calls;
  }

  /** Opens it. @throws TrellisError */
  static async open(
    addon: Addon,
    calls: Calls,
    path: string,
    options: FolderOptions,
    { seed, clock }: FolderOwn = {},
  ): Promise<NativeHost> {
    const opened = new NativeHost(new addon.Host(calls.port), calls, clock ?? Date.now);
    const listener = calls.listen((told) => told && opened.#hear(told.value as Event));
    try {
      await calls.ask((call) => opened.#host.open(call, path, JSON.stringify(options), listener, seed, clock));
    } catch (thrown) {
      calls.forget(listener);
      throw thrown;
    }
    return opened;
  }

  /** The branch that the folder shows. */
  get branch(): string {
    return this.#host.branch();
  }

  async carryOut(command: Command): Promise<Answer> {
    const answer = await this.#calls.ask<Answer>((call) => this.#host.carryOut(call, ...packed(command)));
    return answer.type === "status" ? kept(answer, IN_FOLDER) : answer;
  }

  async changes(after: number): Promise<readonly LogChange[]> {
    const changes: LogChange[] = [];
    for (let last = after; ; ) {
      const page = await this.#calls.ask<LogChange[]>((call) => this.#host.commits(call, last));
      changes.push(...page);
      const end = page.at(-1);
      if (!end) return changes;
      last = end.seq;
    }
  }

  listen(heard: (event?: Event) => void): () => void {
    this.#heard.add(heard);
    this.#look ??= setInterval(() => void this.#lookAround(), LOOK_MS).unref();
    return () => {
      this.#heard.delete(heard);
      if (this.#heard.size === 0) this.#lookNoMore();
    };
  }

  sync(url: string, { expected, branches, allowPlain }: SyncOptions): HostLink {
    const options = JSON.stringify({ expected, branches, allowPlain });
    return this.#link((listener) => this.#host.sync(url, options, listener));
  }

  connect(connection: Connection, isInitiator: boolean): HostLink {
    return this.#link((listener) => {
      const frames = this.#calls.listen((told) => {
        if (told) connection.send(told.value as string | Uint8Array<ArrayBuffer>);
        else connection.close();
      });
      const wire = this.#host.connect(connection.origin, connection.binding, isInitiator, listener, frames);
      connection.listen({ frame: (frame) => wire.frame(frame), end: () => wire.end() });
      return wire.link();
    });
  }

  async close(): Promise<void> {
    this.#lookNoMore();
    await Promise.all([...this.#links].map((link) => link.close()));
    await this.#calls.ask((call) => this.#host.close(call));
  }

  #hear(event: Event): void {
    for (const heard of [...this.#heard]) heard(event);
    if (event.type !== "admitted") return;
    for (const heard of [...this.#heard]) heard();
  }

  /** Tells those who listen where another process wrote. */
  async #lookAround(): Promise<void> {
    // A repo that was closed or failed says so to whoever asks it.
    const answer = await this.carryOut({ type: "status" }).catch(() => undefined);
    if (answer?.type !== "status" || answer.status.ops === this.#ops) return;
    this.#ops = answer.status.ops;
    for (const heard of [...this.#heard]) heard();
  }

  #lookNoMore(): void {
    clearInterval(this.#look);
    this.#look = undefined;
  }

  /** A link that keeps the process from ending until it has ended itself. */
  #link(begin: (listener: number) => AddonLink): HostLink {
    const [calls, teller] = [this.#calls, new Teller()];
    let isOver = () => {};
    const over = new Promise<void>((resolve) => {
      isOver = resolve;
    });
    const begun = calls.begin(begin, (told) => {
      if (told) return teller.tell(statusOf(told.value as AddonStatus));
      this.#links.delete(link);
      calls.release();
      isOver();
    });
    calls.hold();
    const { text } = begun.status();
    teller.tell(statusOf(parsed(text) as AddonStatus));
    const link: HostLink = {
      get status() {
        return teller.status;
      },
      onStatus: (heard) => teller.listen(heard),
      progress: async () => (await calls.ask<Progress | null>((call) => begun.progress(call))) ?? undefined,
      close: async () => {
        await calls.ask((call) => begun.close(call));
        await over;
      },
    };
    this.#links.add(link);
    return link;
  }
}

/** How a link stands, as the addon tells it. */
type AddonStatus = Omit<LinkStatus, "reason"> & { readonly code?: ErrorCode; readonly reason?: string };

function statusOf({ code, reason, ...status }: AddonStatus): LinkStatus {
  return code === undefined ? status : { ...status, reason: new TrellisError(code, reason ?? "") };
}
