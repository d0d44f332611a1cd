// The board by the main entry, which has the core within it.

import { open } from "trellis-sync";
import { beginWith } from "./repo.mjs";

await beginWith(open);
