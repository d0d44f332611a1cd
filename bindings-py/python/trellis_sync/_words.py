"""What the package tells: frozen values, each read from the plain data of the engine.

Ids and keys are lower-case hex, times milliseconds since 1970.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Callable, Optional, TypeVar, Union, get_args, get_origin, get_type_hints

Json = Union[None, bool, int, float, str, Sequence["Json"], Mapping[str, "Json"]]
"""A JSON value. Integers are within 2^53 - 1 of zero, and nothing is deeper than 64 levels."""

T = TypeVar("T")


class Absent(Enum):
    """What stands where nothing is."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent.ABSENT
"""Nothing, as a choice in a conflict: the place shall be empty."""


@dataclass(frozen=True)
class Shown:
    """What people see at a place."""

    type: str
    """``json``, ``bytes``, ``absent``, or ``bodyMissing`` where the content is not on this device."""
    value: Any = None
    """The value, where it is JSON."""
    content: Optional[bytes] = field(default=None, metadata={"word": "bytes"})
    """The bytes, where it is bytes."""


@dataclass(frozen=True)
class Said:
    """What one write makes of a place."""

    type: str
    """``json``, ``bytes``, ``absent``, ``add`` (a counter grows) or ``insert`` (a set gains values)."""
    value: Any = None
    """The value, where it is JSON."""
    content: Optional[bytes] = field(default=None, metadata={"word": "bytes"})
    """The bytes, where it is bytes."""
    by: Optional[int] = None
    """With ``add``, by how much."""
    values: tuple[Any, ...] = ()
    """With ``insert``, the values."""


@dataclass(frozen=True)
class Side:
    """One side of a conflict."""

    op: str
    """The write."""
    author: str
    """Who wrote it."""
    hlc: int
    """Its clock."""
    value: Said
    """What it makes of the place."""


@dataclass(frozen=True)
class Beneath:
    """A conflict in what the members of another one had seen."""

    base: Shown
    sides: tuple[Said, ...]


@dataclass(frozen=True)
class Conflict:
    """Writes of which none saw the other, with different values at one place."""

    id: str
    """Changes with the members."""
    branch: str
    collection: str
    key: str
    path: str
    """The place in the entity, an RFC 6901 pointer."""
    members: tuple[str, ...]
    """The writes."""
    base: Shown
    """What all had seen there."""
    sides: tuple[Side, ...]
    """What the members say."""
    beneath: tuple[Beneath, ...] = ()


@dataclass(frozen=True)
class Entity:
    """An entity, or a place in one, as it is shown."""

    collection: str
    key: str
    shown: Shown
    """What stands there; a provisional value while conflicts are open."""
    frontier: tuple[str, ...]
    """The writes that the entity is made of: the base for a later write."""
    conflicts: tuple[Conflict, ...]
    """The open conflicts that touch it."""

    @property
    def exists(self) -> bool:
        """Whether something stands there."""
        return self.shown.type != "absent"

    @property
    def value(self) -> Any:
        """The JSON value or the bytes; None where nothing is, or where the content is not on this device."""
        return self.shown.value if self.shown.content is None else self.shown.content


@dataclass(frozen=True)
class EntriesSince:
    """The entities of a collection, or those of them that may have changed."""

    mark: str
    """What to ask with the next time."""
    is_whole: bool
    """Whether these are all that there are."""
    entities: tuple[Entity, ...]
    gone: tuple[str, ...]
    """The keys of those that may have been there, and are not."""


@dataclass(frozen=True)
class PlanItem:
    """What a plan does to one entity."""

    collection: str
    key: str
    before: Shown
    """What is shown now."""
    after: Shown
    """What would be shown."""
    conflicts: tuple[Conflict, ...]
    """The conflicts that would be open and are not now."""
    closed: tuple[str, ...]
    """The ids of conflicts that are open now and would not be."""
    patch: Any = None
    """The edits that lead from one to the other as RFC 6902 has them, where both are JSON."""


@dataclass(frozen=True)
class Plan:
    """What joining one branch into another would do."""

    id: str
    """The hash of what it does: plans that do the same have the same."""
    branch: str
    """The branch that would change."""
    source: str
    """The branch that would be joined."""
    heads: tuple[str, ...]
    """The ops of it that would be joined; none where all of it is here already."""
    ops: int
    """How many ops come in with them."""
    items: tuple[PlanItem, ...]
    """The entities that would be shown differently, ascending by collection and key."""


