// The vectors of every implementation, through what the package exports. Runs wherever the package does: it is given the
// package and the files, and throws where a case does not hold.

/** A time behind every clock of the vectors. */
const START = 2 ** 48;

/** @param {string} digits */
const unhex = (digits) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** An op of hex digits. @param {any} op */
function stored({ header, body, signature }) {
  const parts = Object.entries({ header, body, signature }).filter(([, digits]) => digits !== undefined);
  return Object.fromEntries(parts.map(([name, digits]) => [name, unhex(digits)]));
}

/** @param {unknown} found @param {unknown} wanted @param {string} where */
function same(found, wanted, where) {
  const [one, other] = [found, wanted].map((value) => JSON.stringify(sorted(value)));
  if (one !== other) throw new Error(`${where}: ${one} is not ${other}`);
}

/** A value whose objects have their members in order. @param {any} value @returns {any} */
function sorted(value) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}

/** @param {() => unknown} work @param {string} where */
function refused(work, where) {
  try {
    work();
  } catch (error) {
    if (/** @type {any} */ (error).code === "invalid_argument") return;
    throw error;
  }
  throw new Error(`${where}: it was not refused`);
}

/** @typedef {typeof import("trellis-sync")} Package */

/** Every file that is run here: its name, and what a case of it has to do. @type {Record<string, (trellis: Package, one: any, all: any) => void>} */
const RUNNERS = {
  header: ({ raw }, { bytes, id, fields, name }) => {
    const op = { header: unhex(bytes) };
    const [shown] = /** @type {any[]} */ (raw.opsShown([op]));
    /** @type {Record<string, string>} */
    const words = { author: "agentId", prev: "previousHash" };
    for (const word of [
      "author",
      "branch",
      "seq",
      "prev",
      "hlc",
      "parents",
      "collection",
      "key",
      "base",
      "actor",
      "repo",
    ])
      same(shown[words[word] ?? word], fields[word], `${name} ${word}`);
    same([shown.hash, raw.opId(op.header)], [id, id], name);
    const [again] = raw.opsOf([JSON.parse(JSON.stringify(shown))]);
    same(hex(/** @type {any} */ (again).header), bytes, name);
  },
  cbor_bad: ({ raw }, { bytes, hex: digits, name }) => {
    refused(() => raw.opsShown([{ header: unhex(bytes ?? digits) }]), name);
  },
  signatures: ({ raw }, { key, message, signature, header, holds, name }) => {
    let [author, signed] = [key, unhex(message ?? "")];
    if (header) {
      const [shown] = /** @type {any[]} */ (raw.opsShown([{ header: unhex(header) }]));
      author = shown.agentId;
      signed = new Uint8Array([...new TextEncoder().encode("trellis/sig/1\n"), ...unhex(shown.hash)]);
    }
    same(raw.isSigned(author, signed, unhex(signature)), holds, name);
  },
  bundle: ({ raw }, { bundle, ops, refused: code, name }) => {
    if (code !== undefined) return refused(() => raw.opsOfBundle(unhex(bundle)), name);
    const read = raw.opsOfBundle(unhex(bundle)).map(({ header }) => hex(header));
    same(
      read,
      ops.map((/** @type {any} */ { header }) => header),
      name,
    );
  },
  reconcile: ({ raw }, one, all) => {
    all.names ??= new Map(
      Object.entries(all.ops)
        .filter(([name]) => !name.startsWith("!"))
        .map(([name, { header }]) => [raw.opId(unhex(header)), name]),
    );
    const inputs = (/** @type {string[]} */ names) =>
      names.map((name) => {
        const { header, body } = all.ops[name.replace(/^-/, "")];
        return stored({ header, body: name.startsWith("-") ? undefined : body });
      });
    const named = (/** @type {string[]} */ ids) => ids.map((id) => all.names.get(id) ?? id);
    const { local, remote, expect, name } = one;
    for (const turn of [(/** @type {any[]} */ list) => list, (/** @type {any[]} */ list) => list.reverse()]) {
      const made = /** @type {any} */ (raw.reconcileStored(turn(inputs(local)), turn(inputs(remote))));
      for (const word of ["merged", "forkHeads", "onlyLocal", "onlyRemote", "missing"])
        same(named(made[word]), expect[word], `${name} ${word}`);
      same(made.forkPoint ? named([made.forkPoint])[0] : null, expect.forkPoint, `${name} forkPoint`);
      for (const word of ["relation", "clean", "conflicts", "malformed"])
        same(made[word], expect[word], `${name} ${word}`);
      const invalid = made.invalid.map((/** @type {any} */ { op, reason }) => [named([op])[0], reason]);
      same(Object.fromEntries(invalid), expect.invalid, `${name} invalid`);
      same(
        made.newConflicts.map((/** @type {any} */ { id }) => id),
        expect.newConflicts,
        name,
      );
      const records = made.conflictRecords.map((/** @type {any} */ record) => ({
        id: record.id,
        branch: record.branch,
        collection: record.collection,
        key: record.key,
        path: record.path,
        members: named(record.members),
        sides: named(record.sides.map((/** @type {any} */ { op }) => op)).sort(),
      }));
      const wanted = expect.conflictRecords.map((/** @type {any} */ { base: _, beneath: __, sides, ...record }) => ({
        ...record,
        sides: Object.keys(sides).sort(),
      }));
      same(records, wanted, `${name} conflictRecords`);
    }
  },
  validity: (trellis, { ops, verdicts, name }) => {
    const host = new BareHost(trellis);
    /** @type {Record<string, string>} */
    const said = {};
    for (const part of [ops.slice(0, 1), ops.slice(1)]) {
      const { report } = host.run({ type: "import", ops: part.map(stored) });
      for (const id of report.admitted) said[id] = "valid";
      for (const id of report.held) said[id] = "waits";
      for (const { op } of report.refused) said[op] = "refused";
    }
    const wanted = Object.entries(verdicts).map(([id, verdict]) => [
      id,
      typeof verdict === "string" ? verdict : "refused",
    ]);
    same(said, Object.fromEntries(wanted), name);
  },
};

/** A host that keeps no rows and signs nothing. */
class BareHost {
  /** @param {Package} trellis */
  constructor({ Machine }) {
    this.machine = new Machine({ author: "11".repeat(32), idKey: "22".repeat(8) });
    this.carryOut(this.machine.begin());
  }

  /** @param {any} command @returns {any} */
  run(command) {
    return this.carryOut(this.machine.step({ type: "command", request: 1, command }, START))[0]?.answer;
  }

  /** @param {any[]} queue @returns {any[]} */
  carryOut(queue) {
    /** @type {any[]} */
    const replies = [];
    for (let output = queue.shift(); output; output = queue.shift()) {
      const { type, ticket, query } = output;
      if (type === "reply") replies.push(output);
      if (type === "persist") queue.push(...this.machine.step({ type: "persisted", ticket }, START));
      if (type === "load") queue.push(...this.machine.step({ type: "loaded", ticket, loaded: nothing(query) }, START));
    }
    return replies;
  }
}

/** @param {any} query @returns {any} */
function nothing({ type }) {
  if (type === "rows") return { type, rows: [], more: false };
  if (type === "peers") return { type, peers: [] };
  if (type === "ops") return { type, rows: [] };
  return { type: "blobs", blobs: [] };
}

/** The names of the files. */
export const FILES = Object.keys(RUNNERS);

/** Runs the cases of a file; returns how many there were. @param {Package} trellis @param {string} file @param {any} all */
export function run(trellis, file, all) {
  for (const one of all.cases) RUNNERS[file]?.(trellis, one, all);
  return all.cases.length;
}
