// Two copies side by side on one page, without any server.

import { open } from "trellis-sync";
import { linkBar } from "./bar.js";
import { addExamples } from "./columns.js";
import { CopyView } from "./copy.js";
import { h, show } from "./dom.js";
import { announce } from "./live.js";
import { type BoardRecords, NOTES, NOTES_MANIFEST } from "./model.js";
import { Replica } from "./replica.js";
import { PairWire } from "./wire.js";
import { count } from "./words.js";

const ENDS = [
  ["Ann", "ann"],
  ["Bob", "bob"],
] as const;
const MERGED = "Joined. Votes, moves and note lines merged; two titles stand open, and nothing is lost.";
const STEP_MS = 1_600;

/** The page with two copies. */
export class TwoPage {
  readonly element = h("main", { id: "two", class: "two" });
  readonly #bar = h("div", { class: "bar" });
  readonly #copies: readonly [Replica, Replica];
  readonly #wire: PairWire;
  #story = "Cut the link, change both copies, join again. This is for practice: a reload begins anew.";
  #isPlaying = false;
  #plays = 0;

  private constructor(copies: readonly [Replica, Replica]) {
    this.#copies = copies;
    this.#wire = new PairWire(copies, () => this.#changed());
    const views = copies.map(
      (replica) =>
        new CopyView(replica, {
          id: replica.who.toLowerCase(),
          title: `${replica.who}’s copy`,
          tiers: "peer",
          isWide: false,
          wire: () => this.#wire,
        }),
    );
    for (const replica of copies) replica.onChange(() => this.#hear());
    this.element.replaceChildren(this.#bar, h("div", { class: "copies" }, ...views.map(({ element }) => element)));
  }

  static async begin(): Promise<TwoPage> {
    const [ann, bob] = await Promise.all(
      ["Ann", "Bob"].map(async (who) => {
        const repo = await open<BoardRecords>(`${who}’s board`, { storage: "memory", authorName: who });
        return new Replica(repo, who);
      }),
    );
    if (!ann || !bob) throw new Error("There are two.");
    await ann.main.declare(NOTES, NOTES_MANIFEST);
    await ann.begin();
    await addExamples(ann);
    await bob.begin();
    const page = new TwoPage([ann, bob]);
    page.#wire.join();
    page.#changed();
    return page;
  }

  #changed(): void {
    this.#draw();
    for (const replica of this.#copies) replica.tell();
  }

  /** Ends the story of the merge with its last conflict. */
  #hear(): void {
    const isDecided = this.#copies.every(({ conflicts }) => conflicts.length === 0);
    if (this.#story === MERGED && !this.#isPlaying && isDecided) this.#story = "";
    this.#draw();
  }

  #draw(): void {
    const { isOn, status } = this.#wire;
    const open = this.#copies[0].conflicts.length;
    const joined = open > 0 ? `Both are the same, with ${count(open, "conflict")} to decide` : "Both are the same";
    const words = isOn ? (status?.isInSync ? joined : "Joining…") : "The link is cut";
    show(
      this.#bar,
      linkBar(this.#wire, ENDS, this.#isPlaying ? undefined : () => this.#toggle()),
      h(
        "p",
        { class: "story" },
        h("span", { class: "words" }, this.#story || `${words}.`),
        this.#playButton(),
        h("a", { class: "button", href: "#shared" }, "In two browsers →"),
      ),
    );
  }

  #playButton(): HTMLElement {
    const lack = this.#isPlaying ? "" : this.#lack();
    const disabled = this.#isPlaying || lack !== "";
    return h(
      "button",
      { type: "button", id: "play", class: "main", disabled, onclick: () => void this.#play() },
      lack || "Show me a merge",
    );
  }

  /** What has to be done before a merge can be shown. */
  #lack(): string {
    const { conflicts, seen } = this.#copies[0];
    if (conflicts.length > 0) return "First decide below";
    return (seen?.cards.length ?? 0) < 2 ? "First add two cards" : "";
  }

  #toggle(): void {
    this.#story = "";
    this.#wire.toggle();
  }

  /** Plays what a visitor may do: both write while the link is cut, and it is joined again. */
  async #play(): Promise<void> {
    const [ann, bob] = this.#copies;
    const cards = ann.seen?.cards ?? [];
    const [card, other] = [0, 1].map((next) => cards[(this.#plays + next) % cards.length]);
    if (!card || !other) return;
    const hour = 15 + (this.#plays % 8);
    this.#plays += 1;
    this.#isPlaying = true;
    const rename = (copy: Replica, when: string) =>
      copy.patch(card.key, { set: { "/title": `${card.title} ${when}` }, add: { "/votes": 1 } }, "Renamed a card");
    const write = (copy: Replica, change: (text: string) => string) =>
      copy.writeNote(change(copy.seen?.note.text ?? ""), copy.seen?.note.frontier ?? []);
    try {
      await Promise.all(this.#copies.map((copy) => copy.letGo()));
      await this.#tell("Cut. Neither sees what the other does now.", () => this.#wire.cut());
      await this.#tell("Ann renames a card and votes for it.", () => rename(ann, "on Friday"));
      await this.#tell("Bob renames the same card, votes too, and moves another one.", async () => {
        await rename(bob, "next week");
        const column = other.column === "done" ? "todo" : "done";
        await bob.patch(other.key, { set: { "/column": column } }, "Moved a card");
      });
      await this.#tell("Both edit the note, on different lines.", async () => {
        await write(ann, (text) => `${text}\n${hour}:00 cake`);
        await write(bob, (text) => text.replace(/$/m, "!"));
      });
      await this.#tell(MERGED, () => this.#wire.join());
    } finally {
      this.#isPlaying = false;
      this.#draw();
    }
  }

  async #tell(words: string, work: () => unknown): Promise<void> {
    this.#story = words;
    announce(words);
    await work();
    this.#draw();
    await new Promise((done) => setTimeout(done, STEP_MS));
  }
}