@dataclass(frozen=True)
class Change:
    """What became of an entity, or of a place in one."""

    before: Entity
    after: Entity

    @property
    def collection(self) -> str:
        """The collection of the entity."""
        return self.after.collection

    @property
    def key(self) -> str:
        """The key of the entity."""
        return self.after.key

    @property
    def value(self) -> Any:
        """What stands there now, as ``Entity.value``."""
        return self.after.value


@dataclass(frozen=True)
class StoredOp:
    """An op by its bytes. It proves nothing until an engine has verified it."""

    header: bytes
    body: Optional[bytes] = None
    signature: Optional[bytes] = None


@dataclass(frozen=True)
class Op:
    """An op as people read it."""

    id: str
    branch: str
    author: str
    seq: int
    """Its place in its author's chain, from 1."""
    hlc: int
    """Its clock."""
    parents: tuple[str, ...]
    """The heads that its author saw."""
    collection: str
    key: str
    base: tuple[str, ...]
    """The writes that it replaces."""
    kind: str
    """``put``, ``patch``, ``delete``, ``append`` or ``merge``."""
    is_signed: bool
    """Whether it is signed itself; a later signature of its chain vouches for it too."""
    is_effective: bool
    """Whether it has effect."""
    prev: Optional[str] = None
    """The op before it on its chain."""
    actor: Optional[str] = None
    """On whose behalf it was written, where one op was asked for."""
    stored: Optional[StoredOp] = None
    """The op itself, where one op was asked for."""


@dataclass(frozen=True)
class Changed:
    """A commit of the store, in the order in which this device took them in."""

    seq: int
    """Its local sequence: 1, 2, 3, ..."""
    is_local: bool
    """Whether its ops were written here."""
    ops: tuple[Op, ...]
    """Its ops that are in the log."""


@dataclass(frozen=True)
class Branch:
    """A branch."""

    name: str
    heads: tuple[str, ...]
    ops: int
    """How many ops stand on it."""
    is_diverged: bool
    """Whether it is linear and has no one line."""


@dataclass(frozen=True)
class Fork:
    """Two ops with one place in an author's chain."""

    branch: str
    author: str
    seq: int
    ops: tuple[str, ...]


@dataclass(frozen=True)
class Status:
    """The whole picture."""

    author: str
    """The key that this device writes under."""
    ops: int
    """How many ops are in the log."""
    held: int
    """How many wait outside it."""
    missing: tuple[str, ...]
    """What they wait for that is nowhere here."""
    branches: tuple[Branch, ...]
    is_open: bool
    """Whether everybody may write."""
    forks: tuple[Fork, ...]
    repo: Optional[str] = None
    """The repo, once it has begun."""
    clock_behind: Optional[int] = None
    """How many milliseconds the greatest clock here is ahead of the local one."""


@dataclass(frozen=True)
class Withheld:
    """An op that a peer keeps and gives no effect."""

    op: str
    code: str
    """Why: ``permission_denied`` or ``not_fast_forward``."""


@dataclass(frozen=True)
class Safe:
    """What is known of a write that has become safe."""

    withheld: tuple[Withheld, ...]
    """Those of its ops that a peer keeps and gives no effect."""


@dataclass(frozen=True)
class Refused:
    """An op that is invalid."""

    op: str
    reason: str


@dataclass(frozen=True)
class ImportReport:
    """What became of imported ops."""

    admitted: tuple[str, ...]
    """Those that entered the log."""
    known: int
    """How many were here already."""
    held: tuple[str, ...]
    """Those that wait."""
    refused: tuple[Refused, ...]
    """Those that are invalid."""
    dropped: tuple[str, ...]
    """Those that nothing vouches for."""
    malformed: int
    """How many were no ops at all."""


@dataclass(frozen=True)
class BundleReport:
    """What became of a bundle."""

    report: ImportReport
    missing: tuple[str, ...]
    """Contents of files that it names and does not hold."""


@dataclass(frozen=True)
class Exported:
    """What a bundle was made of."""

    ops: int
    blobs: int
    missing: tuple[str, ...]
    """Contents of files that the ops name and that are not here."""


@dataclass(frozen=True)
class VerifyReport:
    """What became of the ops when everything was read."""

    ops: int
    signatures: int
    """How many signatures were checked."""
    bodies_absent: int
    """How many bodies are not here."""
    corrupt: tuple[str, ...]
    """Ops whose bytes are not what was written."""
    uncovered: tuple[str, ...]
    """Ops that no signature vouches for."""


