// What a player in JavaScript makes of lines: machines, and calls of them.

const MARK = "$bytes";

/** Bytes of a line become bytes. @param {string} _ @param {any} value */
function revived(_, value) {
  const text = value?.[MARK];
  return typeof text === "string" ? Uint8Array.from(atob(text), (one) => one.charCodeAt(0)) : value;
}

/** Bytes become what a line has for them. @param {string} _ @param {any} value */
function replaced(_, value) {
  if (!(value instanceof Uint8Array)) return value;
  return { [MARK]: btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join("")) };
}

/** Answers lines by a package's machines. @param {any} Machine @returns {(line: string) => string} */
export function player(Machine) {
  const machines = new Map();
  const forget = (/** @type {any} */ { machine }) => {
    machines.get(machine)?.free();
    machines.delete(machine);
    return [];
  };
  const open = (/** @type {any} */ call) => {
    forget(call);
    machines.set(call.machine, new Machine(call.start));
    return machines.get(call.machine).begin();
  };
  const step = (/** @type {any} */ { machine, input, now }) => machines.get(machine).step(input, now);
  /** @type {Record<string, (call: any) => unknown>} */
  const kinds = { open, step, forget };
  return (line) => {
    try {
      const outputs = JSON.parse(line, revived).map((/** @type {any} */ call) => kinds[call.type]?.(call));
      return JSON.stringify({ outputs }, replaced);
    } catch (thrown) {
      return JSON.stringify({ refused: `${thrown}` });
    }
  };
}
