"""What each verb asks of the engine, and how it reads the answer: the rules that both faces of the package share."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Generic, Optional, TypedDict, TypeVar, Union

from . import _words as words
from ._errors import TrellisError, refused
from ._words import Json

T = TypeVar("T")

Plain = dict[str, Any]

REPO_BRANCH = "_repo"
"""The engine's own branch, which says who may do what."""

OPS_MAX = 1000
"""How many ops ``log`` gives unless it is told otherwise."""

COMMITS_MAX = 100
"""How many commits ``changes`` gives unless it is told otherwise."""

TIMEOUT = 30.0
"""How long a receipt or a link is waited for unless it is said otherwise, in seconds."""


class Patch(TypedDict, total=False):
    """Changes to places of one entity, each by an RFC 6901 pointer such as ``/title``."""

    set: Mapping[str, Json]
    """Places that get a value."""
    remove: Sequence[str]
    """Places that lose theirs."""
    add: Mapping[str, int]
    """Counters that grow."""
    insert: Mapping[str, Sequence[Json]]
    """Sets that gain values."""
    discard: Mapping[str, Sequence[Json]]
    """Sets that lose values."""


Choice = Union[words.Side, words.Absent, Json]
"""What shall stand in place of a conflict: a side of it, ``ABSENT``, or a value."""


@dataclass(frozen=True)
class Ask(Generic[T]):
    """A command, and what its answer says."""

    command: Plain
    read: Callable[[Plain], T]


def write(branch: str, edits: Sequence[Plain], actor: Optional[str] = None) -> Ask[tuple[str, ...]]:
    """Several edits in one transaction; gives the ids of the ops."""
    if not edits:
        raise refused("There is nothing in this batch to write.")
    command = _present({"type": "write", "branch": branch, "edits": list(edits), "actor": actor})
    return Ask(command, lambda answer: tuple(answer["ops"]))


def set_place(place: str, value: Json, if_base: Optional[Sequence[str]] = None) -> Plain:
    """Gives a place a value."""
    return {"type": "set", "place": place, "value": value, **_seen(if_base)}


def delete(place: str, if_base: Optional[Sequence[str]] = None) -> Plain:
    """Removes an entity, or a place inside one."""
    return {"type": "delete", "place": place, **_seen(if_base)}


def put(
    collection: str, key: str, value: Union[Json, bytes], if_base: Optional[Sequence[str]], *, replace: bool
) -> Plain:
    """An entity becomes a value, or bytes."""
    if isinstance(value, bytes):
        return _change(collection, key, {"type": "bytes", "bytes": value}, if_base)
    return _change(collection, key, {"type": "replace" if replace else "put", "value": value}, if_base)


def patch(collection: str, key: str, changes: Patch, if_base: Optional[Sequence[str]]) -> Plain:
    """Places of an entity change."""
    return _change(collection, key, {"type": "patch", "patch": dict(changes)}, if_base)


def append(collection: str, key: str, value: Json) -> Plain:
    """A record is added that never changes."""
    return _change(collection, key, {"type": "append", "value": value}, None)


def resolve(conflict: words.Conflict, choice: Choice) -> Plain:
    """A conflict is closed."""
    named = {"collection": conflict.collection, "key": conflict.key, "id": conflict.id}
    return {"type": "resolve", "conflict": named, "choice": _choice(choice)}


def undo() -> Plain:
    """The last write gives back what it replaced."""
    return {"type": "undo"}


def merge(source: str, message: Optional[str], plan: Optional[words.Plan]) -> Plain:
    """Another branch is joined into this one, as a plan says if there is one."""
    planned = {} if plan is None else {"at": list(plan.heads), "plan": plan.id}
    return _present({"type": "merge", "source": source, "message": message, **planned})


def declare(collection: str, manifest: Json) -> Plain:
    """A collection says how it merges."""
    return {"type": "declare", "collection": collection, "manifest": manifest}


def _change(collection: str, key: str, change: Plain, base: Optional[Sequence[str]]) -> Plain:
    return {"type": "change", "collection": collection, "key": key, "change": change, **_seen(base)}


def _seen(base: Optional[Sequence[str]]) -> Plain:
    return {} if base is None else {"base": list(base)}


def _choice(choice: Choice) -> Plain:
    if isinstance(choice, words.Side):
        return {"type": "side", "op": choice.op}
    if isinstance(choice, words.Absent):
        return {"type": "absent"}
    return {"type": "value", "value": choice}


def entries(
    branch: str, collection: Optional[str], key_prefix: str, at: Sequence[str]
) -> Ask[tuple[words.Entity, ...]]:
    """Entities of a branch."""
    command = {"type": "entries", "branch": branch, "collection": collection, "keyPrefix": key_prefix, "at": list(at)}
    return Ask(_present(command), lambda answer: words.read_all(words.Entity, answer["entities"]))


