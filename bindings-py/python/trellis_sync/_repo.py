"""The asynchronous face, for asyncio and trio.

What takes long waits in a thread of its own, without the GIL; cancelled, it ends at once. A write that has begun is
waited for even then, so that nobody misses what became of it.
"""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Callable, Optional, TypeVar, Union

import anyio

from . import _asks as asks
from . import _native
from . import _words as words
from ._asks import COMMITS_MAX, OPS_MAX, TIMEOUT, Ask, Choice, Patch
from ._connection import Connection
from ._engine import AnyOp, stored_ops
from ._errors import refused
from ._native import Identity
from ._session import Session
from ._share import LOOK_MS, Edits, Handle, Scene, is_collection, needs_begin
from ._threads import in_thread, waiting
from ._words import Json

T = TypeVar("T")


async def open(  # noqa: A001
    path: Union[str, "os.PathLike[str]"],
    *,
    branch: Optional[str] = None,
    name: Optional[str] = None,
    author_name: Optional[str] = None,
    read_only: bool = False,
    must_exist: bool = False,
    join: Optional[str] = None,
    invitation: Optional[str] = None,
    identity: Optional[Identity] = None,
    clock: Optional[Callable[[], float]] = None,
    branch_policies: Optional[Mapping[str, Mapping[str, Any]]] = None,
) -> "Repo":
    """Opens the repo in a folder, or makes one there.

    A new repo has no ops: the first write begins it, or the first peer gives it its own. The network is waited for only
    where the repo is new and is to join.

    Args:
        path: The folder.
        branch: The branch to work on; the one that the folder shows, else ``main``.
        name: The name that a new repo gets; its folder's unless it is said.
        author_name: What people call whoever writes.
        read_only: Open it to read alone: it has to be there, and nothing on the disk is changed.
        must_exist: Fail where there is no repo.
        join: The URL of a peer whose repo a new one is to be: it is taken whole before this returns.
        invitation: The text of an invitation that is shown to that peer.
        identity: The key to write under, which the program keeps itself: the folder's own is neither read nor made. Where
            the key turns out to write elsewhere, too, writes fail with ``chain_forked``.
        clock: Tells the time in milliseconds since 1970; the system's unless it is given. It is called on a thread of the
            repo's own, and time stands still where it raises.
        branch_policies: What this device asks of branches, by pattern: ``linear``, ``require_signing``, ``serialiser``; what
            the folder's settings say unless it is given.

    Raises:
        TrellisError: ``permission_denied``, ``storage_corrupt``, ``schema_newer``, ``not_a_repo``, ``not_found``,
            ``locked`` and the like; where it joins also ``offline``, ``auth_failed`` and ``not_found``.
    """
    options = asks.opening(
        branch=branch,
        name=name,
        author_name=author_name,
        read_only=read_only,
        must_exist=must_exist,
        join=join,
        invitation=invitation,
        branch_policies=branch_policies,
    )
    host = await waiting(_native.open, asks.path_of(path), options, identity, clock)
    return Repo(host, host.branch(), set())


class Receipt:
    """The promise for one write: its ops are on this device's disk."""

    def __init__(self, host: _native.Host, ops: tuple[str, ...]) -> None:
        self._host = host
        self.ops = ops
        """The ids of the ops written, in order; none where nothing had to change."""

    async def durable(self, tier: str = "local", *, timeout: float = TIMEOUT) -> words.Safe:  # noqa: ASYNC109
        """Waits until the ops are safe: ``local`` on this disk, ``peer`` on a peer's, ``relay`` on a relay's.

        Args:
            tier: How safe.
            timeout: How long to wait, in seconds.

        Raises:
            TrellisError: ``timeout``: they are not yet, and go on being sent. ``invalid_op``: a peer refuses them for good.
        """
        limit = asks.milliseconds(timeout)
        return words.read(words.Safe, await waiting(self._host.durable, list(self.ops), tier, limit))

    def __repr__(self) -> str:
        return f"<Receipt of {len(self.ops)} ops>"


