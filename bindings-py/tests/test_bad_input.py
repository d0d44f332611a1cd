"""What means nothing is refused by its code, and the message holds nothing of the user's."""

import pickle
from collections import UserDict
from collections.abc import Callable
from pathlib import Path

import pytest
from trellis_sync import TrellisError, blocking

SECRET = "S3CRET"

loop: list[object] = []
loop.append(loop)

deep: object = 0
for _ in range(70):
    deep = [deep]


@pytest.mark.parametrize(
    "value",
    [
        2**53,
        1e300,
        -(2**53),
        2**70,
        float("nan"),
        float("inf"),
        {1: "x"},
        {"x": {SECRET}},
        {"x": object()},
        {"x": SECRET.encode()},
        [b"x"],
        loop,
        deep,
        "\ud800",
        {"\ud800": 1},
        2 + 1j,
    ],
    ids=repr,
)
def test_values_that_are_no_json_are_refused(tmp_path: Path, value: object) -> None:
    with blocking.open(tmp_path / "notes") as repo:
        with pytest.raises(TrellisError) as told:
            repo.set("todo/1", value)  # type: ignore[arg-type]
        assert told.value.code in {"invalid_argument", "payload_too_large"}
        assert not told.value.retryable
        assert SECRET not in str(told.value)
        assert repo.log() == ()


@pytest.mark.parametrize("place", ["", "todo", "/", "todo/", "/1", "todo/~2", f"{SECRET}\x00/1", "x" * 300 + "/1"])
def test_places_that_are_none_are_refused(tmp_path: Path, place: str) -> None:
    with blocking.open(tmp_path / "notes") as repo:
        calls: list[Callable[[], object]] = [
            lambda: repo.set(place, 1),
            lambda: repo.get(place),
            lambda: repo.delete(place),
        ]
        for call in calls:
            with pytest.raises(TrellisError) as told:
                call()
            assert told.value.code == "invalid_argument"
            assert SECRET not in str(told.value)


def test_integers_within_2_53_come_back(tmp_path: Path) -> None:
    values = [2**53 - 1, -(2**53) + 1, 0, True, False, 1.5, 1e-300, None, "", "\x00\U0001f600"]
    with blocking.open(tmp_path / "notes") as repo:
        repo.set("todo/1/x", values)
        assert repo.get("todo/1/x") == values
        assert [type(value) for value in repo.get("todo/1/x")][:4] == [int, int, int, bool]


def test_names_of_other_languages_are_names(tmp_path: Path) -> None:
    names = ["__proto__", "then", "constructor", "__class__", "__init__", "", "a/b", "~"]
    with blocking.open(tmp_path / "notes") as repo:
        for name in names[:5]:
            repo.put("x", name, {name: {name: name}})
            assert repo.get(f"x/{name}/{name}") == {name: name}
        repo.put("x", "y", dict.fromkeys(names, 1))
        assert repo.get("x/y") == dict.fromkeys(names, 1)


def test_any_mapping_and_sequence_is_taken(tmp_path: Path) -> None:
    with blocking.open(tmp_path / "notes") as repo:
        repo.set("todo/1/x", UserDict({"a": (1, range(3))}))
        assert repo.get("todo/1/x") == {"a": [1, [0, 1, 2]]}


def test_what_is_too_large_is_refused(tmp_path: Path) -> None:
    with blocking.open(tmp_path / "notes") as repo:
        with pytest.raises(TrellisError) as told:
            repo.set("todo/1", "x" * 300_000)
        assert told.value.code == "payload_too_large"


def test_arguments_are_checked(tmp_path: Path) -> None:
    with blocking.open(tmp_path / "notes") as repo:
        receipt = repo.set("todo/1", 1)
        calls: list[tuple[Callable[[], object], str]] = [
            (lambda: receipt.durable("moon"), "invalid_argument"),
            (lambda: receipt.durable("relay", timeout=-1), "invalid_argument"),
            (lambda: receipt.durable("relay", timeout=0.05), "timeout"),
            (lambda: repo.sync("ftp://relay.example"), "invalid_argument"),
            (lambda: repo.sync("ws://relay.example"), "permission_denied"),
            (lambda: repo.sync("wss://relay.example", expected=SECRET), "invalid_argument"),
            (lambda: repo.op("00"), "invalid_argument"),
            (lambda: repo.op("00" * 32), "not_found"),
            (lambda: repo.at("00" * 32).get("todo/1"), "not_found"),
            (lambda: repo.branch("none").log(), "not_found"),
            (lambda: repo.merge("none"), "not_found"),
            (lambda: repo.patch("todo", "1", {"set": {"/a": 1, "/a/b": 2}}), "invalid_argument"),
            (lambda: repo.export(tmp_path / "notes"), "already_exists"),
            (lambda: repo.import_(tmp_path / "none"), "not_found"),
            (lambda: blocking.open(tmp_path / "new", invitation=SECRET), "invalid_argument"),
        ]
        for call, code in calls:
            with pytest.raises(TrellisError) as told:
                call()
            assert told.value.code == code, told.value
            assert SECRET not in str(told.value)
            assert told.value.retryable == (code == "timeout")


def test_an_error_says_where_and_can_be_carried(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrellisError) as told:
        blocking.open(tmp_path / "file" / "notes")
    error = told.value
    assert error.path is not None
    assert error.path.startswith(str(tmp_path / "file"))
    assert repr(error).startswith(f"TrellisError({error.code}: ")
    again = pickle.loads(pickle.dumps(error))
    assert (again.code, again.path, str(again)) == (error.code, error.path, str(error))
