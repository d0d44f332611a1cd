"""The engine over a program's own ops."""

import json
from pathlib import Path

import anyio
import pytest
import trellis_sync
from helpers import LIMIT, Server
from trellis_sync import (
    HttpSyncTransport,
    Identity,
    MemoryTransport,
    StoredOp,
    TrellisError,
    blocking,
    create_op,
    create_repo,
    op_from_object,
    op_object,
    op_objects,
    reconcile,
)

SEED = bytes(range(32))


def log(identity: Identity) -> list[StoredOp]:
    ops = [create_repo("notes", identity=identity)]
    ops.append(create_op("todo", "1", {"title": "Milk"}, identity=identity, after=ops))
    return ops


def test_an_identity_shows_its_public_half() -> None:
    identity = Identity.from_seed(SEED)
    assert identity.author == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
    assert len(identity.sign(b"x")) == 64
    assert repr(identity) == f"<Identity {identity.author}>"
    assert Identity.generate().author != Identity.generate().author
    with pytest.raises(TrellisError, match="32 bytes"):
        Identity.from_seed(b"short")


def test_ops_are_made_on_top_of_a_log() -> None:
    identity = Identity.from_seed(SEED)
    ops = log(identity)
    ops.append(create_op("todo", "1", {"set": {"/done": True}}, kind="patch", identity=identity, after=ops))
    ops.append(create_op("todo", "2", b"\x00", identity=identity, after=ops, actor="Ann"))
    ops.append(create_op("todo", "1", kind="delete", identity=identity, after=ops))
    ops.append(create_op("todo", "3", None, identity=identity, after=ops))
    objects = op_objects(ops)
    assert objects == [op_object(op) for op in ops]
    assert [found["kind"] for found in objects] == ["put", "put", "patch", "put", "delete", "put"]
    assert objects[3]["actor"] == "Ann"
    assert objects[2]["base"] == [objects[1]["hash"]]
    assert [op_from_object(json.loads(json.dumps(found))) for found in objects] == ops
    made = reconcile(objects[:2], ops)
    assert (made.relation, made.clean, len(made.only_remote)) == ("behind", True, 4)
    assert made.fork_point == objects[1]["hash"]
    with pytest.raises(TrellisError) as told:
        op_from_object({**objects[1], "key": "other"})
    assert told.value.code == "invalid_argument"
    with pytest.raises(TrellisError) as told:
        create_op("todo", "1", 1, identity=identity, after=[])
    assert told.value.code == "not_found"


def test_a_repo_takes_the_ops_of_a_program(tmp_path: Path) -> None:
    ops = log(Identity.from_seed(SEED))
    with blocking.open(tmp_path / "notes") as repo:
        report = repo.add_ops(ops)
        assert len(report.admitted) == 2
        assert repo.get("todo/1/title") == "Milk"
        assert repo.add_ops(ops).known == 2
        assert list(repo.ops()) == ops
        with pytest.raises(TrellisError) as told:
            repo.add_ops(log(Identity.generate()))
        assert told.value.code == "repo_mismatch"


@pytest.mark.anyio
async def test_engines_make_logs_equal(server: Server, tmp_path: Path) -> None:
    identity = Identity.from_seed(SEED)
    ops, copy = log(identity), list[StoredOp]()
    here, there = MemoryTransport("peer-a", "Alice"), MemoryTransport("peer-b", "Bob")
    MemoryTransport.link(here, there)
    engine = trellis_sync.SyncEngine(
        local_peer_id="peer-a",
        transport=here,
        get_local_ops=lambda: ops,
        on_ops_received=ops.extend,
        branch_policy={"linear": False, "require_signing": True},
        identity=identity,
    )
    other = trellis_sync.SyncEngine(
        local_peer_id="peer-b", transport=there, get_local_ops=lambda: copy, on_ops_received=copy.extend
    )
    with anyio.fail_after(LIMIT):
        synced = await engine.push_to("peer-b")
        assert (synced.ops_sent, synced.peer) == (2, other.author)
        assert copy == ops
        copy.append(create_op("todo", "2", "Bread", identity=Identity.generate(), after=copy))
        assert (await engine.pull_from("peer-b")).ops_received == 1
        assert copy == ops
        made = await engine.reconcile_with(copy[:1])
        assert (made.relation, len(made.only_local)) == ("ahead", 2)
        with pytest.raises(TrellisError) as told:
            await engine.push_to("nobody")
        assert told.value.code == "not_found"

        received: list[StoredOp] = []
        http = HttpSyncTransport("peer-c")
        async with await trellis_sync.open(tmp_path / "notes") as repo:
            await repo.add_ops(ops)
            async with repo.sync(server.url) as link:
                await link.in_sync(timeout=LIMIT)
        http.add_peer("relay", server.http)
        ws = trellis_sync.WebSocketSyncTransport("peer-d")
        await ws.connect("relay", server.url)
        for name, way in (("peer-c", http), ("peer-d", ws)):
            received = list(ops[:1])
            third = trellis_sync.SyncEngine(
                local_peer_id=name,
                transport=way,
                get_local_ops=lambda received=received: received,  # type: ignore[misc]
                on_ops_received=received.extend,
            )
            assert (await third.pull_from("relay")).ops_received == 2
            assert sorted(received, key=lambda op: op.header) == sorted(ops, key=lambda op: op.header)


def test_what_a_program_does_not_take_comes_again() -> None:
    ops, copy = log(Identity.from_seed(SEED)), list[StoredOp]()
    failures: list[Exception] = [TrellisError("full", code="storage_full"), ValueError("S3CRET")]

    def take(new: list[StoredOp]) -> None:
        if failures:
            raise failures.pop(0)
        copy.extend(new)

    here, there = MemoryTransport("peer-a"), MemoryTransport("peer-b")
    MemoryTransport.link(here, there)
    source = blocking.SyncEngine(
        local_peer_id="peer-a", transport=here, get_local_ops=lambda: ops, on_ops_received=ops.extend
    )
    engine = blocking.SyncEngine(
        local_peer_id="peer-b", transport=there, get_local_ops=lambda: copy, on_ops_received=take
    )
    for code in ("storage_full", "aborted"):
        with pytest.raises(TrellisError) as told:
            engine.pull_from("peer-a")
        assert told.value.code == code
        assert "S3CRET" not in str(told.value)
        assert copy == []
    assert engine.pull_from("peer-a").ops_received == 2
    assert copy == ops
    assert source.local_peer_id == "peer-a"
