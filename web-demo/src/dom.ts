// Elements from plain calls, and a tree brought to what it shall be: what stays the same keeps its focus and its text.
//
// Text becomes text nodes and nothing else: no value can become an element or a script.

type Handler = (event: Event) => unknown;
type Child = Node | string | number | false | null | undefined | readonly Child[];
type Props = { readonly [name: string]: string | number | boolean | undefined | Handler };

const HANDLERS = ["onclick", "onchange", "oninput", "onsubmit", "onkeydown", "onblur", "ontoggle"] as const;
const SVG = "http://www.w3.org/2000/svg";

/** An element. `key` tells it apart from its siblings; a name that begins with `on` is a handler; the rest are attributes. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), props, children);
}

/** An element of a drawing. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS(SVG, tag), props, children);
}

/** Makes these the children of an element. What has the same key or the same place and tag is kept, and changed. */
export function show(host: Element, ...children: Child[]): void {
  const focused = document.activeElement?.id;
  morphChildren(host, filled(document.createElement("div"), {}, children));
  // A card that went to another column is another element there.
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
}

function filled<E extends HTMLElement | SVGElement>(element: E, props: Props, children: readonly Child[]): E {
  for (const [name, value] of Object.entries(props)) {
    // What a handler returns is not for the browser: it takes false for a refusal, and lets no key be typed.
    if (typeof value === "function") Reflect.set(element, name, (event: Event) => void value(event));
    else if (name === "key") element.dataset.key = String(value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(parent: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (Array.isArray(child)) append(parent, child);
    else if (child instanceof Node) parent.appendChild(child);
    else if (child !== false && child !== null && child !== undefined) parent.appendChild(new Text(String(child)));
  }
}

function morphChildren(old: Element, fresh: Element): void {
  const keyed = new Map([...old.children].map((child) => [keyOf(child), child]));
  const kept = new Set([...fresh.childNodes].map(keyOf));
  // What is to go goes first: to move what stays would end whatever somebody does with it, as a drag of the slider.
  for (const [key, child] of keyed) if (key !== undefined && !kept.has(key)) child.remove();
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const key = keyOf(next);
    const match = key === undefined ? (at && keyOf(at) === undefined ? at : undefined) : keyed.get(key);
    if (!match || match.nodeName !== next.nodeName) {
      old.insertBefore(next, at);
    } else {
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      morph(match, next);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

function keyOf(node: Node): string | undefined {
  return node instanceof HTMLElement || node instanceof SVGElement ? node.dataset.key : undefined;
}

function morph(old: Node, fresh: Node): void {
  if (!(old instanceof Element) || !(fresh instanceof Element)) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes])
    if (!fresh.hasAttribute(name) && !isOwn(old, name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes)
    if (old.getAttribute(name) !== value && !isOwn(old, name)) old.setAttribute(name, value);
  for (const name of HANDLERS) Reflect.set(old, name, Reflect.get(fresh, name));
  morphChildren(old, fresh);
  if (old instanceof HTMLSelectElement && fresh instanceof HTMLSelectElement) old.value = fresh.value;
  if (old instanceof HTMLInputElement && fresh instanceof HTMLInputElement) {
    if (old.type === "range") old.value = fresh.value;
    old.checked = fresh.checked;
  }
}

/** What belongs to the reader: whether details are open. */
function isOwn(element: Element, name: string): boolean {
  return element instanceof HTMLDetailsElement && name === "open";
}
