// @ts-check
// What the page shows, and what it takes from whoever sits before it. Values go in as text, never as HTML.

import { hex } from "./cbor.mjs";
import { Link } from "./link.mjs";
import { Key, Replica } from "./replica.mjs";

const FATES = /** @type {Record<string, string>} */ ({
  kept: "on the server's disk",
  invalid_op: "refused, since it is invalid",
  permission_denied: "without effect, since this key may not write",
});

/** @param {string} id @returns {any} */
const element = (id) => document.getElementById(id);
/** @param {string} name @param {...(string | Node)} children */
function make(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

if (!isSecureContext) element("problem").textContent = "Browsers sign only for pages by https:// or from this machine.";
const replica = new Replica(await Key.generate());
/** @type {Link | undefined} */
let link;

function show() {
  element("status").textContent = link?.status ?? "Not connected.";
  element("server-key").textContent = link?.serverKey ?? "";
  element("records").tBodies[0].replaceChildren(...replica.records().flatMap(rows));
  element("own").replaceChildren(
    ...replica.own.map(({ id, collection, key }) => {
      const fate = link?.fates.get(id) ?? "waiting";
      return make("li", `${collection}/${key}, ${id.slice(0, 12)}: ${FATES[fate] ?? fate}`);
    }),
  );
}

/** A row for each field of a record. @param {ReturnType<Replica["records"]>[number]} record */
function rows({ collection, key, value, frontier }) {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  const note = frontier.length > 1 ? `${frontier.length} writes that have not seen one another` : "";
  return (isObject ? Object.entries(value) : [["", value]]).map(([field, item]) => {
    const text = typeof item === "string" ? item : JSON.stringify(item);
    return make("tr", ...[`${collection}/${key}`, field, text, note].map((cell) => make("td", make("pre", cell))));
  });
}

function dial() {
  link?.close();
  link = new Link(element("dial").server.value, replica, show);
}

async function write() {
  const { collection, key, field, text } = element("write");
  await replica.write(collection.value, key.value, field.value, text.value);
  link?.session?.give();
}

/** What a form does. @param {string} id @param {() => unknown} action */
function onSubmit(id, action) {
  element(id).addEventListener("submit", async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    await attempt(action);
  });
}

/** @param {() => unknown} action */
async function attempt(action) {
  element("problem").textContent = "";
  try {
    await action();
  } catch (error) {
    element("problem").textContent = String(error);
  }
  show();
}

element("key").textContent = hex(replica.key.author);
element("dial").server.value =
  new URLSearchParams(location.search).get("server") ?? location.origin.replace(/^http/, "ws");
onSubmit("dial", dial);
onSubmit("write", write);
await attempt(dial);
