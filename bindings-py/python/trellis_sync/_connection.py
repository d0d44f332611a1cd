"""Connections that a program makes."""

from typing import Union

from . import _native
from ._threads import waiting

MEMORY = "memory"
"""What a way inside one process is called."""


class Connection:
    """One end of a connection that the program makes; ``memory_pair`` gives two.

    An end goes to ``Repo.connect``, or the program carries what comes out of it and what goes into it, over whatever way it
    has to the peer. Frames arrive whole and in order. Sent and received they are opaque: ``str`` or ``bytes``.
    """

    def __init__(self, native: _native.Connection) -> None:
        self._native = native

    @property
    def origin(self) -> str:
        """What both sides call the way between them."""
        return self._native.origin

    async def send(self, frame: Union[str, bytes]) -> None:
        """Hands a frame to the other end, and waits as long as there is no room for it.

        Raises:
            TrellisError: ``offline`` where the other end is closed; ``payload_too_large``; ``invalid_argument`` for an end
                that is closed or a link's.
        """
        await waiting(self._native.send, frame)

    async def receive(self) -> Union[str, bytes, None]:
        """The next frame of the other end; None after the last one.

        Raises:
            TrellisError: ``invalid_argument`` for an end that is a link's.
        """
        return await waiting(self._native.receive)

    def close(self) -> None:
        """Sends no more: the other end receives what was sent, and then None."""
        self._native.close()

    def __repr__(self) -> str:
        return f"<Connection by {self.origin!r}>"


def memory_pair(*, origin: str = MEMORY, binding: bytes = MEMORY.encode()) -> tuple[Connection, Connection]:
    """Two ends of a connection in this process, of which each receives what the other one sends.

    Args:
        origin: What both sides call the way between them. They prove it to each other, so it is the same on both.
        binding: What both ends of just this way know, and no other way has: then nobody can pass the proofs on.
    """
    one, other = _native.memory_pair(origin, binding)
    return Connection(one), Connection(other)
