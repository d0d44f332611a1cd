// The board by the entry whose core is a file beside it.

import { init, open } from "trellis-sync/slim";
import { beginWith } from "./repo.mjs";

await init(fetch("trellis.wasm"));
await beginWith(open);
