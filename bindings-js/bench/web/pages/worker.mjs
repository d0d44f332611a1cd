// The work of a repo, off the page.

import "trellis-sync/worker";