class Link:
    """A link to a peer. It is kept up until it is closed, or its repo is."""

    def __init__(self, native: _native.Link, url: str, links: "set[Any]") -> None:
        self._native = native
        self._links = links
        self._links.add(self)
        self.url = url
        """What was dialled."""

    @property
    def status(self) -> words.LinkStatus:
        """How it stands."""
        return words.read(words.LinkStatus, self._native.status())

    async def progress(self) -> Optional[words.Progress]:
        """How far it is; None while the peer is not known."""
        plain = await in_thread(self._native.progress)
        return None if plain is None else words.read(words.Progress, plain)

    async def in_sync(self, *, timeout: float = TIMEOUT) -> None:  # noqa: ASYNC109
        """Waits until both sides have the same, durably; ``timeout`` in seconds.

        Raises:
            TrellisError: What keeps the peer from being reached, as ``offline`` or ``auth_failed``; ``timeout``.
        """
        await waiting(self._native.in_sync, asks.milliseconds(timeout))

    async def __aiter__(self) -> AsyncIterator[words.LinkStatus]:
        """Tells how it stands, now and whenever that changes, until it has ended."""
        follower = self._native.follow()
        while (plain := await waiting(follower.next, None)) is not None:
            yield words.read(words.LinkStatus, plain)

    async def close(self) -> None:
        """Ends it, and tells the peer."""
        with anyio.CancelScope(shield=True):
            await in_thread(self._native.close)
        self._links.discard(self)

    async def __aenter__(self) -> "Link":
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Link to {self.url!r}, {self.status.state}>"


class View:
    """The repo as it was when some ops were the branch's heads; ops that arrive later change nothing of it."""

    def __init__(self, host: _native.Host, branch: str, at: Sequence[str]) -> None:
        self._host = host
        self._branch = branch
        self._at = list(at)

    async def find(self, place: str) -> words.Entity:
        """What stands at ``collection/key`` or ``collection/key/field...``, with its base and its conflicts.

        Raises:
            TrellisError: ``invalid_argument`` for what is no place, ``not_found`` for a head that is not here.
        """
        return words.read(words.Entity, await in_thread(self._host.find, self._branch, place, self._at))

    async def get(self, place: str, default: Any = None) -> Any:
        """The value at a place, JSON or bytes; ``default`` where nothing is.

        Raises:
            TrellisError: As ``find``; ``body_missing`` where the content is not on this device.
        """
        return asks.value_of(await self.find(place), default)

    async def query(self, collection: Optional[str] = None, *, key_prefix: str = "") -> tuple[words.Entity, ...]:
        """The entities of the branch, of a collection, or of those keys in it, ascending by collection and key."""
        ask = asks.entries(self._branch, collection, key_prefix, self._at)
        return ask.read(await in_thread(self._host.carry_out, ask.command))

    async def entries(self, collection: str) -> Mapping[str, Any]:
        """The values of a collection by key, ascending; None where nothing stands while there is a conflict about that.

        Raises:
            TrellisError: ``body_missing`` where a content is not on this device.
        """
        return await in_thread(self._host.values, self._branch, collection, self._at)

    def __repr__(self) -> str:
        return f"<View of {self._branch!r} at {len(self._at)} ops>"


class Batch(Edits):
    """Edits that are written in one transaction when the block ends without an exception, and not at all otherwise."""

    def __init__(self, repo: "Repo", actor: Optional[str]) -> None:
        super().__init__(actor)
        self._repo = repo
        self._receipt: Optional[Receipt] = None

    @property
    def receipt(self) -> Receipt:
        """The receipt, once the block has ended."""
        if self._receipt is None:
            raise refused("A batch has a receipt when its block has ended.")
        return self._receipt

    async def __aenter__(self) -> "Batch":
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if kind is None:
            self._receipt = await self._repo._write(*self._edits, actor=self._actor)


