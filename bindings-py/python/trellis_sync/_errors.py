"""What a program hears when something fails."""

from typing import Optional


class TrellisError(Exception):
    """A failure, with a stable code for programs and a sentence for people.

    The message says what failed, on what, and what to do. It never holds a value of the user's.
    """

    code: str
    """What kind of failure it was, as ``not_found`` or ``offline``; the same word in every language."""
    retryable: bool
    """Whether the same call, made again later, may succeed although the caller changed nothing."""
    repo: Optional[str]
    """The id of the repo that it happened in, where that is known."""
    op: Optional[str]
    """The id of the op that it is about, if it is about one."""
    path: Optional[str]
    """The file or folder that it is about, if it is about one."""
    cause: Optional[str]
    """What it came from, in a sentence, where that is known."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "aborted",
        retryable: bool = False,
        repo: Optional[str] = None,
        op: Optional[str] = None,
        path: Optional[str] = None,
        cause: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable
        self.repo = repo
        self.op = op
        self.path = path
        self.cause = cause

    def __repr__(self) -> str:
        return f"TrellisError({self.code}: {self})"

    def __reduce__(self) -> tuple[object, ...]:
        return (_again, (str(self), self.__dict__))


def _again(message: str, named: dict[str, object]) -> TrellisError:
    error = TrellisError(message)
    error.__dict__.update(named)
    return error


def refused(message: str) -> TrellisError:
    """An argument that means nothing here."""
    return TrellisError(message, code="invalid_argument")
