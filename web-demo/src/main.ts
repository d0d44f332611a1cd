// The page: a head, and what the address asks for.

import { h, show } from "./dom.js";
import { live } from "./live.js";
import { keepPage } from "./offline.js";
import { copiesPicture, devicesPicture } from "./pictures.js";
import { SharedPage } from "./shared.js";
import { TwoPage } from "./two.js";

const PAGES = {
  "#two": { name: "Two copies", where: "for practice", picture: copiesPicture, begin: () => TwoPage.begin() },
  "#shared": {
    name: "Shared board",
    where: "across browsers",
    picture: devicesPicture,
    begin: () => SharedPage.begin(),
  },
} as const;

type Address = keyof typeof PAGES;

/** The pages that were opened. They go on while another one is looked at. */
const opened = new Map<Address, Promise<{ readonly element: HTMLElement }>>();
const app = document.querySelector("#app") ?? document.body;
const head = h("header", { class: "head" });
const place = h("div", { class: "place", tabindex: -1 });
const skip = h("button", { type: "button", class: "skip", onclick: () => place.focus() }, "Skip to the board");
app.replaceChildren(skip, head, place, live);

window.addEventListener("hashchange", () => void look());
await look();
await keepPage();

async function look(): Promise<void> {
  const address = addressOf(location.hash);
  drawHead(address);
  try {
    const page = opened.get(address) ?? PAGES[address].begin();
    opened.set(address, page);
    const { element } = await page;
    if (addressOf(location.hash) === address) place.replaceChildren(element);
  } catch (thrown) {
    opened.delete(address);
    const words = thrown instanceof Error ? thrown.message : String(thrown);
    place.replaceChildren(h("p", { class: "trouble", role: "alert" }, `The board cannot be opened. ${words}`));
  }
}

function addressOf(hash: string): Address {
  return hash === "#shared" ? "#shared" : "#two";
}

function drawHead(address: Address): void {
  show(
    head,
    h("div", { class: "brand" }, h("h1", {}, "trellis"), h("p", {}, "Write offline. Join. Nothing is lost.")),
    h(
      "nav",
      { "aria-label": "Boards" },
      Object.entries(PAGES).map(([href, { name, where, picture }]) =>
        h(
          "a",
          { href, key: href, "aria-current": href === address ? "page" : undefined },
          picture(),
          h("b", {}, name),
          " ",
          h("span", { class: "where" }, where),
        ),
      ),
    ),
  );
}
