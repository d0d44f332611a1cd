"""Several repos together: other repos by short names, and references to what is in them."""

from typing import Optional

from . import _native
from . import _words as words
from ._repo import Receipt, Repo
from ._threads import in_thread


def format_cross_repo_ref(alias: str, entity: str, version: Optional[str] = None) -> str:
    """A reference to an entity of another repo, ``type:name`` there: ``@alias:type:name``.

    With the id of an op as ``version`` it ends in ``#`` and that, and is what the entity was when that op was its branch's
    head.

    Raises:
        TrellisError: ``invalid_argument`` for what is no alias, entity or id.
    """
    reference = {"alias": alias, "entity": entity}
    return _native.format_reference(reference if version is None else {**reference, "version": version})


def parse_cross_repo_ref(text: str) -> words.CrossRepoRef:
    """Reads a reference.

    Raises:
        TrellisError: ``invalid_argument`` for what is none.
    """
    return words.read(words.CrossRepoRef, _native.parse_reference(text))


class MultiRepoManager:
    """A repo, and those that it links on its branch."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        """The repo that links the others."""
        self._repos = repo._host.repos(repo.branch_name)

    async def link_repo(self, alias: str, path: str, description: Optional[str] = None) -> Receipt:
        """Gives the repo in a folder a short name: 1 to 63 of a to z, 0 to 9 and ``-``, the first no ``-``.

        The link syncs like every record, so another device that follows it needs the folder at the same place.

        Raises:
            TrellisError: ``invalid_argument`` for what is no alias; ``unsupported`` for a URL, which cannot be linked yet;
                ``not_found`` for no folder, and for a repo that nobody has written to; ``not_a_repo``.
        """
        return self._receipt(await in_thread(self._repos.link, alias, path, description))

    async def unlink_repo(self, alias: str) -> Receipt:
        """Takes a short name back. Links to the repo stay."""
        return self._receipt(await in_thread(self._repos.unlink, alias))

    async def linked_repos(self) -> tuple[words.LinkedRepo, ...]:
        """The linked repos, ascending by alias."""
        return words.read_all(words.LinkedRepo, await in_thread(self._repos.linked))

    async def add_cross_repo_link(self, source: str, relation: str, alias: str, entity: str) -> Receipt:
        """Says how an entity here stands to one of a linked repo, both as ``type:name``.

        The second may end in ``#`` and the id of an op, for what it was when that was its branch's head.

        Raises:
            TrellisError: ``invalid_argument`` for names that are none, ``not_found`` for an alias that links nothing.
        """
        return self._receipt(await in_thread(self._repos.link_across, source, relation, alias, entity))

    async def remove_cross_repo_link(self, source: str, relation: str, alias: str, entity: str) -> Receipt:
        """Takes such a link away."""
        return self._receipt(await in_thread(self._repos.unlink_across, source, relation, alias, entity))

    async def find_references_to(self, alias: str, entity: str) -> tuple[words.CrossRepoLink, ...]:
        """The links that lead to an entity of another repo, in any version."""
        return words.read_all(words.CrossRepoLink, await in_thread(self._repos.links_to, alias, entity))

    async def follow(self, reference: str) -> words.Entity:
        """What stands in the other repo where a reference leads, on the branch ``main`` there.

        Raises:
            TrellisError: ``not_found`` for an alias that links nothing, a folder that is gone, and a version that is not
                there; ``repo_mismatch`` where the folder has another repo by now.
        """
        return words.read(words.Entity, await in_thread(self._repos.follow, reference))

    def _receipt(self, ops: list[str]) -> Receipt:
        return Receipt(self.repo._host, tuple(ops))
