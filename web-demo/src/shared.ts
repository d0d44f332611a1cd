// The shared board: one copy in this browser, and a link to the relay that the page came from.

import { open } from "trellis-sync";
import { linkBar } from "./bar.js";
import { CopyView } from "./copy.js";
import { h, show } from "./dom.js";
import { remember, remembered } from "./memory.js";
import type { BoardRecords } from "./model.js";
import { waiting } from "./receipts.js";
import { Replica } from "./replica.js";
import { sharePanel } from "./share.js";
import { RelayWire } from "./wire.js";
import { linkWords } from "./words.js";

const NAME = "name";
/** Up to which clock the relay has what was written here, by the board's name. */
const RELAYED = "relayed-";
/** Under what name the board is kept here: another one for each board that the relay ever had. */
const BOARD = "board";
const ENDS = [
  ["You", "own"],
  ["Relay", "relay"],
] as const;
const NAME_MAX = 40;
/** Names of visitors who have given none: two of them seldom have the same. */
const LOOKS = ["Red", "Blue", "Green", "White", "Golden", "Silver", "Tall", "Wild"];
const PLANTS = ["Fern", "Ivy", "Hazel", "Basil", "Clover", "Sorrel", "Aster", "Linden"];

/** The page with one copy. */
export class SharedPage {
  readonly element = h("main", { id: "shared", class: "shared" });
  readonly #bar = h("div", { class: "bar" });
  readonly #replica: Replica;
  readonly #wire: RelayWire;
  readonly #view: CopyView;

  private constructor(replica: Replica, relay: string) {
    this.#replica = replica;
    this.#wire = new RelayWire(replica, relay, () => this.#changed());
    this.#view = new CopyView(replica, {
      id: "own",
      title: "This browser’s copy",
      tiers: "relay",
      isWide: matchMedia("(min-width: 54rem)").matches,
      wire: () => this.#wire,
    });
    this.element.replaceChildren(this.#bar, sharePanel(pageUrl(), relay), this.#view.element);
    replica.onChange(() => this.#draw());
  }

  static async begin(): Promise<SharedPage> {
    const repo = await open<BoardRecords>(boardName());
    const replica = new Replica(repo, named(remembered(NAME)));
    const page = new SharedPage(replica, relayUrl());
    await replica.begin();
    const relayed = BigInt(remembered(RELAYED + boardName()) ?? 0);
    replica.earlier = replica.ownClocks.filter((clock) => clock > relayed).length;
    page.#wire.join();
    page.#changed();
    for (const event of ["online", "offline"]) window.addEventListener(event, () => void page.#wire.redial());
    return page;
  }

  #changed(): void {
    this.#draw();
    this.#replica.tell();
  }

  /** A reload forgets the receipts, so up to where the relay has everything is remembered. */
  #settle(): void {
    if (!this.#wire.status?.isInSync || waiting(this.#replica.writes) > 0) return;
    this.#replica.earlier = 0;
    remember(RELAYED + boardName(), String(this.#replica.ownClocks.at(-1) ?? 0));
  }

  #draw(): void {
    this.#settle();
    const { status } = this.#wire;
    const { hasBegun } = this.#replica;
    show(
      this.#bar,
      linkBar(this.#wire, ENDS, () => this.#wire.toggle()),
      h(
        "p",
        { class: "story" },
        h(
          "span",
          { class: "words" },
          hasBegun ? goesOn(status?.state === "connected" && navigator.onLine) : this.#beginning(),
        ),
        status?.reason?.code === "repo_mismatch" &&
          h(
            "span",
            { key: "other" },
            "The relay keeps another board. ",
            h("button", { type: "button", id: "other", onclick: openOther }, "Keep this one aside and open that"),
          ),
        h(
          "label",
          { class: "who" },
          h("span", {}, "Your name"),
          h("input", {
            id: "name",
            value: this.#replica.who,
            maxlength: NAME_MAX,
            dir: "auto",
            autocomplete: "off",
            onchange: (event: Event) => this.#rename(event),
          }),
        ),
      ),
    );
    this.#view.element.hidden = !hasBegun;
  }

  #beginning(): string {
    const { status, url } = this.#wire;
    if (status?.state === "connected") return "Fetching the board…";
    const reason = status?.reason ? ` (${status.reason.message})` : "";
    return `This browser has no copy yet, and fetches the board from ${url}: ${linkWords(status)}${reason}. Start it with “trellis serve --demo”.`;
  }

  #rename(event: Event): void {
    const name = (event.target as HTMLInputElement).value.trim();
    this.#replica.who = named(name);
  }
}

/** What a visitor may count on. */
function goesOn(isLinked: boolean): string {
  if (isLinked) return "Open the board in another browser, switch off your network, and go on in both.";
  return "Go on: what you write is saved here, goes out when the link is back, and merges.";
}

function boardName(): string {
  return remembered(BOARD) ?? "board";
}

/** What is here stays here, under its old name. */
function openOther(): void {
  remember(BOARD, `board-${Date.now().toString(36)}`);
  location.reload();
}

/** The relay is where the page came from. */
function relayUrl(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`;
}

function pageUrl(): string {
  return `${location.origin}${location.pathname}#shared`;
}

/** The name that somebody gave, or one that stays. */
function named(given: string | undefined): string {
  const name = given || guest();
  remember(NAME, name);
  return name;
}

/** A name for somebody who has given none. */
function guest(): string {
  const [look = 0, plant = 0] = crypto.getRandomValues(new Uint8Array(2));
  return `${LOOKS[look % LOOKS.length]} ${PLANTS[plant % PLANTS.length]}`;
}
