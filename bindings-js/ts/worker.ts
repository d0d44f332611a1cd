// What a worker runs, so that its page is not blocked by the work of repos: `open(name, { worker })` opens them here.

import type { Signer } from "./keys.js";
import { alive } from "./life.js";
import { hostOf } from "./open.js";
import { isGreeting, portChannel } from "./port.js";
import type { Opening } from "./remote.js";
import { type Served, serve } from "./serve.js";
import { give } from "./sources/given.js";
import { hex, random } from "./values.js";

interface Scope {
  addEventListener?(type: "message", heard: (event: { data: unknown }) => void): void;
  process?: { getBuiltinModule?(name: string): { parentPort?: NodePort | null } };
}

interface NodePort {
  on(type: "message", heard: (message: unknown) => void): void;
}

async function opens({ name, branchPolicies, storage }: Opening, identity: Signer | undefined): Promise<Served> {
  // By this the page notices that the worker is gone.
  const life = `trellis-sync ${hex(random(16))}`;
  const die = await alive(life);
  const { host, release } = await hostOf(name, {
    ...(identity && { identity }),
    ...(branchPolicies && { branchPolicies }),
    ...(storage && { storage }),
  });
  const end = async () => {
    await release();
    die?.();
  };
  return { host, ...(die && { life }), release: end };
}

function greeted(message: unknown): void {
  if (!isGreeting(message)) return;
  give(message.core);
  serve(portChannel(message.port), opens);
}

const scope = globalThis as Scope;
const node = scope.process?.getBuiltinModule?.("node:worker_threads").parentPort;
if (node) node.on("message", greeted);
else scope.addEventListener?.("message", ({ data }) => greeted(data));