def entries_since(branch: str, collection: str, mark: Optional[str]) -> Ask[words.EntriesSince]:
    """The entities of a collection, or those that changed since a mark."""
    command = {"type": "entriesSince", "branch": branch, "collection": collection, "since": mark}
    return Ask(_present(command), lambda answer: words.read(words.EntriesSince, answer))


def log(branch: str, entity: Optional[str], ops_max: int) -> Ask[tuple[words.Op, ...]]:
    """Ops of a branch's log, the newest first."""
    command = _present({"type": "log", "branch": branch, "entity": entity, "opsMax": ops_max})
    return Ask(command, lambda answer: words.read_all(words.Op, answer["ops"]))


def op(id: str) -> Ask[words.Op]:
    """One op, whole."""
    return Ask({"type": "show", "ops": [id]}, lambda answer: words.read(words.Op, answer["ops"][0]))


def conflicts(branch: str) -> Ask[tuple[words.Conflict, ...]]:
    """The open conflicts of a branch."""
    command = {"type": "conflicts", "branch": branch}
    return Ask(command, lambda answer: words.read_all(words.Conflict, answer["conflicts"]))


def plan(branch: str, source: str) -> Ask[words.Plan]:
    """What joining a branch into another would change."""
    command = {"type": "plan", "branch": branch, "source": source}
    return Ask(command, lambda answer: words.read(words.Plan, answer["plan"]))


def status() -> Ask[words.Status]:
    """The whole picture."""
    return Ask({"type": "status"}, lambda answer: words.read(words.Status, answer["status"]))


def members() -> Ask[tuple[words.Member, ...]]:
    """The members and their roles."""
    return Ask({"type": "members"}, lambda answer: words.read_all(words.Member, answer["members"]))


def manifests() -> Ask[tuple[words.Manifest, ...]]:
    """What collections declare."""
    return Ask({"type": "manifests"}, lambda answer: words.read_all(words.Manifest, answer["manifests"]))


def add_ops(ops: Iterable[words.StoredOp]) -> Ask[words.ImportReport]:
    """Takes ops from elsewhere, in any order."""
    command = {"type": "import", "ops": [stored(op) for op in ops]}
    return Ask(command, lambda answer: words.read(words.ImportReport, answer["report"]))


def ops_since(known: Sequence[str]) -> Ask[tuple[words.StoredOp, ...]]:
    """Every op that is not in the past of the known ones, dependencies first."""
    return Ask({"type": "export", "known": list(known)}, lambda answer: words.read_all(words.StoredOp, answer["ops"]))


def stored(op: words.StoredOp) -> Plain:
    """An op as plain data."""
    return _present({"header": op.header, "body": op.body, "signature": op.signature})


def value_of(entity: words.Entity, default: Any) -> Any:
    """What a reader sees of a place.

    Raises ``body_missing`` where its content is not on this device.
    """
    if entity.shown.type == "bodyMissing":
        message = "Something stands there, and its content is not on this device. Sync with a peer that has it."
        raise TrellisError(message, code="body_missing", retryable=True)
    return entity.value if entity.exists else default


def opening(
    *,
    branch: Optional[str],
    name: Optional[str],
    author_name: Optional[str],
    read_only: bool,
    must_exist: bool,
    join: Optional[str],
    invitation: Optional[str],
    branch_policies: Optional[Mapping[str, Mapping[str, Any]]],
) -> Plain:
    """The engine's options to open a repo."""
    if invitation is not None and join is None:
        raise refused("An invitation is shown to a peer: say by `join` at which URL.")
    joining = None if join is None else {"url": join, "link": _present({"invitation": invitation})}
    policies = branch_policies and {pattern: policy(of) for pattern, of in branch_policies.items()}
    named = {"branch": branch, "name": name, "authorName": author_name, "join": joining, "branchPolicies": policies}
    return _present({**named, "isReadOnly": read_only, "mustExist": must_exist})


def policy(said: Mapping[str, Any]) -> Plain:
    """What is asked of branches, in the engine's words."""
    return {"requireSigning" if name == "require_signing" else name: value for name, value in said.items()}


def dialling(
    branches: Sequence[str], expected: Optional[str], invitation: Optional[str], allow_plain: Sequence[str]
) -> Plain:
    """The engine's options to dial a peer."""
    lists = {"branches": list(branches), "allowPlain": list(allow_plain)}
    return _present({**lists, "expected": expected, "invitation": invitation})


def milliseconds(seconds: float) -> int:
    """A time in the engine's unit."""
    if not 0 <= seconds <= 1e9:
        raise refused("A timeout is a number of seconds, from 0 to 1e9.")
    return int(seconds * 1000)


def path_of(path: Union[str, "os.PathLike[str]"]) -> str:
    """A path as text."""
    return os.fspath(path)


def _present(named: Plain) -> Plain:
    """What is there: the engine takes an absent field for what is left out."""
    return {name: value for name, value in named.items() if value is not None}
