// A repo in all tabs of a browser. One of them leads: it has the database open, writes, and keeps the links up. The others
// are hosts whose machine is elsewhere (remote.ts), over channels to the leader. When it is gone the next one leads.
//
// Who leads holds the Web Lock of the repo's name. Who does not waits for that lock, and asks on the channel of that name
// who leads; the leader then serves it on a channel of their own. Before the leader begins a write of another tab it asks that tab
// back: so a write that was not asked back is nowhere, and is asked again of the next leader, as all that only reads. One that was and
// has no answer may be saved or not, and fails.

import { type Connection, isAsked } from "./connection.js";
import type { BranchPolicy } from "./core.js";
import { DatabaseHost } from "./database-host.js";
import { asError, closed, TrellisError } from "./errors.js";
import type { Host, HostLink, LogChange, SyncOptions } from "./host.js";
import { alive, webLocks, whenGone } from "./life.js";
import { onVisible } from "./link.js";
import { RemoteHost, WIRE_VERSION } from "./remote.js";
import { serve } from "./serve.js";
import type { Answer, Command, Event } from "./surface.js";
import { type TabCall, TabChannel } from "./tab-channel.js";
import { TabLink } from "./tab-link.js";
import { hex, random } from "./values.js";
import { type Given, type WholeVerb, whole } from "./whole.js";

/** How often a tab that does not lead looks whether the leader still answers, in milliseconds. */
const WATCH_MS = 10_000;
/** A leader that so many looks in a row have got no answer from is taken for frozen. */
const SILENCE_MAX = 3;

/** Where the machine is now: here, or at the leader. */
interface Seat {
  readonly host: Host;
  isOver: boolean;
  deafen(): void;
}

interface Waiting {
  resolve(seat: Seat): void;
  reject(failure: TrellisError): void;
}

/** A repo that all tabs share. */
export class TabHost implements Host {
  readonly isPersistent = true;
  readonly #name: string;
  readonly #policies: Readonly<Record<string, BranchPolicy>> | undefined;
  readonly #id = hex(random(16));
  /** The name of the lock of the leader, and of the channel on which all hear who that is. */
  readonly #place: string;
  readonly #calls: BroadcastChannel | undefined;
  /** Ends the holding of the lock by which others notice that this tab is gone. */
  #die: (() => void) | undefined;
  readonly #closing = new AbortController();
  /** The greatest number of a leader that is known. */
  #epoch = 0;
  #seat: Seat | undefined;
  /** The leader that is asked to open the repo. */
  #rising: RemoteHost | undefined;
  #waiting: Waiting[] = [];
  /** How many looks the leader has not answered. */
  #silence = 0;
  /** Ends the waiting for the lock of the leader. */
  #patience = new AbortController();
  /** Ends this tab's lead. */
  #lost = () => {};
  /** What this tab does as a candidate and as the leader, until that is over. */
  #candidacy: Promise<void> | undefined;
  /** Tells others that this tab leads; nothing while it does not. */
  #lead: ((to?: string) => void) | undefined;
  readonly #heard = new Set<(event?: Event) => void>();
  readonly #links = new Set<TabLink>();

  private constructor(name: string, policies: Readonly<Record<string, BranchPolicy>> | undefined) {
    this.#name = name;
    this.#policies = policies;
    this.#place = `trellis-sync/${name}`;
    if (webLocks()) this.#calls = new BroadcastChannel(this.#place);
  }

