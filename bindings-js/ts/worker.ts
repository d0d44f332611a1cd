// What a worker runs, so that its page is not blocked by the work of repos: `open(name, { worker })` opens them here.

import type { Signer } from "./keys.js";
import { hostOf } from "./open.js";
import { isGreeting, portChannel } from "./port.js";
import type { Opening } from "./remote.js";
import { type Served, serve } from "./serve.js";
import { give } from "./sources/given.js";

interface Scope {
  addEventListener?(type: "message", heard: (event: { data: unknown }) => void): void;
  process?: { getBuiltinModule?(name: string): { parentPort?: NodePort | null } };
}

interface NodePort {
  on(type: "message", heard: (message: unknown) => void): void;
}

async function opens({ name, branchPolicies }: Opening, identity: Signer | undefined): Promise<Served> {
  const { life, die } = await alive();
  const { host, release } = await hostOf(name, {
    ...(identity && { identity }),
    ...(branchPolicies && { branchPolicies }),
  });
  const end = async () => {
    await release();
    die();
  };
  return { host, life, release: end };
}

/** Takes a Web Lock, by which the page notices that this worker is gone: browsers let go of it whatever happens. */
async function alive(): Promise<{ life?: string; die: () => void }> {
  let die = () => {};
  const { locks } = (globalThis.navigator ?? {}) as { locks?: LockManager };
  if (!locks) return { die };
  const life = `trellis-sync ${crypto.randomUUID()}`;
  const dead = new Promise<void>((resolve) => {
    die = resolve;
  });
  const isHeld = await new Promise<boolean>((resolve) => {
    const hold = () => {
      resolve(true);
      return dead;
    };
    locks.request(life, hold).catch(() => resolve(false));
  });
  return { ...(isHeld && { life }), die };
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
