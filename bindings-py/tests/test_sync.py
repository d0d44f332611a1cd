"""Links to a real server, and processes that meet there."""

import gc
import json
import re
import subprocess
import threading
from pathlib import Path

import anyio
import pytest
import trellis_sync
from helpers import LIMIT, Server, run, script, trellis
from trellis_sync import Connection, TrellisError, blocking, memory_pair

README = Path(__file__).parent.parent / "README.md"
RELAY = "wss://relay.example"


@pytest.mark.anyio
async def test_a_write_is_safe_at_a_relay(server: Server, tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        receipt = await repo.set("todo/1/title", "Buy milk")
        with pytest.raises(TrellisError) as told:
            await receipt.durable("peer", timeout=0.01)
        assert told.value.code == "timeout"
        async with repo.sync(server.url) as link:
            await receipt.durable("local")
            await receipt.durable("peer", timeout=LIMIT)
            await receipt.durable("relay", timeout=LIMIT)
            await link.in_sync(timeout=LIMIT)
            assert (link.status.state, link.status.is_relay, link.status.is_in_sync) == ("connected", True, True)
            progress = await link.progress()
            assert progress is not None
            assert (progress.unacked, progress.ops_out) == (0, 2)
        assert link.status.state == "closed"
        assert [status.state async for status in link] == ["closed"]


@pytest.mark.anyio
async def test_what_one_device_writes_another_shows(server: Server, tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "ann") as ann:
        await ann.set("notes/1/title", "Calm")
        async with await trellis_sync.open(tmp_path / "bob") as bob, ann.sync(server.url):
            await bob.add_ops(await ann.ops())
            async with bob.sync(server.http) as link:
                await link.in_sync(timeout=LIMIT)
                receipt = await bob.set("notes/2/title", "Storm")
                await receipt.durable("relay", timeout=LIMIT)
                subscription = await ann.subscribe("notes").start()
                with anyio.fail_after(LIMIT):
                    while "2" not in subscription.snapshot:
                        await subscription.__anext__()


@pytest.mark.anyio
async def test_repos_sync_over_a_connection_of_the_program(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "ann") as ann, await trellis_sync.open(tmp_path / "bob") as bob:
        await ann.set("notes/1/title", "Calm")
        one, other = memory_pair()
        async with bob.connect(other, is_initiator=False) as link, ann.connect(one):
            await link.in_sync(timeout=LIMIT)
            assert (await bob.get("notes/1/title"), link.url) == ("Calm", "memory")
        assert [status.state async for status in link] == ["closed"]
        for used in (one, other):
            with pytest.raises(TrellisError) as told:
                ann.connect(used)
            assert told.value.code == "invalid_argument"
            with pytest.raises(TrellisError):
                await used.send(b"x")
            with pytest.raises(TrellisError):
                await used.receive()


@pytest.mark.anyio
async def test_a_program_carries_the_frames_itself(tmp_path: Path) -> None:
    async def carry(source: Connection, target: Connection) -> None:
        while (frame := await source.receive()) is not None:
            await target.send(frame)
        target.close()

    def end() -> tuple[Connection, Connection]:
        return memory_pair(origin="serial:1", binding=b"both ends know")

    async with await trellis_sync.open(tmp_path / "ann") as ann, await trellis_sync.open(tmp_path / "bob") as bob:
        await ann.set("notes/1/title", "Calm")
        (one, out), (other, into) = end(), end()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(carry, out, into)
            tasks.start_soon(carry, into, out)
            async with bob.connect(other, is_initiator=False) as link, ann.connect(one):
                await link.in_sync(timeout=LIMIT)
            assert await bob.get("notes/1/title") == "Calm"


def test_what_peers_prove_holds_for_one_way_alone(tmp_path: Path) -> None:
    with blocking.open(tmp_path / "ann") as ann, blocking.open(tmp_path / "bob") as bob:
        (one, out), (other, into) = blocking.memory_pair(binding=b"a way"), blocking.memory_pair(binding=b"another")

        def carry(source: blocking.Connection, target: blocking.Connection) -> None:
            while (frame := source.receive()) is not None:
                target.send(frame)
            target.close()

        carriers = [threading.Thread(target=carry, args=ends) for ends in ((out, into), (into, out))]
        for carrier in carriers:
            carrier.start()
        with bob.connect(other, is_initiator=False), ann.connect(one) as link, pytest.raises(TrellisError) as told:
            link.in_sync(timeout=LIMIT)
        assert told.value.code == "auth_failed"
        for carrier in carriers:
            carrier.join(timeout=LIMIT)


@pytest.mark.anyio
async def test_a_new_repo_joins_that_of_a_peer(tmp_path: Path) -> None:
    with blocking.open(tmp_path / "ann") as ann:
        ann.set("notes/1/title", "Calm")
    server = Server(tmp_path / "ann", one=True)
    try:
        async with await trellis_sync.open(tmp_path / "bob", join=server.url) as bob:
            assert await bob.get("notes/1/title") == "Calm"
        async with await trellis_sync.open(tmp_path / "cat") as cat, cat.sync(server.url) as link:
            await link.in_sync(timeout=LIMIT)
            assert await cat.get("notes/1/title") == "Calm"
        with blocking.open(tmp_path / "dan") as dan:
            dan.set("notes/1/title", "Another repo")
            with dan.sync(server.url) as other, pytest.raises(TrellisError) as told:
                other.in_sync(timeout=LIMIT)
        assert told.value.code == "repo_mismatch"
    finally:
        server.stop()


def test_who_is_invited_joins(tmp_path: Path) -> None:
    with blocking.open(tmp_path / "ann") as ann:
        ann.set("notes/1/title", "Calm")
    invitation = trellis("-C", str(tmp_path / "ann"), "invite", "--quiet").strip().splitlines()[-1]
    server = Server(tmp_path / "ann", one=True, members=True)
    try:
        with pytest.raises(TrellisError) as told:
            blocking.open(tmp_path / "eve", join=server.url)
        assert told.value.code == "auth_failed"
        with blocking.open(tmp_path / "bob", join=server.url, invitation=invitation, author_name="Bob") as bob:
            assert bob.get("notes/1/title") == "Calm"
            receipt = bob.set("notes/1/title", "Storm")
            with bob.sync(server.url):
                assert receipt.durable("peer", timeout=LIMIT).withheld == ()
            assert {member.role for member in bob.members()} == {"owner", "writer"}
    finally:
        server.stop()


def test_a_link_that_is_forgotten_goes_on(server: Server, tmp_path: Path) -> None:
    with blocking.open(tmp_path / "notes") as repo:
        receipt = repo.set("todo/1", 1)
        repo.sync(server.url)
        gc.collect()
        receipt.durable("relay", timeout=LIMIT)


def test_a_server_that_is_away_is_told(tmp_path: Path) -> None:
    with blocking.open(tmp_path / "notes") as repo:
        repo.set("todo/1", 1)
        with repo.sync("ws://127.0.0.1:9") as link:
            with pytest.raises(TrellisError) as told:
                link.in_sync(timeout=LIMIT)
            assert (told.value.code, told.value.retryable) == ("offline", True)
            states = [status.state for _, status in zip(range(2), link)]
            assert states[-1] in {"offline", "connecting"}
        with pytest.raises(TrellisError):
            blocking.open(tmp_path / "new", join="ws://127.0.0.1:9")
        assert not (tmp_path / "new" / ".trellis").exists()


WRITER = """
import json, sys
from trellis_sync import blocking

folder, url, key, bundle = sys.argv[1:]
with blocking.open(folder) as repo:
    if bundle:
        repo.import_(bundle)
    else:
        repo.set("notes/shared/title", "Calm")
        repo.export(folder + ".bundle")
    print("ready", flush=True)
    sys.stdin.readline()
    repo.set("notes/shared/title", key)
    receipt = repo.set(f"notes/{key}/title", key)
    with repo.sync(url) as link:
        receipt.durable("relay", timeout=60)
        watched = repo.subscribe("notes").start()
        while len(watched.snapshot) < 3 or not repo.conflicts():
            next(watched)
        link.in_sync(timeout=60)
        conflicts = [conflict.id for conflict in repo.conflicts()]
        print(json.dumps([repo.entries("notes"), conflicts, repo.status().ops]), flush=True)
        sys.stdin.readline()
"""


def test_two_processes_meet_and_agree(server: Server, tmp_path: Path) -> None:
    ann = script(WRITER, str(tmp_path / "ann"), server.url, "ann", "")
    assert line_of(ann) == "ready"
    bob = script(WRITER, str(tmp_path / "bob"), server.url, "bob", str(tmp_path / "ann.bundle"))
    assert line_of(bob) == "ready"
    for process in (ann, bob):
        say(process, "")
    told = [json.loads(line_of(process)) for process in (ann, bob)]
    for process in (ann, bob):
        _, err = process.communicate("\n", timeout=LIMIT)
        assert (process.returncode, err) == (0, "")
    assert told[0] == told[1]
    entries, conflicts, ops = told[0]
    assert sorted(entries) == ["ann", "bob", "shared"]
    assert len(conflicts) == 1
    assert ops == 6


def line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def say(process: "subprocess.Popen[str]", line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def test_the_command_line_and_python_share_a_repo(tmp_path: Path) -> None:
    folder = str(tmp_path / "notes")
    trellis("init", folder, "--name", "notes")
    trellis("-C", folder, "set", "notes/1/title", "Calm")
    with blocking.open(folder, must_exist=True) as repo:
        assert repo.get("notes/1/title") == "Calm"
        repo.set("notes/1/title", "Storm")
        repo.set("notes/2", {"n": [1, None]})
        assert trellis("-C", folder, "get", "notes/1/title").strip() == "Storm"
        trellis("-C", folder, "set", "notes/3/title", "Harbour")
        assert list(repo.entries("notes")) == ["1", "2", "3"]
    assert "2" in trellis("-C", folder, "get", "notes/2/n", "--json")
    trellis("-C", folder, "verify")


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.mark.parametrize("number", range(len(examples())))
def test_examples_of_the_readme_work(server: Server, tmp_path: Path, number: int) -> None:
    text = examples()[number].replace(RELAY, server.url)
    run(f"import os\nos.chdir({str(tmp_path)!r})\n{text}")
