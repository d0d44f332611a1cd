"""Local-first sync: write offline, sync with any peer, keep conflicts as data.

::

    async with await trellis_sync.open("notes") as repo:
        receipt = await repo.set("todo/1/title", "Buy milk")
        async with repo.sync("wss://relay.example"):
            await receipt.durable("relay", timeout=5)

The same verbs without ``await`` are in ``trellis_sync.blocking``.
"""

import atexit

from . import _native, blocking
from ._asks import Choice, Patch
from ._connection import Connection, memory_pair
from ._engine import (
    AnyOp,
    Invalid,
    Reconciled,
    Synced,
    create_op,
    create_repo,
    op_from_object,
    op_object,
    op_objects,
    reconcile,
)
from ._errors import TrellisError
from ._federation import MultiRepoManager, format_cross_repo_ref, parse_cross_repo_ref
from ._native import HttpSyncTransport, Identity, MemoryTransport
from ._repo import Batch, Link, Receipt, Repo, Subscription, View, open
from ._session import Session
from ._sync_engine import SyncEngine, WebSocketSyncTransport
from ._words import (
    ABSENT,
    Absent,
    Beneath,
    Branch,
    BundleReport,
    Change,
    Changed,
    Conflict,
    CrossRepoLink,
    CrossRepoRef,
    Entity,
    Exported,
    Fork,
    ImportReport,
    Joined,
    Json,
    LinkedRepo,
    LinkStatus,
    Manifest,
    Member,
    Nacked,
    Op,
    Plan,
    PlanItem,
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
    "AnyOp",
    "Batch",
    "Beneath",
    "Branch",
    "BundleReport",
    "Change",
    "Changed",
    "Choice",
    "Conflict",
    "Connection",
    "CrossRepoLink",
    "CrossRepoRef",
    "Entity",
    "Exported",
    "Fork",
    "HttpSyncTransport",
    "Identity",
    "ImportReport",
    "Invalid",
    "Joined",
    "Json",
    "Link",
    "LinkStatus",
    "LinkedRepo",
    "Manifest",
    "Member",
    "MemoryTransport",
    "MultiRepoManager",
    "Nacked",
    "Op",
    "Patch",
    "Plan",
    "PlanItem",
    "Progress",
    "Receipt",
    "Reconciled",
    "Refused",
    "Repo",
    "Safe",
    "Said",
    "Session",
    "Shown",
    "Side",
    "Status",
    "StoredOp",
    "Subscription",
    "SyncEngine",
    "Synced",
    "TrellisError",
    "Verified",
    "VerifyReport",
    "View",
    "WebSocketSyncTransport",
    "Withheld",
    "blocking",
    "create_op",
    "create_repo",
    "format_cross_repo_ref",
    "memory_pair",
    "op_from_object",
    "op_object",
    "op_objects",
    "open",
    "parse_cross_repo_ref",
    "reconcile",
]

# Nothing of ours asks for the interpreter once it ends.
atexit.register(_native.end_calls)
