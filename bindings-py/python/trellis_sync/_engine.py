"""The engine, for programs that keep their ops themselves: what both of its faces have alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Optional, Union

from . import _asks as asks
from . import _native
from . import _words as words
from ._errors import refused
from ._native import HttpSyncTransport, Identity, MemoryTransport
from ._words import Json, StoredOp

AnyOp = Union[StoredOp, Mapping[str, Any]]
"""An op by its bytes, or as the object that ``op_object`` makes."""


@dataclass(frozen=True)
class Invalid:
    """An op that breaks a rule."""

    op: str
    reason: str


@dataclass(frozen=True)
class Reconciled:
    """What two sets of ops make together."""

    merged: tuple[str, ...]
    """Every valid op of both whose dependencies are there, in order."""
    fork_heads: tuple[str, ...]
    """The heads of the common ops, in order."""
    only_local: tuple[str, ...]
    """Merged ops that only the local side has, in order."""
    only_remote: tuple[str, ...]
    """Merged ops that only the remote side has, in order."""
    conflicts: tuple[str, ...]
    """The entities of the conflicts, as ``collection/key``, each once, ascending."""
    conflict_records: tuple[words.Conflict, ...]
    """The open conflicts of both together."""
    new_conflicts: tuple[words.Conflict, ...]
    """Those of them that are open in neither side alone."""
    relation: str
    """``equal``, ``behind``, ``ahead`` or ``diverged``: how the local side stands to the remote one."""
    clean: bool
    """Whether there are no new conflicts."""
    missing: tuple[str, ...]
    """Dependencies that neither side has, ascending."""
    invalid: tuple[Invalid, ...]
    """Invalid ops with the reason, ascending."""
    malformed: int
    """How many inputs were no ops at all."""
    fork_point: Optional[str] = None
    """The last of the common ops in order."""


@dataclass(frozen=True)
class Synced:
    """What a sync did. Afterwards both sides have the same ops."""

    peer: str
    """The peer's key."""
    ops_sent: int
    ops_received: int
    rounds: int
    """How often this side spoke and was answered, with the proofs of who they are."""
    bytes_sent: int
    bytes_received: int
    diverged: tuple[str, ...]
    """The linear branches that stand on several lines now."""
    nacked: Optional[words.Nacked] = None
    """What the peer refused of what went to it, or gives no effect."""


Transport = Union[MemoryTransport, HttpSyncTransport, _native.WebSocketSyncTransport]
"""The way to an engine's peers."""

GetOps = Callable[[], Sequence[StoredOp]]
"""Gives the ops that are there, each behind those that it depends on. The sequence only grows, and is read but once."""

OnOps = Callable[[list[StoredOp]], object]
"""Takes ops that a peer had and that are new here.

When it returns they count as safe, and the peer is told so. Where it raises none of them are, and they come again. It is
called on a thread of the engine's own.
"""


def reconcile(local_ops: Sequence[AnyOp], remote_ops: Sequence[AnyOp]) -> Reconciled:
    """What two sets of ops make together, given in any order; signatures are not looked at, and nothing is changed."""
    return words.read(Reconciled, _native.reconcile(stored_ops(local_ops), stored_ops(remote_ops)))


def create_repo(name: str, *, identity: Identity) -> StoredOp:
    """Makes the op that begins a repo; its author owns the repo."""
    return _native.create_repo(name, identity)


def create_op(
    collection: str,
    key: str,
    body: Union[Json, bytes] = None,
    *,
    identity: Identity,
    after: Sequence[AnyOp],
    kind: str = "put",
    base: Optional[Sequence[str]] = None,
    branch: str = "main",
    actor: Optional[str] = None,
) -> StoredOp:
    """Makes and signs one op on top of a log.

    Args:
        collection: The collection.
        key: The key.
        body: The value, or bytes; of a ``patch`` its ``set``, ``remove``, ``add``, ``insert`` and ``discard``; nothing of
            a ``delete``.
        identity: Who writes.
        after: The log.
        kind: ``put``, ``patch``, ``delete`` or ``append``.
        base: The writes that it replaces; what the log shows unless it is said.
        branch: The branch.
        actor: On whose behalf, if not the author's own.

    Raises:
        TrellisError: ``not_found`` for a log without the op that begins a repo, ``permission_denied``, ``chain_forked``,
            ``clock_ahead``, ``payload_too_large``, ``invalid_argument``.
    """
    op: dict[str, Any] = {"collection": collection, "key": key, "kind": kind, "branch": branch}
    if isinstance(body, bytes):
        op["bytes"] = body
    elif kind != "delete":
        op["body"] = body
    elif body is not None:
        raise refused("A delete has no body.")
    if base is not None:
        op["base"] = list(base)
    if actor is not None:
        op["actor"] = actor
    return _native.create_op(op, identity, stored_ops(after))


def op_object(op: StoredOp) -> dict[str, Any]:
    """An op as an object that people read, that JSON carries, and that ``op_from_object`` makes the same op of."""
    return _native.ops_shown([op])[0]


def op_objects(ops: Sequence[StoredOp]) -> list[dict[str, Any]]:
    """Ops as objects, as ``op_object``: all at once takes less time than one by one."""
    return _native.ops_shown(ops)


def op_from_object(op: Mapping[str, Any]) -> StoredOp:
    """The op of such an object. It proves nothing until an engine has verified it.

    Raises:
        TrellisError: ``invalid_argument``, which names the field that was changed where one alone was.
    """
    return _native.op_of(op)


def stored_ops(ops: Sequence[AnyOp]) -> list[StoredOp]:
    """Ops by their bytes."""
    return [op if isinstance(op, StoredOp) else op_from_object(op) for op in ops]


def engine(
    local_peer_id: str,
    transport: Transport,
    get_local_ops: GetOps,
    on_ops_received: OnOps,
    branch_policy: Optional[Mapping[str, Any]],
    identity: Optional[Identity],
) -> _native.SyncEngine:
    """The native engine."""
    policy = asks.policy(branch_policy or {})
    return _native.SyncEngine(local_peer_id, transport, get_local_ops, on_ops_received, policy, identity)
