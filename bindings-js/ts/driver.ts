// The driver: a machine with everything that it asks for at hand: a store, the device's keys, the time, links.
//
// The machine says what it needs, the driver does it and tells the machine, until nothing is asked for any more. Nobody
// else's code runs while the machine works: replies settle promises, and events are told when it is at rest. When anything
// of the store fails, the machine is thrown away, and the next command opens a new one from the store.

import { type BranchPolicy, Machine } from "./core.js";
import { asError, closed, TrellisError } from "./errors.js";
import type { Keys, Signer } from "./keys.js";
import type { Store } from "./store.js";
import type { Answer, Command, Connection, Event, Frame, Input, Output, Row } from "./surface.js";
import { hex, random } from "./values.js";

/** What the machine says about a link, and how that link hears it. */
export interface Port {
  send(frame: Frame): void;
  /** Nothing is sent any more: the connection ends when everything was. */
  close(): void;
  event(event: Event): void;
  /** The machine is gone, and the link with it. */
  drop(failure: TrellisError): void;
}

/** What a driver begins with. */
export interface DriverOptions {
  readonly store: Store;
  readonly keys: Keys;
  /** The time, in milliseconds since 1970. */
  readonly now: () => number;
  readonly policies?: Readonly<Record<string, BranchPolicy>> | undefined;
  /** How safe what the store has confirmed is: `disk` unless it is said. */
  readonly level?: "os" | "disk" | undefined;
  /** Is told what nobody asked for, and nothing where the log has changed. */
  readonly heard: (event?: Event) => void;
}

/** A timer waits no longer than this. */
const TIMER_MS_MAX = 2 ** 31 - 1;

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: TrellisError): void;
}

