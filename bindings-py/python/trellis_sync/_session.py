"""Sessions: another branch is looked at as a plan before it is joined."""

from typing import TYPE_CHECKING, Optional

from . import _words as words
from ._asks import Choice
from ._errors import TrellisError
from ._share import Stage

if TYPE_CHECKING:
    from ._repo import Receipt, Repo


class Session(Stage):
    """A draft, then a plan, then ops. ``Repo.session`` gives one."""

    def __init__(self, repo: "Repo", draft: "Repo") -> None:
        super().__init__()
        self._repo = repo
        self.draft = draft
        """The branch that would be joined. What is written here changes nothing of the other one."""

    async def preview(self) -> words.Plan:
        """What joining the draft would change, entity by entity. Changes nothing.

        The same ops give the same plan on every device.

        Raises:
            TrellisError: ``not_found`` where nobody has written to the draft yet.
        """
        with self._during("planning"):
            return self._planned(await self._repo.plan(self.draft.branch_name))

    async def apply(self, *, message: Optional[str] = None) -> "Receipt":
        """Does what the plan says, in one op; makes the plan first where there is none.

        What was written to the draft since then stays there for the next plan. The receipt has no ops where all of the draft
        had been joined.

        Raises:
            TrellisError: ``conflict_moved`` where the same would do something else by now. Nothing was changed then, and
                ``plan`` is the new one.
        """
        plan = self._plan or await self.preview()
        with self._during("applying"):
            try:
                receipt = await self._repo.merge(plan.source, message=message, plan=plan)
            except TrellisError as error:
                if error.code == "conflict_moved":
                    self._moved(await self._repo.plan(plan.source))
                raise
            self._settled(await self._repo.conflicts())
            return receipt

    async def conflicts(self) -> tuple[words.Conflict, ...]:
        """The conflicts that the plan opened, and that are open still."""
        return self._opened(await self._repo.conflicts())

    async def resolve(self, conflict: words.Conflict, choice: Choice) -> "Receipt":
        """As ``Repo.resolve``. With the last of its conflicts the session is ``completed``."""
        receipt = await self._repo.resolve(conflict, choice)
        self._settled(await self._repo.conflicts())
        return receipt

    def __repr__(self) -> str:
        return f"<Session of {self.draft.branch_name!r}, {self.phase}>"
