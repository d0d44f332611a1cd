"""Local-first sync: write offline, sync with any peer, keep conflicts as data.

::

    async with await trellis_sync.open("notes") as repo:
        receipt = await repo.set("todo/1/title", "Buy milk")
        async with repo.sync("wss://relay.example"):
            await receipt.durable("relay", timeout=5)

The same verbs without ``await`` are in ``trellis_sync.blocking``.
"""

from ._asks import Choice, Patch
from ._errors import TrellisError
from ._repo import Batch, Link, Receipt, Repo, Subscription, View, open  # noqa: A004
from ._words import (
    ABSENT,
    Absent,
    Beneath,
    Branch,
    BundleReport,
    Change,
    Conflict,
    Entity,
    Exported,
    Fork,
    ImportReport,
    Joined,
    Json,
    LinkStatus,
    Manifest,
    Member,
    Nacked,
    Op,
    Progress,
    Refused,
    Safe,
    Said,
    Shown,
    Side,
    Status,
    StoredOp,
    Verified,
    VerifyReport,
    Withheld,
)

__all__ = [
    "ABSENT",
    "Absent",
    "Batch",
    "Beneath",
    "Branch",
    "BundleReport",
    "Change",
    "Choice",
    "Conflict",
    "Entity",
    "Exported",
    "Fork",
    "ImportReport",
    "Joined",
    "Json",
    "Link",
    "LinkStatus",
    "Manifest",
    "Member",
    "Nacked",
    "Op",
    "Patch",
    "Progress",
    "Receipt",
    "Refused",
    "Repo",
    "Safe",
    "Said",
    "Shown",
    "Side",
    "Status",
    "StoredOp",
    "Subscription",
    "TrellisError",
    "Verified",
    "VerifyReport",
    "View",
    "Withheld",
    "open",
]
