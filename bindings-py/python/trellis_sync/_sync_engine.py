"""The asynchronous face of the engine."""

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from . import _native
from . import _words as words
from ._engine import AnyOp, GetOps, OnOps, Reconciled, Synced, Transport, engine, stored_ops
from ._native import Identity
from ._threads import waiting


class WebSocketSyncTransport(_native.WebSocketSyncTransport):
    """Peers that are dialled by WebSocket, under names that a program gives them."""

    async def connect(self, peer: str, url: str) -> None:
        """Connects to a peer, and knows it by this name from now on: it is dialled again when that is needed.

        Raises:
            TrellisError: ``offline``, ``timeout``, ``auth_failed``, ``permission_denied``, ``invalid_argument``.
        """
        await waiting(self.connect_blocking, peer, url)


class SyncEngine:
    """Keeps a program's ops equal to those of its peers, and answers peers for as long as it lives."""

    def __init__(
        self,
        *,
        local_peer_id: str,
        transport: Transport,
        get_local_ops: GetOps,
        on_ops_received: OnOps,
        branch_policy: Optional[Mapping[str, Any]] = None,
        identity: Optional[Identity] = None,
    ) -> None:
        """An engine that answers peers from now on.

        Args:
            local_peer_id: What this side calls itself, for people; peers know it by its key.
            transport: The way to its peers.
            get_local_ops: Gives the ops that are here.
            on_ops_received: Takes those that come.
            branch_policy: What holds for every branch: ``linear``, ``require_signing``, ``serialiser``.
            identity: The key that it proves to peers; a new one unless it is given.
        """
        self._native = engine(local_peer_id, transport, get_local_ops, on_ops_received, branch_policy, identity)

    @property
    def author(self) -> str:
        """The key that it proves to peers."""
        return self._native.author

    @property
    def local_peer_id(self) -> str:
        """What this side calls itself."""
        return self._native.local_peer_id

    async def push_to(self, peer: str) -> Synced:
        """Gives a peer what it lacks, and takes what is lacking here: afterwards both have the same.

        Raises:
            TrellisError: ``not_found`` for a peer that the transport does not know, ``offline``, ``auth_failed``,
                ``repo_mismatch``; ``aborted`` where ``on_ops_received`` raised. What came before that stays.
        """
        return words.read(Synced, await waiting(self._native.push_to, peer))

    async def pull_from(self, peer: str) -> Synced:
        """The same, for those who are more interested in what the peer has."""
        return words.read(Synced, await waiting(self._native.pull_from, peer))

    async def reconcile_with(self, ops: Sequence[AnyOp]) -> Reconciled:
        """What the ops here and these make together. Changes nothing."""
        return words.read(Reconciled, await waiting(self._native.reconcile_with, stored_ops(ops)))

    def __repr__(self) -> str:
        return f"<SyncEngine {self.local_peer_id!r}>"
