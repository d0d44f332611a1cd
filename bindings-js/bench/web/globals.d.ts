// In functions that pages evaluate: what the page offers.

declare const bench: import("./pages/board.mjs").Bench;
