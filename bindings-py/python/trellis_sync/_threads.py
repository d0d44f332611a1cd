"""Threads that the asynchronous face waits in."""

import functools
from typing import Any, Callable, TypeVar

import anyio
import anyio.to_thread

from . import _native

T = TypeVar("T")


async def in_thread(call: Callable[..., T], *args: Any) -> T:
    """Calls what ends soon."""
    return await anyio.to_thread.run_sync(call, *args)


async def waiting(call: Callable[..., T], *args: Any) -> T:
    """Calls what may wait long, and takes a stop as its last argument; however many do so, others are not kept waiting."""
    stop = _native.Stop()
    alone = anyio.CapacityLimiter(1)
    try:
        return await anyio.to_thread.run_sync(
            functools.partial(call, stop=stop), *args, abandon_on_cancel=True, limiter=alone
        )
    finally:
        stop.set()
