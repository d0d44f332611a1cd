"""Processes: how they end, what a kill leaves, threads, signals, forks and memory."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trellis_sync
from helpers import LIMIT, Server, run, script
from trellis_sync import TrellisError, blocking

SHORT = {
    "sync": """
import sys
from trellis_sync import blocking
repo = blocking.open(sys.argv[1])
repo.set("todo/1/title", "Buy milk")
link = repo.sync(sys.argv[2])
""",
    "asyncio": """
import asyncio, sys, trellis_sync
async def main():
    async with await trellis_sync.open(sys.argv[1]) as repo:
        receipt = await repo.set("todo/1/title", "Buy milk")
        async with repo.sync(sys.argv[2]):
            await receipt.durable("relay", timeout=60)
asyncio.run(main())
""",
    "trio left open": """
import sys, trellis_sync, trio
async def main():
    repo = await trellis_sync.open(sys.argv[1])
    await repo.set("todo/1/title", "Buy milk")
    repo.sync(sys.argv[2])
    with trio.move_on_after(0.01):
        await (await repo.subscribe("todo").start()).__anext__()
trio.run(main)
""",
    "engine": """
from trellis_sync import Identity, MemoryTransport, blocking, create_repo
ops, copy = [create_repo("notes", identity=Identity.generate())], []
here, there = MemoryTransport("a"), MemoryTransport("b")
MemoryTransport.link(here, there)
engines = [
    blocking.SyncEngine(local_peer_id=way.id, transport=way, get_local_ops=lambda o=o: o, on_ops_received=o.extend)
    for way, o in ((here, ops), (there, copy))
]
engines[0].push_to("b")
assert copy == ops
""",
    "threads": """
import sys, threading
from trellis_sync import TrellisError, blocking
repo = blocking.open(sys.argv[1])
receipt = repo.set("todo/1/title", "Buy milk")
def wait(timeout):
    while True:
        try:
            receipt.durable("relay", timeout=timeout)
        except TrellisError:
            pass
for timeout in (1000, 0.001, 0.001, 0.001):
    threading.Thread(target=wait, args=[timeout], daemon=True).start()
""",
}
SCRIPTS = 60


def test_short_scripts_end_well(server: Server, tmp_path: Path) -> None:
    texts = list(SHORT.values())
    for group in range(0, SCRIPTS, 4):
        numbers = range(group, group + 4)
        processes = [script(texts[at % len(texts)], str(tmp_path / str(at)), server.url) for at in numbers]
        for at, process in zip(numbers, processes):
            out, err = process.communicate(timeout=LIMIT)
            assert (process.returncode, out, err) == (0, "", ""), list(SHORT)[at % len(texts)]


KILLED = """
import sys
from trellis_sync import blocking
repo = blocking.open(sys.argv[1])
number = len(repo.entries("n"))
while True:
    repo.set(f"n/{number:06}/value", number)
    print(number, flush=True)
    number += 1
"""


def test_nothing_acked_is_lost_by_a_kill(tmp_path: Path) -> None:
    acked = -1
    for acks in (1, 7, 30):
        process = script(KILLED, str(tmp_path / "notes"))
        assert process.stdout is not None
        for _ in range(acks):
            acked = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate(timeout=LIMIT)
        acked = max([acked, *(int(line) for line in out.split())])
        with blocking.open(tmp_path / "notes", must_exist=True) as repo:
            entries = repo.entries("n")
            assert list(entries)[: acked + 1] == [f"{number:06}" for number in range(acked + 1)]
            assert all(entries[f"{number:06}"] == {"value": number} for number in range(acked + 1))
            assert repo.verify().is_sound


def test_threads_share_a_repo(tmp_path: Path) -> None:
    with blocking.open(tmp_path / "notes") as repo, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: repo.set(f"n/{number}/x", number), range(80)))
        assert sorted(entity.value["x"] for entity in repo.query("n")) == list(range(80))
        one = repo.subscribe("n").start()
        waiting = pool.submit(next, one)
        repo.set("n/new/x", 1)
        assert waiting.result(timeout=LIMIT).key == "new"


def test_other_threads_run_while_one_waits(tmp_path: Path) -> None:
    with blocking.open(tmp_path / "notes") as repo:
        receipt = repo.set("todo/1", 1)
        told: list[str] = []

        def wait() -> None:
            with pytest.raises(TrellisError) as error:
                receipt.durable("relay", timeout=LIMIT)
            told.append(error.value.code)

        thread = threading.Thread(target=wait)
        thread.start()
        assert repo.get("todo/1") == 1
        assert told == []
        repo.close()
        thread.join(timeout=LIMIT)
        assert told == ["aborted"]


def test_a_signal_is_heard_while_a_call_waits(tmp_path: Path) -> None:
    text = """
import sys
from trellis_sync import blocking
repo = blocking.open(sys.argv[1])
receipt = repo.set("todo/1", 1)
try:
    print("waiting", flush=True)
    receipt.durable("relay", timeout=1000)
except KeyboardInterrupt:
    print("heard", repo.get("todo/1"))
"""
    process = script(text, str(tmp_path / "notes"))
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out) == (0, "heard 1\n"), err


def test_a_fork_opens_repos_of_its_own(tmp_path: Path) -> None:
    text = """
import os, sys, warnings
from trellis_sync import TrellisError, blocking
warnings.simplefilter("ignore")
repo = blocking.open(sys.argv[1])
repo.set("todo/1", 1)
child = os.fork()
if child == 0:
    try:
        repo.get("todo/1")
    except TrellisError as error:
        assert error.code == "unsupported", error
        with blocking.open(sys.argv[1]) as own:
            assert own.get("todo/1") == 1
        os._exit(0)
    os._exit(1)
assert os.waitpid(child, 0)[1] == 0
"""
    run(text, str(tmp_path / "notes"))


OPENS = 1000
GROWTH_BYTES_MAX = 8 << 20
"""What a process may grow by from the first tenth of the opens to the end: 9 kB for each of 900 opens."""


def test_memory_is_given_back(tmp_path: Path) -> None:
    text = f"""
import os, sys
from trellis_sync import blocking
def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
with blocking.open(sys.argv[1]) as repo:
    repo.set("todo/1/title", "Buy milk")
for number in range({OPENS}):
    with blocking.open(sys.argv[1]) as repo:
        assert repo.get("todo/1/title") == "Buy milk"
        repo.subscribe("todo").start()
    if number == {OPENS} // 10:
        begun = rss()
print(rss() - begun)
"""
    growth = int(run(text, str(tmp_path / "notes")))
    assert growth <= GROWTH_BYTES_MAX


def test_the_package_is_the_installed_wheel() -> None:
    folder = Path(trellis_sync.__file__).parent
    assert "site-packages" in folder.parts
    assert (folder / "py.typed").exists()
    assert (folder / "_native.pyi").exists()