class Subscription:
    """What changes in a collection or at a place; an asynchronous iterator of changes."""

    def __init__(self, repo: "Repo", scope: str) -> None:
        self._repo = repo
        self._scope = scope
        self._scene = Scene()
        self._events = repo._host.events()
        self._untold: list[words.Change] = []
        self._is_shown = False

    @property
    def snapshot(self) -> Mapping[str, Any]:
        """The values by key, as they were when this was last asked for a change; the same object until one changes."""
        return self._scene.snapshot

    def __aiter__(self) -> "Subscription":
        return self

    async def start(self) -> "Subscription":
        """Reads what there is, so that it is no change; the first ``async for`` does it too."""
        if not self._is_shown:
            await self._look()
            self._is_shown = True
        return self

    async def __anext__(self) -> words.Change:
        await self.start()
        while not self._untold:
            await waiting(self._events.next, LOOK_MS)
            self._untold.extend(await self._look())
        return self._untold.pop(0)

    async def _look(self) -> list[words.Change]:
        if is_collection(self._scope):
            ask = asks.entries_since(self._repo.branch_name, self._scope, self._scene.mark)
            return self._scene.take(await self._repo._ask(ask))
        return self._scene.show([await self._repo.find(self._scope)])


class Repo(Handle):
    """A repo that is open, on one branch.

    Several programs on a device may have it open. A read shows what all of them have committed; a write is committed and
    synced to the disk when its receipt is there, or it has changed nothing. Every verb raises ``TrellisError``; a write
    fails with ``locked``, ``storage_full``, ``clock_ahead``, ``permission_denied`` and the like.
    """

    async def set(self, place: str, value: Json, *, if_base: Optional[Sequence[str]] = None) -> Receipt:
        """Gives ``collection/key`` or ``collection/key/field...`` a value.

        A whole entity that exists becomes the value by the difference to what is shown, so fields that do not change are
        not written.

        Raises:
            TrellisError: ``invalid_argument`` for what is no place or no JSON, ``payload_too_large``.
        """
        return await self._write(asks.set_place(place, value, if_base))

    async def put(
        self,
        collection: str,
        key: str,
        value: Union[Json, bytes],
        *,
        replace: bool = False,
        if_base: Optional[Sequence[str]] = None,
    ) -> Receipt:
        """Gives a whole entity a value, or bytes.

        Args:
            collection: The collection.
            key: The key, as it is: a slash in it needs no escape here.
            value: The value.
            replace: Whether whatever else the entity held is gone; unless it is, fields that do not change are not written.
            if_base: The writes that the writer was looking at (``Entity.frontier``): others then stay, in conflict. What
                this replica shows unless it is said.
        """
        return await self._write(asks.put(collection, key, value, if_base, replace=replace))

    async def patch(
        self, collection: str, key: str, changes: Patch, *, if_base: Optional[Sequence[str]] = None
    ) -> Receipt:
        """Changes places of an entity, each named by a pointer such as ``/title``.

        Raises:
            TrellisError: ``invalid_argument`` where places are named twice or inside one another.
        """
        return await self._write(asks.patch(collection, key, changes, if_base))

    async def append(self, collection: str, key: str, value: Json) -> Receipt:
        """Adds a record that never changes."""
        return await self._write(asks.append(collection, key, value))

    async def delete(self, place: str, *, if_base: Optional[Sequence[str]] = None) -> Receipt:
        """Removes an entity, or a place inside one."""
        return await self._write(asks.delete(place, if_base))

    async def undo(self) -> Receipt:
        """Gives back what this device's last write to the branch replaced.

        Raises:
            TrellisError: ``not_found`` where there is nothing to undo.
        """
        return await self._write(asks.undo())

    async def resolve(self, conflict: words.Conflict, choice: Choice) -> Receipt:
        """Closes a conflict: by one of its sides, by ``ABSENT``, or by a value.

        Raises:
            TrellisError: ``conflict_moved`` where it is closed or has new members: look at it again.
        """
        return await self._write(asks.resolve(conflict, choice))

    async def merge(self, source: str, *, message: Optional[str] = None, plan: Optional[words.Plan] = None) -> Receipt:
        """Joins another branch into this one; with a plan only if it still does what that says.

        Raises:
            TrellisError: ``not_found`` where there is no such branch; ``conflict_moved`` where it would do something else by
                now than the plan says.
        """
        return await self._write(asks.merge(source, message, plan))

    async def plan(self, source: str) -> words.Plan:
        """What joining another branch would change, entity by entity. Changes nothing.

        Raises:
            TrellisError: ``not_found`` where there is no such branch.
        """
        return await self._ask(asks.plan(self._branch, source))

    async def session(self, branch: str) -> Session:
        """A draft, then a plan, then ops: another branch, begun from this one where it is not there yet.

        ::

            session = await repo.session("draft")
            await session.draft.set("todo/1/title", "Buy oats")
            plan = await session.preview()  # changes nothing
            await session.apply()
        """
        draft = self.branch(branch)
        if needs_begin(await self.status(), branch, self._branch):
            await draft.create(source=self._branch)
        return Session(self, draft)

    def batch(self, *, actor: Optional[str] = None) -> Batch:
        """Several edits, one transaction, one receipt: ``async with repo.batch() as batch: batch.set(...)``.

        ``actor`` says on whose behalf they are written, if not the device's own.
        """
        return Batch(self, actor)

    async def declare(self, collection: str, manifest: Json) -> Receipt:
        """Says how a collection merges and who may see and change it, in place of what was said before.

        Raises:
            TrellisError: ``invalid_argument`` for what is no manifest; ``permission_denied`` for all but owners.
        """
        return await self.branch(asks.REPO_BRANCH)._write(asks.declare(collection, manifest))

    async def get(self, place: str, default: Any = None) -> Any:
        """The value at a place, JSON or bytes; ``default`` where nothing is.

        Raises:
            TrellisError: ``invalid_argument`` for what is no place; ``body_missing`` where the content is not on this
                device.
        """
        return await self.at().get(place, default)

    async def find(self, place: str) -> words.Entity:
        """What stands at a place, with its base and its open conflicts."""
        return await self.at().find(place)

    async def query(self, collection: Optional[str] = None, *, key_prefix: str = "") -> tuple[words.Entity, ...]:
        """The entities of the branch, of a collection, or of those keys in it, ascending by collection and key."""
        return await self.at().query(collection, key_prefix=key_prefix)

    async def entries(self, collection: str) -> Mapping[str, Any]:
        """The values of a collection by key, ascending."""
        return await self.at().entries(collection)

    def at(self, *heads: str) -> View:
        """The repo as it was when these ops were the branch's heads; without any it is what the branch shows."""
        return View(self._host, self._branch, heads)

    def subscribe(self, scope: str) -> Subscription:
        """What changes in a collection, or at a place, from its start on."""
        return Subscription(self, scope)

    async def log(self, entity: Optional[str] = None, *, ops_max: int = OPS_MAX) -> tuple[words.Op, ...]:
        """Ops of the branch, or those that write ``collection/key``, the newest first."""
        return await self._ask(asks.log(self._branch, entity, ops_max))

    async def changes(self, since: int = 0, *, commits_max: int = COMMITS_MAX) -> tuple[words.Changed, ...]:
        """What this device took in behind the local sequence ``since``, commit by commit.

        Whoever comes back with the last one's ``seq`` misses nothing; nothing comes where there is nothing new.
        """
        return words.read_all(words.Changed, await in_thread(self._host.changes, since, commits_max))

    async def op(self, id: str) -> words.Op:
        """One op, whole.

        Raises:
            TrellisError: ``not_found``.
        """
        return await self._ask(asks.op(id))

    async def branches(self) -> tuple[words.Branch, ...]:
        """Every branch."""
        return (await self.status()).branches

    def branch(self, name: str) -> "Repo":
        """The same repo, on another branch."""
        return Repo(self._host, name, self._links)

    async def create(self, *, source: str = "main") -> Receipt:
        """Begins this handle's branch from another one: ``await repo.branch("draft").create()``.

        Raises:
            TrellisError: ``already_exists``; ``not_found`` where the other is not there.
        """
        ops = await in_thread(self._host.begin_branch, source, self._branch)
        return Receipt(self._host, tuple(ops))

    async def conflicts(self) -> tuple[words.Conflict, ...]:
        """The open conflicts of the branch, ascending by collection, key and path."""
        return await self._ask(asks.conflicts(self._branch))

    async def status(self) -> words.Status:
        """The whole picture."""
        return await self._ask(asks.status())

    async def members(self) -> tuple[words.Member, ...]:
        """The members and their roles; where everybody may write, the owner alone."""
        return await self._ask(asks.members())

    async def manifests(self) -> tuple[words.Manifest, ...]:
        """What collections declare, ascending by collection."""
        return await self._ask(asks.manifests())

    async def ops(self, known: Sequence[str] = ()) -> tuple[words.StoredOp, ...]:
        """Every op that is not in the past of the known ones, dependencies first."""
        return await self._ask(asks.ops_since(known))

    async def add_ops(self, ops: Sequence[AnyOp]) -> words.ImportReport:
        """Takes ops from elsewhere, in any order. Into a repo without ops they bring the repo that they belong to.

        Raises:
            TrellisError: ``repo_mismatch`` for ops of another repo.
        """
        return await self._ask(asks.add_ops(stored_ops(ops)))

    def sync(
        self,
        url: str,
        *,
        branches: Sequence[str] = (),
        expected: Optional[str] = None,
        invitation: Optional[str] = None,
        allow_plain: Sequence[str] = (),
    ) -> Link:
        """Begins to sync with a peer, and goes on until the link is closed. Returns at once.

        Args:
            url: ``ws://``, ``wss://``, ``http://`` or ``https://``.
            branches: Patterns of the branches that are synced; every one unless it is said.
            expected: The key that has to answer.
            invitation: The text of an invitation, for a device that is no member yet.
            allow_plain: Hosts that may be dialled without TLS although they are other machines.

        Raises:
            TrellisError: ``invalid_argument`` for what is no such URL, ``permission_denied`` for plain text to another
                machine.
        """
        options = asks.dialling(branches, expected, invitation, allow_plain)
        return Link(self._host.sync(url, options), url, self._links)

    def connect(self, connection: Connection, *, is_initiator: bool = True) -> Link:
        """Syncs over a connection: one that this side opened, unless it is said that the peer did. Returns at once.

        Raises:
            TrellisError: ``invalid_argument`` for an end that was closed, or is used already.
        """
        return Link(self._host.connect(connection._native, is_initiator), connection.origin, self._links)

    async def export(self, path: Union[str, "os.PathLike[str]"]) -> words.Exported:
        """Writes a bundle of everything to a new file.

        Raises:
            TrellisError: ``already_exists`` where there is such a file; ``not_found`` for a repo without ops.
        """
        return words.read(words.Exported, await waiting(self._host.export_bundle, asks.path_of(path)))

    async def import_(self, path: Union[str, "os.PathLike[str]"]) -> words.BundleReport:
        """Takes what a bundle's file holds.

        Raises:
            TrellisError: ``repo_mismatch`` for a bundle of another repo, ``invalid_argument`` for what is none.
        """
        return words.read(words.BundleReport, await waiting(self._host.import_bundle, asks.path_of(path)))

    async def verify(self) -> words.Verified:
        """Reads everything: rehashes every row and op, and checks every signature."""
        return words.read(words.Verified, await waiting(self._host.verify))

    async def close(self) -> None:
        """Ends its links and closes its store; everything that has a receipt stays. Every branch of it is closed."""
        with anyio.CancelScope(shield=True):
            for link in list(self._links):
                await link.close()
            await in_thread(self._host.close)

    async def __aenter__(self) -> "Repo":
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    async def _ask(self, ask: Ask[T]) -> T:
        return ask.read(await in_thread(self._host.carry_out, ask.command))

    async def _write(self, *edits: dict[str, Any], actor: Optional[str] = None) -> Receipt:
        return Receipt(self._host, await self._ask(asks.write(self._branch, edits, actor)))