  /** Opens a repo in the browser's database, alone or with other tabs. @throws TrellisError as `Database.open` */
  static async open(name: string, policies?: Readonly<Record<string, BranchPolicy>>): Promise<TabHost> {
    const host = new TabHost(name, policies);
    host.#die = await alive(host.#lifeOf(host.#id));
    if (host.#calls) host.#calls.onmessage = ({ data }) => host.#hear(data as TabCall);
    onVisible(() => host.wake(), host.#closing.signal);
    const watch = setInterval(() => host.#watch(), WATCH_MS);
    host.#closing.signal.addEventListener("abort", () => clearInterval(watch));
    try {
      await host.#seated();
      return host;
    } catch (thrown) {
      await host.close();
      throw thrown;
    }
  }

  now(): number {
    return Date.now();
  }

  carryOut(command: Command): Promise<Answer> {
    const isNowhere = (host: Host, { code }: TrellisError) =>
      command.type !== "write" || (host instanceof RemoteHost ? !host.hasBegun(command) : code === "locked");
    return this.#ask((host) => host.carryOut(command), isNowhere);
  }

  whole<V extends WholeVerb>(verb: V, given: Given<V>): Promise<unknown> {
    return this.#ask((host) => whole(host, verb, given));
  }

  changes(after: number): Promise<readonly LogChange[]> {
    return this.#ask((host) => host.changes(after));
  }

  listen(heard: (event?: Event) => void): () => void {
    this.#heard.add(heard);
    return () => this.#heard.delete(heard);
  }

  sync(url: string, options: SyncOptions): HostLink {
    isAsked(url, options);
    return this.#link((host) => host.sync(url, options), true);
  }

  connect(connection: Connection, isInitiator: boolean): HostLink {
    return this.#link((host) => host.connect(connection, isInitiator), false);
  }

  wake(): void {
    this.#seat?.host.wake?.();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#patience.abort();
    this.#stand(closed());
    this.#refuse(closed());
    await this.#candidacy;
    for (const link of this.#links) link.end();
    this.#calls?.close();
    this.#die?.();
  }

  /** Asks whoever has the machine, and the next one where that one is gone before it answers, if it may be asked again. */
  async #ask<T>(
    work: (host: Host) => Promise<T>,
    mayRepeat: (host: Host, failure: TrellisError) => boolean = () => true,
  ): Promise<T> {
    for (;;) {
      const seat = await this.#seated();
      try {
        return await work(seat.host);
      } catch (thrown) {
        if (!seat.isOver || this.#closing.signal.aborted) throw thrown;
        const failure = asError(thrown);
        if (!mayRepeat(seat.host, failure)) throw failure.code === "aborted" ? unanswered() : failure;
      }
    }
  }

  #seated(): Promise<Seat> {
    return new Promise((resolve, reject) => {
      if (this.#closing.signal.aborted) return reject(closed());
      if (this.#seat) return resolve(this.#seat);
      this.#waiting.push({ resolve, reject });
      this.#stand();
    });
  }

  /** Looks for a place where the machine is, after it is no more where it was. */
  #stand(failure?: TrellisError): void {
    this.#leave(failure);
    if (this.#closing.signal.aborted) return;
    this.#candidacy ??= this.#stood().finally(() => {
      this.#candidacy = undefined;
    });
    this.#say({ who: this.#id });
  }

  /** The machine is no more where it was: what was asked there and not answered fails. */
  #leave(failure = unanswered()): void {
    const [seat, rising] = [this.#seat, this.#rising];
    this.#seat = this.#rising = undefined;
    rising?.fail(failure);
    if (!seat) return;
    seat.isOver = true;
    seat.deafen();
    for (const link of this.#links) link.lose();
    if (seat.host instanceof RemoteHost) seat.host.fail(failure);
  }

  #sit(host: Host): void {
    this.#rising = undefined;
    const seat = { host, isOver: false, deafen: host.listen((event) => this.#tell(event)) };
    this.#seat = seat;
    for (const { resolve } of this.#waiting.splice(0)) resolve(seat);
    for (const link of this.#links) link.move(host);
    this.#tell();
  }

  #refuse(failure: TrellisError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(failure);
  }

  #tell(event?: Event): void {
    for (const heard of [...this.#heard]) heard(event);
  }

  /** Waits until no other tab leads, then leads, again and again until the repo is closed or cannot be opened here. */
  async #stood(): Promise<void> {
    const locks = webLocks();
    for (let goesOn = true; goesOn && !this.#closing.signal.aborted; ) {
      let led: Promise<boolean> | undefined;
      const lead = () => {
        led = this.#led();
        return led;
      };
      const steal = this.#silence >= SILENCE_MAX;
      this.#silence = 0;
      this.#patience = new AbortController();
      // Where there are no locks every tab leads, and only the last one that has opened the database can write.
      const held = locks?.request(this.#place, steal ? { steal } : { signal: this.#patience.signal }, lead) ?? lead();
      // It fails where another tab has taken the lock away, and where this one waits for it no more.
      await held.catch(() => this.#lost());
      goesOn = (await led) ?? true;
    }
  }

  /** Looks whether the leader answers. One that is frozen keeps its lock, and cannot write once it is taken away. */
  #watch(): void {
    if (this.#lead || !this.#candidacy || globalThis.document?.visibilityState === "hidden") return;
    this.#silence += 1;
    if (this.#silence >= SILENCE_MAX) this.#patience.abort();
    else this.#say({ who: this.#id });
  }

  /** Leads until the repo is closed, or the database can be used no more. Whether it could be opened. */
  async #led(): Promise<boolean> {
    const over = new AbortController();
    const served = new Map<string, TabChannel>();
    const isOver = new Promise((resolve) => over.signal.addEventListener("abort", resolve));
    const end = () => {
      this.#lead = undefined;
      over.abort();
      // They hear of no failure, but of the next leader.
      for (const channel of served.values()) channel.end();
    };
    this.#lost = () => {
      end();
      this.#stand();
    };
    this.#closing.signal.addEventListener("abort", end, over);
    this.#leave();
    let host: DatabaseHost;
    try {
      host = await DatabaseHost.open(this.#name, { policies: this.#policies, lost: this.#lost });
    } catch (thrown) {
      this.#lost = () => {};
      over.abort();
      this.#refuse(asError(thrown));
      return false;
    }
    if (!over.signal.aborted) {
      this.#epoch = host.epoch;
      this.#lead = (to) => {
        if (to !== undefined && !served.has(to)) this.#serve(to, host, served, over.signal);
        this.#say({ leads: this.#id, epoch: host.epoch, ...(to !== undefined && { to }) });
      };
      this.#sit(host);
      this.#lead();
    }
    await isOver;
    this.#lost = () => {};
    await host.close();
    return true;
  }

  /** Serves another tab until that is gone. */
  #serve(tab: string, host: Host, served: Map<string, TabChannel>, signal: AbortSignal): void {
    const channel = new TabChannel(`${this.#place}/${this.#id}/${tab}`, () => served.delete(tab));
    served.set(tab, channel);
    serve(channel, async () => ({ host, release: async () => {} }));
    whenGone(this.#lifeOf(tab), () => channel.end(), signal);
  }

  #hear(call: TabCall): void {
    if ("who" in call) {
      this.#lead?.(call.who);
      return;
    }
    const { leads, epoch, to } = call;
    if (this.#lead || epoch < this.#epoch) return;
    this.#silence = 0;
    if (to === this.#id) void this.#follow(leads, epoch);
    else if (to === undefined && epoch > this.#epoch) this.#stand();
  }

  /** Has the leader open the repo, unless it has. */
  async #follow(leader: string, epoch: number): Promise<void> {
    if (epoch === this.#epoch && (this.#seat || this.#rising)) return;
    this.#epoch = epoch;
    const channel = new TabChannel(`${this.#place}/${leader}/${this.#id}`);
    const host = new RemoteHost(channel, { watchesWrites: true, ended: () => {} });
    this.#rising = host;
    try {
      await host.open({ version: WIRE_VERSION, name: this.#name });
      if (this.#rising === host) this.#sit(host);
    } catch (thrown) {
      if (this.#rising !== host) return;
      this.#rising = undefined;
      this.#refuse(asError(thrown));
    }
  }

  #link(begin: (host: Host) => HostLink, canMove: boolean): HostLink {
    const link = new TabLink(begin, canMove, () => this.#links.delete(link));
    this.#links.add(link);
    if (this.#seat) link.move(this.#seat.host);
    return link;
  }

  #say(call: TabCall): void {
    if (!this.#closing.signal.aborted) this.#calls?.postMessage(call);
  }

  #lifeOf(tab: string): string {
    return `${this.#place}/${tab}`;
  }
}

/** What a write fails with whose answer never came. */
function unanswered(): TrellisError {
  return new TrellisError(
    "locked",
    "The tab that writes was closed before it answered: this may be saved or not. Look, and write again where it is not.",
  );
}
