// Ops as bundles and as objects. They are made and read where the machine is, since that takes long when there are many.

import { call } from "./core.js";
import { TrellisError } from "./errors.js";
import type { Host } from "./host.js";
import { type Op, type OpId, opsOf, opsShown } from "./ops.js";
import { expected } from "./receipt.js";
import type { ImportReport } from "./surface.js";

type Machine = Pick<Host, "carryOut">;

const VERBS = {
  async export(machine: Machine, known: readonly OpId[]): Promise<Uint8Array> {
    const { ops } = expected(await machine.carryOut({ type: "export", known }), "ops");
    return call((functions) => functions.bundleOf(ops));
  },
  async ops(machine: Machine, known: readonly OpId[]): Promise<Op[]> {
    return opsShown(expected(await machine.carryOut({ type: "export", known }), "ops").ops);
  },
  async op(machine: Machine, id: OpId): Promise<Op> {
    const { ops } = expected(await machine.carryOut({ type: "show", ops: [id] }), "log");
    const stored = ops[0]?.stored;
    if (!stored) throw new TrellisError("not_found", "There is no such op here.", { op: id });
    return opsShown([stored])[0] as Op;
  },
  async import(machine: Machine, from: Uint8Array | readonly Op[]): Promise<ImportReport> {
    const ops = from instanceof Uint8Array ? call<[]>((functions) => functions.opsOfBundle(from)) : opsOf(from);
    return expected(await machine.carryOut({ type: "import", ops }), "imported").report;
  },
};

/** What is asked: for ops that others do not know, as a bundle or as objects; for one op; to take some in. */
export type WholeVerb = keyof typeof VERBS;

/** What a verb is given. */
export type Given<V extends WholeVerb> = Parameters<(typeof VERBS)[V]>[1];

/** What a verb gives. */
export type Gives<V extends WholeVerb> = Awaited<ReturnType<(typeof VERBS)[V]>>;

/** Carries a verb out where the host's machine is. @throws TrellisError */
export function whole<V extends WholeVerb>(host: Host, verb: V, given: Given<V>): Promise<Gives<V>> {
  const work = VERBS[verb] as (machine: Machine, given: Given<V>) => Promise<unknown>;
  return (host.whole ? host.whole(verb, given) : work(host, given)) as Promise<Gives<V>>;
}