@dataclass(frozen=True)
class Verified:
    """What verifying found."""

    is_sound: bool
    """Whether everything is as it was written."""
    report: VerifyReport
    corrupt_rows: tuple[int, ...]
    """Rows of the store that are not what was written."""


@dataclass(frozen=True)
class CrossRepoRef:
    """An entity of another repo."""

    alias: str
    """The short name of the repo."""
    entity: str
    """The entity there, as ``type:name``."""
    collection: str
    key: str
    version: Optional[str] = None
    """What it was when this op was its branch's head; None for what it is."""


@dataclass(frozen=True)
class LinkedRepo:
    """Another repo that has a short name here."""

    alias: str
    place: str
    """The path of its folder."""
    repo: str
    """Its id."""
    description: Optional[str] = None


@dataclass(frozen=True)
class CrossRepoLink:
    """How an entity here stands to one of another repo."""

    source: str = field(metadata={"word": "from"})
    """The entity here, as ``type:name``."""
    relation: str
    to: CrossRepoRef


@dataclass(frozen=True)
class Joined:
    """How somebody joined by an invitation."""

    invitation: str
    is_extra: bool
    """Whether more had joined by it than it has uses."""


@dataclass(frozen=True)
class Member:
    """A member of a repo."""

    author: str
    name: Optional[str] = None
    role: Optional[str] = None
    """``owner``, ``writer`` or ``reader``; None where the membership ended."""
    predecessor: Optional[str] = None
    """The older key of the same device."""
    joined: Optional[Joined] = None


@dataclass(frozen=True)
class Manifest:
    """What a collection declares."""

    collection: str
    op: str
    manifest: Any


@dataclass(frozen=True)
class Nacked:
    """Ops that a peer refuses, or gives no effect."""

    ops: int
    """How many, since the link began."""
    code: str
    """Why, for the last of them."""
    head: Optional[str] = None
    """With ``not_fast_forward``, the head of the line that they do not continue."""


@dataclass(frozen=True)
class LinkStatus:
    """How a link stands."""

    state: str
    """``connecting``, ``connected``, ``offline``, ``needs-auth``, ``rejected`` or ``closed``."""
    is_relay: bool
    """Whether the peer stores and forwards for others."""
    is_in_sync: bool
    """Whether both had the same when that was last looked at."""
    code: Optional[str] = None
    """The code of what ended the last connection, or kept it from being made."""
    reason: Optional[str] = None
    """The same in a sentence."""
    peer: Optional[str] = None
    """The peer's key, once it was known."""
    nacked: Optional[Nacked] = None
    joined_by: Optional[str] = None
    """The invitation by which this device became a member on the link."""


@dataclass(frozen=True)
class Progress:
    """How far a link is."""

    pending: int
    """Ops that wait to be sent."""
    unacked: int
    """Ops that were sent and are not acknowledged."""
    behind_by: int
    """Ops that the peer has at least and that are not here."""
    ops_in: int
    ops_out: int
    bytes_in: int
    bytes_out: int
    last_ack_at: Optional[int] = None
    """When the last ack came."""


def read(kind: type[T], plain: Mapping[str, Any]) -> T:
    """The value of a class here that plain data says."""
    made: T = _reader(kind)(plain)
    return made


def read_all(kind: type[T], plain: Sequence[Mapping[str, Any]]) -> tuple[T, ...]:
    """The values of a class here that a list says."""
    return tuple(map(_reader(kind), plain))


Reader = Callable[[Any], Any]
"""Makes a value of plain data."""

_readers: dict[type[Any], Reader] = {}


def _reader(kind: type[Any]) -> Reader:
    """What reads values of a class; it is made once."""
    return _readers.get(kind) or _readers.setdefault(kind, _made(kind))


def _made(kind: type[Any]) -> Reader:
    hints = get_type_hints(kind)
    fields = [
        (of.name, of.metadata.get("word", _camel(of.name)), _within(hints[of.name])) for of in dataclasses.fields(kind)
    ]

    def made(plain: Mapping[str, Any]) -> Any:
        found = {name: plain[word] if of is None else of(plain[word]) for name, word, of in fields if word in plain}
        return kind(**found)

    return made


def _within(hint: Any) -> Optional[Reader]:
    """What reads values of a type; None where plain data is one as it is."""
    if get_origin(hint) is Union:
        return _within(get_args(hint)[0])
    if get_origin(hint) is tuple:
        item = _within(get_args(hint)[0])
        return tuple if item is None else lambda items: tuple(map(item, items))
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _reader(hint)
    return int if hint is int else None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
