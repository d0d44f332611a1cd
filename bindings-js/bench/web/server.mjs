// The server of y-websocket with a board, as a process: `node server.mjs PORT OPS`. It says when it is up.

import { createServer } from "node:http";
import { getYDoc, setupWSConnection } from "@y/websocket-server/utils";
import { WebSocketServer } from "ws";
import { Map as YMap } from "yjs";
import { change } from "./pages/board.mjs";

const [port, ops] = process.argv.slice(2).map(Number);
const doc = getYDoc("board");
const cards = doc.getMap("cards");
for (let at = 0; at < Number(ops); at++) {
  const { card, field, value } = change(at);
  const map = /** @type {YMap<any> | undefined} */ (cards.get(card));
  doc.transact(() => {
    if (field === undefined) cards.set(card, new YMap(Object.entries(value)));
    else map?.set(field, value);
  });
}
const server = createServer();
new WebSocketServer({ server }).on("connection", (socket, request) => setupWSConnection(socket, request));
server.listen(port, "127.0.0.1", () => console.log("up"));
