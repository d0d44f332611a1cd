"""Verbs of a repo, on both event loops."""

import sys
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trellis_sync
from trellis_sync import ABSENT, Identity, TrellisError
from trellis_sync._asks import entries_since
from trellis_sync._share import Scene

pytestmark = pytest.mark.anyio


async def test_what_is_written_is_shown(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes", author_name="Ann") as repo:
        receipt = await repo.set("todo/1/title", "Buy milk")
        assert len(receipt.ops) == 1
        assert (await receipt.durable()).withheld == ()
        assert await repo.get("todo/1") == {"title": "Buy milk"}
        assert await repo.get("todo/2") is None
        assert await repo.get("todo/2", default="-") == "-"
        await repo.set("todo/3", {"no": False, "nil": None, "zero": 0})
        assert [await repo.get(f"todo/3/{name}", "-") for name in ("no", "nil", "zero", "x")] == [False, None, 0, "-"]
        await repo.delete("todo/3")
        await repo.put("todo", "a/b", {"deep": [1, 2.5, None, True, {"x": "y"}]})
        assert await repo.get("todo/a~1b/deep") == [1, 2.5, None, True, {"x": "y"}]
        await repo.put("files", "raw", b"\x00\xff")
        assert await repo.get("files/raw") == b"\x00\xff"
        await repo.patch("todo", "1", {"set": {"/done": True}, "add": {"/count": 2}, "insert": {"/tags": ["x"]}})
        assert await repo.entries("todo") == {
            "1": {"title": "Buy milk", "done": True, "count": 2, "tags": ["x"]},
            "a/b": {"deep": [1, 2.5, None, True, {"x": "y"}]},
        }
        assert [entity.key for entity in await repo.query("todo", key_prefix="a")] == ["a/b"]
        log = await repo.log("todo/1")
        assert [op.kind for op in log] == ["patch", "patch"]
        assert log[0].hlc > log[1].hlc > 2**48
        op = await repo.op(log[0].id)
        assert (op.actor, op.stored is not None) == ("Ann", True)
        before = repo.at(log[-1].id)
        assert await before.get("todo/1") == {"title": "Buy milk"}
        await repo.set("todo/1/title", "Buy oat milk")
        await repo.undo()
        assert await repo.get("todo/1/title") == "Buy milk"
        await repo.delete("todo/1/title")
        assert await repo.get("todo/1/title") is None
        await repo.delete("todo/1")
        assert not (await repo.find("todo/1")).exists


async def test_a_draft_is_looked_at_before_it_is_applied(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        await repo.set("todo/1", {"title": "Buy milk", "done": False})
        session = await repo.session("draft")
        assert (session.phase, session.plan) == ("created", None)
        await session.draft.set("todo/1/title", "Buy oats")
        plan = await session.preview()
        assert [(item.key, item.patch) for item in plan.items] == [
            ("1", [{"op": "replace", "path": "/title", "value": "Buy oats"}])
        ]
        assert (plan, await repo.plan("draft"), await repo.get("todo/1/title")) == (session.plan, plan, "Buy milk")

        await repo.set("todo/1/title", "Buy rice")
        with pytest.raises(TrellisError) as moved:
            await session.apply()
        assert (moved.value.code, session.phase) == ("conflict_moved", "conflicted")
        assert await repo.get("todo/1/title") == "Buy rice"
        assert session.plan is not None
        assert [conflict.path for conflict in session.plan.items[0].conflicts] == ["/title"]

        assert len((await session.apply(message="Both")).ops) == 1
        (conflict,) = await session.conflicts()
        assert session.phase == "conflicted"
        await session.resolve(conflict, "Buy oats and rice")
        assert (session.phase, await repo.get("todo/1/title")) == ("completed", "Buy oats and rice")


async def test_the_program_gives_key_time_and_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    identity, now = Identity.from_seed(b"7" * 32), [2e12]

    def clock() -> float:
        return now[0]

    policies = {"main": {"linear": True, "require_signing": True}}
    opened = trellis_sync.open(tmp_path / "notes", identity=identity, clock=clock, branch_policies=policies)
    async with await opened as repo:
        receipt = await repo.set("todo/1/title", "Buy milk")
        op = await repo.op(receipt.ops[0])
        assert (op.author, op.hlc >> 16) == (identity.author, 2_000_000_000_000)
        assert not (tmp_path / "notes/.trellis/identity").exists()
        now[0] += 5
        op = await repo.op((await repo.set("todo/1/title", "Buy oats")).ops[0])
        assert op.hlc >> 16 == 2_000_000_000_005
        unraised: list[object] = []
        monkeypatch.setattr(sys, "unraisablehook", unraised.append)
        now.clear()
        op = await repo.op((await repo.set("todo/1/title", "Buy rice")).ops[0])
        assert op.hlc >> 16 == 2_000_000_000_005
        assert unraised
    with pytest.raises(IndexError):
        await trellis_sync.open(tmp_path / "notes", clock=clock)
    with pytest.raises(TrellisError) as told:
        await trellis_sync.open(tmp_path / "notes", branch_policies={"main": {"round": True}})
    assert told.value.code == "invalid_argument"


async def test_values_come_back_as_they_are(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "a": b"",
        "b": [1, 1.0, 2.5, -0.5, True, None, "NaN"],
        "c": b"\x00\xff",
        "d": {"NaN": "\u2028\U0001f600"},
    }
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        async with repo.batch() as batch:
            for key, value in values.items():
                batch.put("mixed", key, value)
        assert await repo.entries("mixed") == values
        shown = await repo.query("mixed")
        assert [entity.value for entity in shown] == list(values.values())
        assert [type(item) for item in shown[1].value] == [int, int, float, float, bool, type(None), str]


async def test_an_empty_repo_answers(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        assert await repo.get("todo/1") is None
        assert await repo.entries("todo") == {}
        assert await repo.log() == ()
        assert await repo.conflicts() == ()
        assert (await repo.status()).repo is None
        assert await repo.branches() == ()
        assert repr(repo).startswith("<Repo '/")


async def test_a_batch_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        async with repo.batch(actor="Bob") as batch:
            batch.set("todo/1/title", "Milk").put("todo", "2", {"title": "Bread"}).append("log", "x", 1)
        assert len(batch.receipt.ops) == 3
        assert (await repo.op(batch.receipt.ops[0])).actor == "Bob"
        with pytest.raises(RuntimeError):
            async with repo.batch() as batch:
                batch.delete("todo/1")
                raise RuntimeError
        with pytest.raises(TrellisError, match="when its block has ended"):
            _ = batch.receipt
        assert await repo.get("todo/1") == {"title": "Milk"}
        with pytest.raises(TrellisError, match="nothing in this batch"):
            async with repo.batch():
                pass


async def test_branches_begin_merge_and_are_listed(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        await repo.set("todo/1/title", "Milk")
        draft = repo.branch("draft")
        assert len((await draft.create()).ops) >= 1
        await draft.set("todo/1/title", "Oat milk")
        assert await repo.get("todo/1/title") == "Milk"
        await repo.merge("draft", message="Better")
        assert await repo.get("todo/1/title") == "Oat milk"
        assert {branch.name for branch in await repo.branches()} == {"_repo", "draft", "main"}
        with pytest.raises(TrellisError) as told:
            await draft.create()
        assert told.value.code == "already_exists"


async def test_conflicts_are_shown_and_resolved(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "ann") as ann:
        await ann.set("notes/1/title", "Calm")
        await ann.export(tmp_path / "bundle")
        async with await trellis_sync.open(tmp_path / "bob") as bob:
            report = await bob.import_(tmp_path / "bundle")
            assert len(report.report.admitted) == 2
            await ann.set("notes/1/title", "Calm sea")
            await bob.set("notes/1/title", "Storm")
            await ann.add_ops(await bob.ops())
            await bob.add_ops(await ann.ops())
            assert await ann.conflicts() == await bob.conflicts()
            (conflict,) = await ann.conflicts()
            assert (conflict.path, conflict.base.value) == ("/title", "Calm")
            assert sorted(side.value.value for side in conflict.sides) == ["Calm sea", "Storm"]
            storm = next(side for side in conflict.sides if side.value.value == "Storm")
            await ann.resolve(conflict, storm)
            assert await ann.get("notes/1/title") == "Storm"
            assert await ann.conflicts() == ()
            await bob.resolve(conflict, {"any": "value"})
            await bob.add_ops(await ann.ops())
            (again,) = await bob.conflicts()
            with pytest.raises(TrellisError) as told:
                await bob.resolve(conflict, ABSENT)
            assert told.value.code == "conflict_moved"
            await bob.resolve(again, ABSENT)
            assert await bob.get("notes/1/title") is None
            assert (await bob.verify()).is_sound


async def test_an_explicit_base_keeps_the_other_write(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        await repo.put("todo", "1", {"title": "Milk"})
        seen = (await repo.find("todo/1")).frontier
        await repo.put("todo", "1", {"title": "Bread"})
        await repo.patch("todo", "1", {"set": {"/title": "Oats"}}, if_base=seen)
        (conflict,) = await repo.conflicts()
        assert (conflict.collection, conflict.key) == ("todo", "1")
        await repo.resolve(conflict, "Rye")
        await repo.set("todo/1/title", "Rice", if_base=seen)
        assert len(await repo.conflicts()) == 1
        await repo.put("todo", "1", {"only": 1}, replace=True)
        assert await repo.get("todo/1") == {"only": 1}
        assert await repo.conflicts() == ()
        await repo.delete("todo/1", if_base=seen)
        assert len(await repo.conflicts()) > 0


async def test_what_was_taken_in_is_told_in_its_order(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "ann") as ann, await trellis_sync.open(tmp_path / "bob") as bob:
        await ann.set("todo/1", 1)
        await bob.add_ops(await ann.ops())
        await bob.set("todo/2", 2)
        changes = await bob.changes()
        assert [change.is_local for change in changes] == [False, True]
        assert [[op.key for op in change.ops][-1] for change in changes] == ["1", "2"]
        assert await bob.changes(changes[0].seq) == changes[1:]
        assert await bob.changes(changes[-1].seq) == ()
        assert await bob.changes(commits_max=1) == changes[:1]


async def test_changes_are_told(tmp_path: Path) -> None:
    async with (
        await trellis_sync.open(tmp_path / "notes") as repo,
        await trellis_sync.open(tmp_path / "notes") as other,
    ):
        await repo.set("todo/1/title", "Milk")
        subscription = await repo.subscribe("todo").start()
        assert subscription.snapshot == {"1": {"title": "Milk"}}
        shown = subscription.snapshot
        with anyio.fail_after(30):
            await other.set("todo/2/title", "Bread")
            change = await subscription.__anext__()
            assert (change.key, change.before.exists, change.value) == ("2", False, {"title": "Bread"})
            assert subscription.snapshot is not shown
            shown = subscription.snapshot
            assert subscription.snapshot is shown
            await repo.delete("todo/1")
            async for change in subscription:
                assert (change.collection, change.key, change.after.exists) == ("todo", "1", False)
                break
            place = await repo.subscribe("todo/2/title").start()
            await repo.set("todo/2/title", "Rye bread")
            assert (await place.__anext__()).value == "Rye bread"


async def test_a_snapshot_stays_while_nothing_changes(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        await repo.set("todo/1", 1)
        scene = Scene()

        async def told() -> int:
            return len(scene.take(await repo._ask(entries_since("main", "todo", scene.mark))))

        assert await told() == 1
        shown = scene.snapshot
        await repo.set("other/1", 1)
        assert await told() == 0
        assert scene.snapshot is shown
        await repo.set("todo/2", 2)
        assert await told() == 1
        await repo.delete("todo/1")
        assert await told() == 1
        assert scene.snapshot == {"2": 2}


async def test_a_wait_that_is_cancelled_ends_at_once(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        receipt = await repo.set("todo/1", 1)
        with anyio.move_on_after(0.05) as scope:
            await receipt.durable("relay", timeout=1000)
        assert scope.cancelled_caught
        with anyio.move_on_after(0.05) as scope:
            await (await repo.subscribe("todo").start()).__anext__()
        assert scope.cancelled_caught
        assert await repo.get("todo/1") == 1


async def test_many_waits_leave_room_for_writes(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        receipt = await repo.set("todo/1", 1)
        async with anyio.create_task_group() as tasks:
            for _ in range(60):
                tasks.start_soon(receipt.durable, "relay")
            await anyio.lowlevel.checkpoint()
            with anyio.fail_after(30):
                await repo.set("todo/1", 2)
            tasks.cancel_scope.cancel()


async def test_options_of_opening_hold(tmp_path: Path) -> None:
    with pytest.raises(TrellisError) as told:
        await trellis_sync.open(tmp_path, must_exist=True)
    assert told.value.code == "not_a_repo"
    async with await trellis_sync.open(tmp_path / "notes", branch="draft") as repo:
        assert repo.branch_name == "draft"
        await repo.set("todo/1", 1)
    async with await trellis_sync.open(tmp_path / "notes", read_only=True) as repo:
        assert await repo.branch("draft").get("todo/1") == 1
        with pytest.raises(TrellisError) as told:
            await repo.set("todo/1", 2)
        assert told.value.code == "permission_denied"
    with pytest.raises(TrellisError) as told:
        await repo.get("todo/1")
    assert told.value.code == "aborted"


async def test_manifests_are_declared(tmp_path: Path) -> None:
    async with await trellis_sync.open(tmp_path / "notes") as repo:
        await repo.set("todo/1", 1)
        await repo.declare("todo", {"mergeStrategy": "crdt"})
        (manifest,) = await repo.manifests()
        assert (manifest.collection, manifest.manifest["mergeStrategy"]) == ("todo", "crdt")
        assert [member.role for member in await repo.members()] == ["owner"]
