// Message ports as channels, and how a page hands one to its worker.

import type { Carried } from "./packed.js";
import type { Channel } from "./wire.js";

/** What a page sends to its worker for each repo: the port by which the two speak about it from then on. */
export interface Greeting {
  readonly trellis: "open";
  readonly port: MessagePort;
  /** The core, for a worker that has not got it yet. */
  readonly core: Carried;
}

/** Whether a message to a worker is a greeting, and not one of the program's own. */
export function isGreeting(message: unknown): message is Greeting {
  return typeof message === "object" && message !== null && "trellis" in message && "port" in message;
}

/** A port as a channel. Node tells by the event `close` that the other side is gone; browsers do not. */
export function portChannel(port: MessagePort): Channel {
  return {
    post: (message) => port.postMessage(message),
    listen: (heard, ended) => {
      port.addEventListener("close", ended);
      port.onmessage = ({ data }) => heard(data);
    },
    close: () => port.close(),
  };
}
