// What has the page open without a network: a worker that keeps its files.

interface Policy {
  createScriptURL(text: string): string;
}
interface Policies {
  createPolicy(name: string, rules: Policy): Policy;
}

/** The one policy that the page has: it names its own worker, whatever it is asked for. */
const rules: Policy = { createScriptURL: () => "./worker.js" };

/** Has the browser keep the page, where it may: not for pages without TLS from another machine. */
export async function keepPage(): Promise<void> {
  if (!isSecureContext || !("serviceWorker" in navigator)) return;
  const { trustedTypes } = globalThis as { trustedTypes?: Policies };
  const policy = trustedTypes?.createPolicy("worker", rules) ?? rules;
  try {
    await navigator.serviceWorker.register(policy.createScriptURL(""));
  } catch {
    // The browser keeps nothing, or there is none, as while it is worked on: the page goes without.
  }
}