/** A machine that runs. */
export class Driver {
  readonly #options: DriverOptions;
  #machine: Machine | undefined;
  /** Grows with every machine: what a former one asked for is not told to its successor. */
  #life = 0;
  readonly #inputs: Input[] = [];
  #isStepping = false;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ports = new Map<number, Port>();
  #lastNumber = 0;
  /** What the store does, one thing after the other; none while nothing is under way. */
  #storing: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #events: (Event | undefined)[] = [];
  #isClosed = false;

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  now(): number {
    return Math.floor(this.#options.now());
  }

  /** What signs for the device. */
  signer(): Signer {
    return this.#options.keys.current();
  }

  /** Carries a command out. @throws TrellisError */
  carryOut(command: Command): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(closed());
      const request = ++this.#lastNumber;
      this.#waiting.set(request, { resolve, reject });
      this.give({ type: "command", request, command });
    });
  }

  /** Opens a link; returns its number. */
  open(port: Port, input: (link: number) => Input): number {
    const link = ++this.#lastNumber;
    if (this.#isClosed) {
      port.drop(closed());
      return link;
    }
    this.#ports.set(link, port);
    this.give(input(link));
    return link;
  }

  connect(port: Port, connection: Omit<Connection, "nonce">): number {
    return this.open(port, (link) => ({ type: "connected", link, connection: { ...connection, nonce: random(32) } }));
  }

  /** The connection of a link is gone. */
  disconnected(link: number): void {
    if (!this.#ports.has(link)) return;
    this.give({ type: "disconnected", link });
    this.#ports.delete(link);
  }

  /** Gives the machine an input, now or when it is done with what came before. */
  give(input: Input): void {
    if (this.#isClosed) return;
    this.#inputs.push(input);
    if (!this.#isStepping) this.#run();
  }

  /** Ends it: whoever waits hears that, and the store is closed. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#end(closed());
    while (this.#storing) await this.#storing;
    await this.#options.store.close();
  }

  #run(): void {
    this.#isStepping = true;
    try {
      for (let input = this.#inputs.shift(); input; input = this.#inputs.shift()) {
        this.#carryOut(this.#begun());
        this.#carryOut(this.#stepped(input));
      }
    } catch (thrown) {
      this.#end(asError(thrown));
    } finally {
      this.#isStepping = false;
    }
    this.#setTimer();
    for (const event of this.#events.splice(0)) this.#options.heard(event);
  }

  /** Steps. A command that is none is refused, and has changed nothing. */
  #stepped(input: Input): Output[] {
    try {
      return this.#present().step(input, this.now());
    } catch (thrown) {
      const error = asError(thrown);
      if (input.type !== "command" || error.code !== "invalid_argument") throw error;
      this.#waiting.get(input.request)?.reject(error);
      this.#waiting.delete(input.request);
      return [];
    }
  }

  /** What a machine that is new asks for first. */
  #begun(): Output[] {
    if (this.#machine) return [];
    const { keys, policies, level } = this.#options;
    const { author } = keys.current();
    this.#machine = new Machine({ author, idKey: hex(random(8)), leavesContent: true, level, policies });
    this.#life += 1;
    return this.#machine.begin();
  }

  #present(): Machine {
    if (!this.#machine) throw closed();
    return this.#machine;
  }

  #carryOut(outputs: readonly Output[]): void {
    const life = this.#life;
    for (const output of outputs) {
      // What a machine asked for that is gone meanwhile its successor would not know.
      if (life !== this.#life) return;
      switch (output.type) {
        case "sign":
          this.#sign(output.ticket, output.author, output.message);
          break;
        case "makeKey":
          this.#answer(this.#options.keys.renew(), ({ author }) => ({
            type: "keyMade",
            ticket: output.ticket,
            author,
          }));
          break;
        case "persist":
          this.#persist(output.ticket, output.row);
          break;
        case "load":
          this.#store(
            () => this.#options.store.load(output.query),
            (loaded) => ({ type: "loaded", ticket: output.ticket, loaded }),
          );
          break;
        case "remember":
          this.#store(() => this.#options.store.remember(output.remembered));
          break;
        case "keepPiece":
          this.give({ type: "pieceKept", ticket: output.ticket, kept: { type: "damaged" } });
          break;
        case "reply":
          this.#reply(output);
          break;
        case "send":
          this.#ports.get(output.link)?.send(output.frame);
          break;
        case "close":
          this.#ports.get(output.link)?.close();
          break;
        case "emit":
          this.#emit(output.event);
          break;
      }
    }
  }

  #sign(ticket: number, author: string, message: Uint8Array): void {
    const signer = this.#options.keys.of(author);
    if (!signer) throw new TrellisError("auth_failed", "The key that the repo is written under is not here.");
    this.#answer(signer.sign(message), (signature) => ({ type: "signed", ticket, signature }));
  }

  /** Tells the machine what came of something, at once or when it has come. */
  #answer<T>(result: T | Promise<T>, input: (result: T) => Input): void {
    if (!(result instanceof Promise)) {
      this.give(input(result));
      return;
    }
    const life = this.#life;
    result.then(
      (result) => life === this.#life && this.give(input(result)),
      (thrown) => life === this.#life && this.#end(asError(thrown)),
    );
  }

  #persist(ticket: number, row: Row): void {
    this.#store(
      () => this.#options.store.persist([row]),
      () => {
        this.#events.push(undefined);
        return { type: "persisted", ticket };
      },
    );
  }

  /** Has the store do something after whatever it does, and tells the machine. */
  #store<T>(work: () => T | Promise<T>, input?: (result: T) => Input): void {
    const life = this.#life;
    const done = (result: T) => {
      if (life === this.#life && input) this.give(input(result));
    };
    const broken = (thrown: unknown) => {
      if (life === this.#life) this.#end(storeError(thrown));
    };
    if (this.#storing) {
      const next = () => (life === this.#life ? work() : undefined);
      this.#queue(this.#storing.then(next).then(done as () => void, broken));
      return;
    }
    try {
      const result = work();
      if (result instanceof Promise) this.#queue(result.then(done, broken));
      else done(result);
    } catch (thrown) {
      broken(thrown);
    }
  }

  #queue(work: Promise<void>): void {
    this.#storing = work;
    void work.then(() => {
      if (this.#storing === work) this.#storing = undefined;
    });
  }

  #reply({ request, answer, problem }: Output & { type: "reply" }): void {
    const waiting = this.#waiting.get(request);
    this.#waiting.delete(request);
    if (answer) waiting?.resolve(answer);
    else waiting?.reject(asError(problem));
  }

  #emit(event: Event): void {
    if (!("link" in event)) {
      this.#events.push(event);
      return;
    }
    this.#ports.get(event.link)?.event(event);
    if (event.type === "presence") this.#events.push(event);
  }

  /** Throws the machine away. Whoever waits hears why. */
  #end(failure: TrellisError): void {
    this.#life += 1;
    clearTimeout(this.#timer);
    this.#inputs.length = 0;
    const machine = this.#machine;
    this.#machine = undefined;
    try {
      machine?.free();
    } catch {
      // A machine that failed within a call cannot be freed.
    }
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(failure);
    const ports = [...this.#ports.values()];
    this.#ports.clear();
    for (const port of ports) port.drop(failure);
  }

  /** Tells the machine the time when it wants to be told. */
  #setTimer(): void {
    clearTimeout(this.#timer);
    const deadline = this.#machine?.deadline();
    if (deadline === undefined) return;
    const wait = Math.min(Math.max(deadline - this.now(), 0), TIMER_MS_MAX);
    this.#timer = setTimeout(() => this.give({ type: "tick" }), wait);
  }
}

function storeError(thrown: unknown): TrellisError {
  if (thrown instanceof TrellisError) return thrown;
  const code = thrown instanceof Error && thrown.name === "QuotaExceededError" ? "quota_exceeded" : "storage_corrupt";
  return new TrellisError(code, "The store failed; nothing of that write is counted as saved.", { cause: thrown });
}
