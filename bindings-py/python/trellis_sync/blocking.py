"""The same verbs without ``await``: for scripts, threads, and programs that have no event loop.

::

    with trellis_sync.blocking.open("notes") as repo:
        receipt = repo.set("todo/1/title", "Buy milk")
        with repo.sync("wss://relay.example"):
            receipt.durable("relay", timeout=5)

Every call releases the GIL while it works, so threads may share a repo. Ctrl-C is heard while a call waits.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Callable, Optional, TypeVar, Union

from . import _asks as asks
from . import _connection, _federation, _native, _repo, _session, _sync_engine
from . import _words as words
from ._asks import COMMITS_MAX, OPS_MAX, TIMEOUT, Ask, Choice, Patch
from ._connection import MEMORY
from ._engine import AnyOp, GetOps, OnOps, Reconciled, Synced, Transport, engine, stored_ops
from ._errors import TrellisError, refused
from ._native import Identity
from ._share import LOOK_MS, Edits, Handle, Scene, Stage, is_collection, needs_begin, twin
from ._words import Json

__all__ = [
    "Batch",
    "Connection",
    "Link",
    "MultiRepoManager",
    "Receipt",
    "Repo",
    "Session",
    "Subscription",
    "SyncEngine",
    "View",
    "WebSocketSyncTransport",
    "memory_pair",
    "open",
]

T = TypeVar("T")


@twin(_repo.open)
def open(  # noqa: A001
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
    host = _native.open(asks.path_of(path), options, identity, clock)
    return Repo(host, host.branch(), set())


@twin(_repo.Receipt)
class Receipt:
    def __init__(self, host: _native.Host, ops: tuple[str, ...]) -> None:
        self._host = host
        self.ops = ops

    def durable(self, tier: str = "local", *, timeout: float = TIMEOUT) -> words.Safe:
        return words.read(words.Safe, self._host.durable(list(self.ops), tier, asks.milliseconds(timeout)))

    def __repr__(self) -> str:
        return f"<Receipt of {len(self.ops)} ops>"


@twin(_repo.Link)
class Link:
    def __init__(self, native: _native.Link, url: str, links: "set[Any]") -> None:
        self._native = native
        self._links = links
        self._links.add(self)
        self.url = url

    @property
    def status(self) -> words.LinkStatus:
        return words.read(words.LinkStatus, self._native.status())

    def progress(self) -> Optional[words.Progress]:
        plain = self._native.progress()
        return None if plain is None else words.read(words.Progress, plain)

    def in_sync(self, *, timeout: float = TIMEOUT) -> None:
        self._native.in_sync(asks.milliseconds(timeout))

    def __iter__(self) -> Iterator[words.LinkStatus]:
        follower = self._native.follow()
        while (plain := follower.next(None)) is not None:
            yield words.read(words.LinkStatus, plain)

    def close(self) -> None:
        self._native.close()
        self._links.discard(self)

    def __enter__(self) -> "Link":
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Link to {self.url!r}, {self.status.state}>"


@twin(_connection.Connection)
class Connection:
    def __init__(self, native: _native.Connection) -> None:
        self._native = native

    @property
    def origin(self) -> str:
        return self._native.origin

    def send(self, frame: Union[str, bytes]) -> None:
        self._native.send(frame)

    def receive(self) -> Union[str, bytes, None]:
        return self._native.receive()

    def close(self) -> None:
        self._native.close()

    def __repr__(self) -> str:
        return f"<Connection by {self.origin!r}>"


@twin(_connection.memory_pair)
def memory_pair(*, origin: str = MEMORY, binding: bytes = MEMORY.encode()) -> tuple[Connection, Connection]:
    one, other = _native.memory_pair(origin, binding)
    return Connection(one), Connection(other)


@twin(_repo.View)
class View:
    def __init__(self, host: _native.Host, branch: str, at: Sequence[str]) -> None:
        self._host = host
        self._branch = branch
        self._at = list(at)

    def find(self, place: str) -> words.Entity:
        return words.read(words.Entity, self._host.find(self._branch, place, self._at))

    def get(self, place: str, default: Any = None) -> Any:
        return asks.value_of(self.find(place), default)

    def query(self, collection: Optional[str] = None, *, key_prefix: str = "") -> tuple[words.Entity, ...]:
        ask = asks.entries(self._branch, collection, key_prefix, self._at)
        return ask.read(self._host.carry_out(ask.command))

    def entries(self, collection: str) -> Mapping[str, Any]:
        return self._host.values(self._branch, collection, self._at)

    def __repr__(self) -> str:
        return f"<View of {self._branch!r} at {len(self._at)} ops>"


@twin(_repo.Batch)
class Batch(Edits):
    def __init__(self, repo: "Repo", actor: Optional[str]) -> None:
        super().__init__(actor)
        self._repo = repo
        self._receipt: Optional[Receipt] = None

    @property
    def receipt(self) -> Receipt:
        if self._receipt is None:
            raise refused("A batch has a receipt when its block has ended.")
        return self._receipt

    def __enter__(self) -> "Batch":
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if kind is None:
            self._receipt = self._repo._write(*self._edits, actor=self._actor)


@twin(_repo.Subscription)
class Subscription:
    def __init__(self, repo: "Repo", scope: str) -> None:
        self._repo = repo
        self._scope = scope
        self._scene = Scene()
        self._events = repo._host.events()
        self._untold: list[words.Change] = []
        self._is_shown = False

    @property
    def snapshot(self) -> Mapping[str, Any]:
        return self._scene.snapshot

    def __iter__(self) -> "Subscription":
        return self

    def start(self) -> "Subscription":
        if not self._is_shown:
            self._look()
            self._is_shown = True
        return self

    def __next__(self) -> words.Change:
        self.start()
        while not self._untold:
            self._events.next(LOOK_MS)
            self._untold.extend(self._look())
        return self._untold.pop(0)

    def _look(self) -> list[words.Change]:
        if is_collection(self._scope):
            ask = asks.entries_since(self._repo.branch_name, self._scope, self._scene.mark)
            return self._scene.take(self._repo._ask(ask))
        return self._scene.show([self._repo.find(self._scope)])


@twin(_session.Session)
class Session(Stage):
    def __init__(self, repo: "Repo", draft: "Repo") -> None:
        super().__init__()
        self._repo = repo
        self.draft = draft

    def preview(self) -> words.Plan:
        with self._during("planning"):
            return self._planned(self._repo.plan(self.draft.branch_name))

    def apply(self, *, message: Optional[str] = None) -> Receipt:
        plan = self._plan or self.preview()
        with self._during("applying"):
            try:
                receipt = self._repo.merge(plan.source, message=message, plan=plan)
            except TrellisError as error:
                if error.code == "conflict_moved":
                    self._moved(self._repo.plan(plan.source))
                raise
            self._settled(self._repo.conflicts())
            return receipt

    def conflicts(self) -> tuple[words.Conflict, ...]:
        return self._opened(self._repo.conflicts())

    def resolve(self, conflict: words.Conflict, choice: Choice) -> Receipt:
        receipt = self._repo.resolve(conflict, choice)
        self._settled(self._repo.conflicts())
        return receipt

    def __repr__(self) -> str:
        return f"<Session of {self.draft.branch_name!r}, {self.phase}>"


@twin(_repo.Repo)
class Repo(Handle):
    def set(self, place: str, value: Json, *, if_base: Optional[Sequence[str]] = None) -> Receipt:
        return self._write(asks.set_place(place, value, if_base))

    def put(
        self,
        collection: str,
        key: str,
        value: Union[Json, bytes],
        *,
        replace: bool = False,
        if_base: Optional[Sequence[str]] = None,
    ) -> Receipt:
        return self._write(asks.put(collection, key, value, if_base, replace=replace))

    def patch(self, collection: str, key: str, changes: Patch, *, if_base: Optional[Sequence[str]] = None) -> Receipt:
        return self._write(asks.patch(collection, key, changes, if_base))

    def append(self, collection: str, key: str, value: Json) -> Receipt:
        return self._write(asks.append(collection, key, value))

    def delete(self, place: str, *, if_base: Optional[Sequence[str]] = None) -> Receipt:
        return self._write(asks.delete(place, if_base))

    def undo(self) -> Receipt:
        return self._write(asks.undo())

    def resolve(self, conflict: words.Conflict, choice: Choice) -> Receipt:
        return self._write(asks.resolve(conflict, choice))

    def merge(self, source: str, *, message: Optional[str] = None, plan: Optional[words.Plan] = None) -> Receipt:
        return self._write(asks.merge(source, message, plan))

    def plan(self, source: str) -> words.Plan:
        return self._ask(asks.plan(self._branch, source))

    def session(self, branch: str) -> "Session":
        draft = self.branch(branch)
        if needs_begin(self.status(), branch, self._branch):
            draft.create(source=self._branch)
        return Session(self, draft)

    def batch(self, *, actor: Optional[str] = None) -> Batch:
        return Batch(self, actor)

    def declare(self, collection: str, manifest: Json) -> Receipt:
        return self.branch(asks.REPO_BRANCH)._write(asks.declare(collection, manifest))

    def get(self, place: str, default: Any = None) -> Any:
        return self.at().get(place, default)

    def find(self, place: str) -> words.Entity:
        return self.at().find(place)

    def query(self, collection: Optional[str] = None, *, key_prefix: str = "") -> tuple[words.Entity, ...]:
        return self.at().query(collection, key_prefix=key_prefix)

    def entries(self, collection: str) -> Mapping[str, Any]:
        return self.at().entries(collection)

    def at(self, *heads: str) -> View:
        return View(self._host, self._branch, heads)

    def subscribe(self, scope: str) -> Subscription:
        return Subscription(self, scope)

    def log(self, entity: Optional[str] = None, *, ops_max: int = OPS_MAX) -> tuple[words.Op, ...]:
        return self._ask(asks.log(self._branch, entity, ops_max))

    def changes(self, since: int = 0, *, commits_max: int = COMMITS_MAX) -> tuple[words.Changed, ...]:
        return words.read_all(words.Changed, self._host.changes(since, commits_max))

    def op(self, id: str) -> words.Op:
        return self._ask(asks.op(id))

    def branches(self) -> tuple[words.Branch, ...]:
        return self.status().branches

    def branch(self, name: str) -> "Repo":
        return Repo(self._host, name, self._links)

    def create(self, *, source: str = "main") -> Receipt:
        return Receipt(self._host, tuple(self._host.begin_branch(source, self._branch)))

    def conflicts(self) -> tuple[words.Conflict, ...]:
        return self._ask(asks.conflicts(self._branch))

    def status(self) -> words.Status:
        return self._ask(asks.status())

    def members(self) -> tuple[words.Member, ...]:
        return self._ask(asks.members())

    def manifests(self) -> tuple[words.Manifest, ...]:
        return self._ask(asks.manifests())

    def ops(self, known: Sequence[str] = ()) -> tuple[words.StoredOp, ...]:
        return self._ask(asks.ops_since(known))

    def add_ops(self, ops: Sequence[AnyOp]) -> words.ImportReport:
        return self._ask(asks.add_ops(stored_ops(ops)))

    def sync(
        self,
        url: str,
        *,
        branches: Sequence[str] = (),
        expected: Optional[str] = None,
        invitation: Optional[str] = None,
        allow_plain: Sequence[str] = (),
    ) -> Link:
        options = asks.dialling(branches, expected, invitation, allow_plain)
        return Link(self._host.sync(url, options), url, self._links)

    def connect(self, connection: Connection, *, is_initiator: bool = True) -> Link:
        return Link(self._host.connect(connection._native, is_initiator), connection.origin, self._links)

    def export(self, path: Union[str, "os.PathLike[str]"]) -> words.Exported:
        return words.read(words.Exported, self._host.export_bundle(asks.path_of(path)))

    def import_(self, path: Union[str, "os.PathLike[str]"]) -> words.BundleReport:
        return words.read(words.BundleReport, self._host.import_bundle(asks.path_of(path)))

    def verify(self) -> words.Verified:
        return words.read(words.Verified, self._host.verify())

    def close(self) -> None:
        for link in list(self._links):
            link.close()
        self._host.close()

    def __enter__(self) -> "Repo":
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def _ask(self, ask: Ask[T]) -> T:
        return ask.read(self._host.carry_out(ask.command))

    def _write(self, *edits: dict[str, Any], actor: Optional[str] = None) -> Receipt:
        return Receipt(self._host, self._ask(asks.write(self._branch, edits, actor)))


@twin(_federation.MultiRepoManager)
class MultiRepoManager:
    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self._repos = repo._host.repos(repo.branch_name)

    def link_repo(self, alias: str, path: str, description: Optional[str] = None) -> Receipt:
        return self._receipt(self._repos.link(alias, path, description))

    def unlink_repo(self, alias: str) -> Receipt:
        return self._receipt(self._repos.unlink(alias))

    def linked_repos(self) -> tuple[words.LinkedRepo, ...]:
        return words.read_all(words.LinkedRepo, self._repos.linked())

    def add_cross_repo_link(self, source: str, relation: str, alias: str, entity: str) -> Receipt:
        return self._receipt(self._repos.link_across(source, relation, alias, entity))

    def remove_cross_repo_link(self, source: str, relation: str, alias: str, entity: str) -> Receipt:
        return self._receipt(self._repos.unlink_across(source, relation, alias, entity))

    def find_references_to(self, alias: str, entity: str) -> tuple[words.CrossRepoLink, ...]:
        return words.read_all(words.CrossRepoLink, self._repos.links_to(alias, entity))

    def follow(self, reference: str) -> words.Entity:
        return words.read(words.Entity, self._repos.follow(reference))

    def _receipt(self, ops: list[str]) -> Receipt:
        return Receipt(self.repo._host, tuple(ops))


@twin(_sync_engine.WebSocketSyncTransport)
class WebSocketSyncTransport(_native.WebSocketSyncTransport):
    def connect(self, peer: str, url: str) -> None:
        self.connect_blocking(peer, url)


@twin(_sync_engine.SyncEngine)
class SyncEngine:
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
        self._native = engine(local_peer_id, transport, get_local_ops, on_ops_received, branch_policy, identity)

    @property
    def author(self) -> str:
        return self._native.author

    @property
    def local_peer_id(self) -> str:
        return self._native.local_peer_id

    def push_to(self, peer: str) -> Synced:
        return words.read(Synced, self._native.push_to(peer))

    def pull_from(self, peer: str) -> Synced:
        return words.read(Synced, self._native.pull_from(peer))

    def reconcile_with(self, ops: Sequence[AnyOp]) -> Reconciled:
        return words.read(Reconciled, self._native.reconcile_with(stored_ops(ops)))

    def __repr__(self) -> str:
        return f"<SyncEngine {self.local_peer_id!r}>"
