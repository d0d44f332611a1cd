"""The vectors of every implementation, through what this package exports."""

import json
from pathlib import Path
from typing import Any

import pytest
from trellis_sync import StoredOp, TrellisError, _native, op_from_object, op_object

VECTORS = Path(__file__).parent.parent.parent / "tests" / "vectors"
START = 1 << 48
"""A time behind every clock of the vectors."""


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_text())


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in load(name)["cases"]]


@pytest.mark.parametrize("case", cases("header.json"))
def test_headers(case: Any) -> None:
    op = StoredOp(bytes.fromhex(case["bytes"]))
    shown = op_object(op)
    fields = case["fields"]
    words = {"author": "agentId", "prev": "previousHash"}
    for name in ("author", "branch", "seq", "prev", "hlc", "parents", "collection", "key", "base", "actor", "repo"):
        assert shown.get(words.get(name, name)) == fields.get(name), name
    assert shown["hash"] == case["id"]
    assert op_from_object(json.loads(json.dumps(shown))) == op


@pytest.mark.parametrize("case", cases("cbor_bad.json"))
def test_headers_that_are_none(case: Any) -> None:
    text = case.get("bytes", case.get("hex"))
    with pytest.raises(TrellisError) as told:
        op_object(StoredOp(bytes.fromhex(text)))
    assert told.value.code == "invalid_argument"


@pytest.mark.parametrize("case", cases("signatures.json"))
def test_signatures(case: Any) -> None:
    signature = bytes.fromhex(case["signature"])
    if "header" in case:
        op = StoredOp(bytes.fromhex(case["header"]), None, signature)
        shown = op_object(op)
        key, message = bytes.fromhex(shown["agentId"]), b"trellis/sig/1\n" + bytes.fromhex(shown["hash"])
    else:
        key, message = bytes.fromhex(case["key"]), bytes.fromhex(case["message"])
    assert _native.is_signed(key, message, signature) == case["holds"]


RECONCILE = load("reconcile.json")
NAMES: dict[str, str] = {}
for op_name, entry in RECONCILE["ops"].items():
    if not op_name.startswith("!"):
        NAMES[op_object(StoredOp(bytes.fromhex(entry["header"])))["hash"]] = op_name


def inputs(names: list[str]) -> list[StoredOp]:
    found = []
    for name in names:
        entry = RECONCILE["ops"][name.lstrip("-")]
        body = None if name.startswith("-") or "body" not in entry else bytes.fromhex(entry["body"])
        found.append(StoredOp(bytes.fromhex(entry["header"]), body))
    return found


def named(plain: Any) -> Any:
    """A result with names for ids, as the vectors have it."""
    if isinstance(plain, str):
        return NAMES.get(plain, plain)
    if isinstance(plain, list):
        return [named(item) for item in plain]
    return plain


def shown_of(shown: Any) -> Any:
    """How the vectors write what stands at a place."""
    return {key: value for key, value in shown.items() if key != "type"} or shown["type"]


@pytest.mark.parametrize("case", cases("reconcile.json"))
def test_reconcile(case: Any) -> None:
    local, remote, expect = inputs(case["local"]), inputs(case["remote"]), case["expect"]
    for _ in range(2):
        made = _native.reconcile(local, remote)
        for word in ("merged", "forkHeads", "onlyLocal", "onlyRemote", "missing"):
            assert named(made[word]) == expect[word], word
        assert NAMES.get(made.get("forkPoint", "")) == expect["forkPoint"]
        for word in ("relation", "clean", "conflicts", "malformed"):
            assert made[word] == expect[word], word
        assert {named(told["op"]): told["reason"] for told in made["invalid"]} == expect["invalid"]
        assert [told["id"] for told in made["newConflicts"]] == expect["newConflicts"]
        assert len(made["conflictRecords"]) == len(expect["conflictRecords"])
        for told, wanted in zip(made["conflictRecords"], expect["conflictRecords"]):
            for word in ("branch", "collection", "key", "path", "id"):
                assert told[word] == wanted[word], word
            assert named(told["members"]) == wanted["members"]
            assert {named(side["op"]) for side in told["sides"]} == set(wanted["sides"])
        local.reverse()
        remote.reverse()


class Host:
    """A host that keeps a machine's rows in memory and signs nothing."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.machine, outputs = _native.Machine.open("11" * 32)
        self.replies = self.carry_out(outputs)

    def carry_out(self, outputs: list[Any]) -> list[Any]:
        replies = []
        queue = list(outputs)
        while queue:
            output = queue.pop(0)
            answer: Any = None
            if output["type"] == "reply":
                replies.append(output)
            elif output["type"] == "persist":
                self.rows.append(output["row"])
                answer = {"type": "persisted", "ticket": output["ticket"]}
            elif output["type"] == "load":
                answer = {"type": "loaded", "ticket": output["ticket"], "loaded": nothing(output["query"])}
            if answer is not None:
                queue.extend(self.machine.step(answer, START))
        return replies

    def run(self, command: Any) -> Any:
        (reply,) = self.carry_out(self.machine.step({"type": "command", "request": 1, "command": command}, START))
        return reply


def nothing(query: Any) -> Any:
    kind = query["type"]
    if kind == "rows":
        return {"type": "rows", "rows": [], "more": False}
    if kind == "peers":
        return {"type": "peers", "peers": []}
    if kind == "ops":
        return {"type": "ops", "rows": []}
    return {"type": "blobs", "blobs": []}


@pytest.mark.parametrize("case", cases("validity.json"))
def test_validity(case: Any) -> None:
    ops = []
    for op in case["ops"]:
        named_bytes = {name: bytes.fromhex(op[name]) for name in ("header", "body", "signature") if name in op}
        ops.append(named_bytes)
    host = Host()
    said: dict[str, Any] = {}
    for part in (ops[:1], ops[1:]):  # the first op alone decides which repo this is
        said.update(verdicts(host.run({"type": "import", "ops": part})["answer"]["report"]))
    assert said.keys() <= case["verdicts"].keys()
    for op_id, verdict in case["verdicts"].items():
        assert said[op_id] == (verdict if isinstance(verdict, str) else "refused"), op_id


def verdicts(report: Any) -> dict[str, str]:
    said = dict.fromkeys(report["admitted"], "valid")
    said.update(dict.fromkeys(report["held"], "waits"))
    return said | {told["op"]: "refused" for told in report["refused"]}
