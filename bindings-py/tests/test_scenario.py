"""The scenario that every runtime takes, and whose log is the same everywhere."""

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import LIMIT, Server
from trellis_sync import Shown, TrellisError, blocking
from trellis_sync.blocking import Receipt, Repo, Session

SCENARIOS = Path(__file__).parent.parent.parent / "tests" / "scenarios"


def word(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def shown(found: Shown) -> str:
    return word(found.value) if found.type == "json" else found.type


class Stage:
    """The repos of a scenario, and a relay at which they meet."""

    def __init__(self, folder: Path, relay: str) -> None:
        self.folder = folder
        self.relay = relay
        self.repos: dict[str, Repo] = {}
        self.last: dict[str, Receipt] = {}
        self.sessions: dict[str, Session] = {}

    def repo(self, name: str) -> Repo:
        if name not in self.repos:
            self.repos[name] = blocking.open(self.folder / name)
        return self.repos[name]

    def take(self, step: Any) -> list[str]:
        name = step.get("repo", step.get("to", ""))
        try:
            told: list[str] = getattr(self, step["do"])(step)
        except TrellisError as error:
            return [f"{name} {error.code}"]
        return told

    def write(self, step: Any) -> list[str]:
        name = step["repo"]
        receipt = self.repo(name)._write(*step["edits"])
        self.last[name] = receipt
        return [f"{name} wrote {len(receipt.ops)}"]

    def session(self, step: Any) -> list[str]:
        self.sessions[step["repo"]] = self.repo(step["repo"]).session(step["branch"])
        return [f"{step['repo']} drafts {step['branch']}"]

    def draft(self, step: Any) -> list[str]:
        receipt = self.sessions[step["repo"]].draft._write(*step["edits"])
        return [f"{step['repo']} wrote {len(receipt.ops)}"]

    def preview(self, step: Any) -> list[str]:
        lines = []
        for item in self.sessions[step["repo"]].preview().items:
            opened = "".join(f" !{conflict.path}" for conflict in item.conflicts)
            lines.append(f"{step['repo']} {item.collection}/{item.key} {shown(item.after)}{opened}")
        return lines or [f"{step['repo']} nothing"]

    def apply(self, step: Any) -> list[str]:
        return self.become(step, self.sessions[step["repo"]].apply())

    def settle(self, step: Any) -> list[str]:
        session = self.sessions[step["repo"]]
        (conflict,) = session.conflicts()
        choice = next(side for side in conflict.sides if side.value.value == step["side"])
        return self.become(step, session.resolve(conflict, choice))

    def phase(self, step: Any) -> list[str]:
        return [f"{step['repo']} {self.sessions[step['repo']].phase}"]

    def become(self, step: Any, receipt: Receipt) -> list[str]:
        return [f"{step['repo']} wrote {len(receipt.ops)}, {self.sessions[step['repo']].phase}"]

    def copy(self, step: Any) -> list[str]:
        report = self.repo(step["to"]).add_ops(self.repo(step["from"]).ops())
        return [f"{step['to']} took {len(report.admitted)}"]

    def meet(self, step: Any) -> list[str]:
        one, other = (self.repo(name) for name in step["repos"])
        with one.sync(self.relay) as here, other.sync(self.relay) as there:
            watched = [repo.subscribe("notes").start() for repo in (one, other)]
            while one.status().branches != other.status().branches:
                watched[0]._events.next(50)
            for link in (here, there):
                link.in_sync(timeout=LIMIT)
        return [f"{' and '.join(step['repos'])} have {one.status().ops}"]

    def show(self, step: Any) -> list[str]:
        found = self.repo(step["repo"]).find(step["place"])
        return [f"{step['repo']} {step['place']} {shown(found.shown)}"]

    def conflicts(self, step: Any) -> list[str]:
        lines = []
        for found in self.repo(step["repo"]).conflicts():
            sides = sorted(word(side.value.value) for side in found.sides)
            place = f"{found.collection}/{found.key}{found.path}"
            lines.append(f"{step['repo']} {place} {shown(found.base)}: {' | '.join(sides)}")
        return lines or [f"{step['repo']} none"]

    def resolve(self, step: Any) -> list[str]:
        name = step["repo"]
        (conflict,) = self.repo(name).conflicts()
        choice = next(side for side in conflict.sides if side.value.value == step["side"])
        self.last[name] = self.repo(name).resolve(conflict, choice)
        return [f"{name} wrote {len(self.last[name].ops)}"]

    def durable(self, step: Any) -> list[str]:
        self.last[step["repo"]].durable(step["tier"], timeout=step["timeoutMs"] / 1000)
        return [f"{step['repo']} is safe"]


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.json")), ids=lambda path: path.stem)
def test_a_scenario_has_the_same_log_everywhere(server: Server, tmp_path: Path, path: Path) -> None:
    scenario = json.loads(path.read_text())
    stage = Stage(tmp_path, server.url)
    log = [line for step in scenario["steps"] for line in stage.take(step)]
    assert log == scenario["log"]
