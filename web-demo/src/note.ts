// The shared note: written as one types, on top of what one was looking at.

import { conflictMark } from "./conflict.js";
import type { CopyView } from "./copy.js";
import { h } from "./dom.js";
import type { Note } from "./model.js";

const QUIET_MS = 250;

/** The text that is being written, and the writes that it stands on. */
export class NoteEditor {
  readonly #view: CopyView;
  #base: readonly string[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWriting = false;

  constructor(view: CopyView) {
    this.#view = view;
  }

  draw(note: Note): HTMLElement {
    const { view, id } = { view: this.#view, id: `${this.#view.idOf("note")}-text` };
    const write = view.replica.writes.find(({ key }) => key === "shared");
    return h(
      "div",
      { class: "note", key: "note" },
      h("h3", { id: `${id}-name` }, "Shared note"),
      h("textarea", {
        id,
        rows: 6,
        dir: "auto",
        spellcheck: "false",
        "aria-labelledby": `${id}-name`,
        readonly: view.isPast,
        oninput: () => this.#changed(),
        onblur: () => void this.#write(),
      }),
      write && !view.isPast && view.receiptOf(write),
      !view.isPast && note.conflicts.map((conflict) => conflictMark(conflict, view)),
    );
  }

  /** Shows what stands there now, unless something else is being typed. */
  adopt(note: Note): void {
    const field = this.#field();
    if (!field || (!this.#view.isPast && (this.#timer !== undefined || this.#isWriting))) return;
    this.#base = note.frontier;
    if (field.value === note.text) return;
    const { selectionStart, selectionEnd } = field;
    const shift = shiftAt(field.value, note.text, selectionStart);
    field.value = note.text;
    if (document.activeElement === field) field.setSelectionRange(selectionStart + shift, selectionEnd + shift);
  }

  #field(): HTMLTextAreaElement | null {
    return document.querySelector<HTMLTextAreaElement>(`#${CSS.escape(`${this.#view.idOf("note")}-text`)}`);
  }

  #changed(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#write(), QUIET_MS);
  }

  async #write(): Promise<void> {
    const field = this.#field();
    if (this.#timer === undefined || !field) return;
    if (this.#isWriting) return this.#changed();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isWriting = true;
    this.#base = await this.#view.replica.writeNote(field.value, this.#base);
    this.#isWriting = false;
    await this.#view.replica.refresh();
  }
}

/** How far a place in a text moves when the text becomes another one: what comes in before it pushes it on. */
function shiftAt(from: string, to: string, place: number): number {
  let same = 0;
  while (same < place && same < to.length && from[same] === to[same]) same += 1;
  return same < place ? to.length - from.length : 0;
}
