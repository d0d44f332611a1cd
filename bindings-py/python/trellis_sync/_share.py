"""What both faces of a repo have alike: its handle, its batches, and what a subscription compares."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FunctionType, MappingProxyType
from typing import Any, Callable, Optional, TypeVar, Union

from . import _asks as asks
from . import _native
from . import _words as words
from ._asks import Choice, Patch
from ._words import Json

B = TypeVar("B", bound="Edits")

LOOK_MS = 250
"""How often a subscription looks at what other processes on this device wrote, in milliseconds."""


class Handle:
    """A repo on one branch."""

    def __init__(self, host: _native.Host, branch: str, links: set[Any]) -> None:
        self._host = host
        self._branch = branch
        self._links = links
        """The links that are open, of every branch; a link is kept up although its program forgets it."""

    @property
    def branch_name(self) -> str:
        """The branch that this handle reads and writes."""
        return self._branch

    @property
    def folder(self) -> str:
        """The folder that the repo lies in."""
        return str(self._host.folder())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.folder!r} on {self._branch!r}>"


class Edits:
    """Edits on their way into one transaction: nothing is written before all of it is."""

    def __init__(self, actor: Optional[str]) -> None:
        self._edits: list[dict[str, Any]] = []
        self._actor = actor

    def set(self: B, place: str, value: Json, *, if_base: Optional[Sequence[str]] = None) -> B:
        """Gives a place a value, as ``Repo.set``."""
        return self._add(asks.set_place(place, value, if_base))

    def put(
        self: B,
        collection: str,
        key: str,
        value: Union[Json, bytes],
        *,
        replace: bool = False,
        if_base: Optional[Sequence[str]] = None,
    ) -> B:
        """An entity becomes a value, as ``Repo.put``."""
        return self._add(asks.put(collection, key, value, if_base, replace=replace))

    def patch(self: B, collection: str, key: str, changes: Patch, *, if_base: Optional[Sequence[str]] = None) -> B:
        """Places of an entity change, as ``Repo.patch``."""
        return self._add(asks.patch(collection, key, changes, if_base))

    def append(self: B, collection: str, key: str, value: Json) -> B:
        """A record is added, as ``Repo.append``."""
        return self._add(asks.append(collection, key, value))

    def delete(self: B, place: str, *, if_base: Optional[Sequence[str]] = None) -> B:
        """Removes an entity, or a place inside one."""
        return self._add(asks.delete(place, if_base))

    def resolve(self: B, conflict: words.Conflict, choice: Choice) -> B:
        """Closes a conflict, as ``Repo.resolve``."""
        return self._add(asks.resolve(conflict, choice))

    def _add(self: B, edit: dict[str, Any]) -> B:
        self._edits.append(edit)
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._edits)} edits>"


class Scene:
    """What a subscription shows, and how it tells what changed since."""

    def __init__(self) -> None:
        self._entities: dict[str, words.Entity] = {}
        self.mark: Optional[str] = None

    @property
    def snapshot(self) -> Mapping[str, Any]:
        """Values by key; the same object until one of them changes."""
        return self._snapshot

    _snapshot: Mapping[str, Any] = MappingProxyType({})

    def take(self, since: words.EntriesSince) -> list[words.Change]:
        """Shows what a collection has now, and tells which entities are not as they were."""
        self.mark = since.mark
        news = {entity.key: entity for entity in since.entities}
        gone = [key for key in self._entities if key not in news] if since.is_whole else since.gone
        news.update({key: _emptied(self._entities[key]) for key in gone if key in self._entities})
        return self.show(news.values())

    def show(self, entities: Iterable[words.Entity]) -> list[words.Change]:
        """Shows these entities as they are now, and tells which ones are not as they were."""
        changes = [words.Change(self._entities.get(entity.key, _emptied(entity)), entity) for entity in entities]
        told = [change for change in changes if _is_news(change)]
        for change in told:
            self._entities[change.key] = change.after
        if told:
            there = sorted(self._entities.values(), key=lambda entity: entity.key)
            self._entities = {entity.key: entity for entity in there if entity.exists or entity.conflicts}
            values = {key: entity.value for key, entity in self._entities.items() if entity.exists}
            self._snapshot = MappingProxyType(values)
        return told


def _is_news(change: words.Change) -> bool:
    before, after = change.before, change.after
    return (before.shown, before.conflicts) != (after.shown, after.conflicts)


def _emptied(entity: words.Entity) -> words.Entity:
    return words.Entity(entity.collection, entity.key, words.Shown("absent"), (), ())


class Stage:
    """Where a session is, and its plan."""

    def __init__(self) -> None:
        self._phase = "created"
        self._plan: Optional[words.Plan] = None

    @property
    def phase(self) -> str:
        """``created``, ``planning``, ``previewed``, ``applying``, ``completed``, ``conflicted`` or ``failed``.

        It is ``completed`` when the plan is applied and no conflict that it opened is open, and ``conflicted`` while one is,
        or when what it would do changed before it was applied.
        """
        return self._phase

    @property
    def plan(self) -> Optional[words.Plan]:
        """What ``apply`` would do; None before the first ``preview``."""
        return self._plan

    @contextmanager
    def _during(self, phase: str) -> Iterator[None]:
        self._phase = phase
        try:
            yield
        finally:
            if self._phase == phase:
                self._phase = "failed"

    def _planned(self, plan: words.Plan) -> words.Plan:
        self._phase, self._plan = "previewed", plan
        return plan

    def _moved(self, plan: words.Plan) -> None:
        self._phase, self._plan = "conflicted", plan

    def _settled(self, conflicts: Sequence[words.Conflict]) -> None:
        self._phase = "conflicted" if self._opened(conflicts) else "completed"

    def _opened(self, conflicts: Sequence[words.Conflict]) -> tuple[words.Conflict, ...]:
        items = () if self._plan is None else self._plan.items
        opened = {conflict.id for item in items for conflict in item.conflicts}
        return tuple(conflict for conflict in conflicts if conflict.id in opened)


def needs_begin(status: words.Status, branch: str, source: str) -> bool:
    """Whether a branch is not there and another is, from which it can begin."""
    names = [there.name for there in status.branches]
    return branch not in names and source in names


def is_collection(scope: str) -> bool:
    """Whether a scope to watch is a collection; with a slash it is a place."""
    return "/" not in scope


C = TypeVar("C", bound=Callable[..., Any])


def twin(other: Any) -> Callable[[C], C]:
    """Gives a function or a class the words of its asynchronous twin, so that they stand once."""

    def told(own: C) -> C:
        own.__doc__ = _without_await(other.__doc__)
        for name, member in vars(own).items():
            of_twin = getattr(other, name, None)
            if isinstance(member, (FunctionType, property)) and of_twin is not None and not member.__doc__:
                member.__doc__ = _without_await(of_twin.__doc__)
        return own

    return told


def _without_await(told: Optional[str]) -> Optional[str]:
    return told and told.replace("async with", "with").replace("await ", "").replace("async for", "for")
