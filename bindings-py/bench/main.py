"""How fast the package is: what crosses into Python against ``json.loads`` of the same, and how long it takes to be there.

Runs are paired (ours, theirs, ours, theirs), and what counts is the median of the ratios. Nothing here passes or fails: the
goals stand beside the figures.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from trellis_sync import blocking, op_objects

OPS = 10_000
ROUNDS = 15
STARTS = 9
CROSSING = 1.3

Line = dict[str, Any]


def spent(work: Callable[[], object]) -> float:
    """Milliseconds that something takes."""
    begun = perf_counter()
    work()
    return (perf_counter() - begun) * 1000


def line(id: str, name: str, ours: float, other: float, ratio: float, goal: float) -> Line:
    """A line of the table."""
    found = {"id": id, "name": name, "ours": ours, "other": other, "unit": "ms", "ratio": ratio}
    return {**found, "goal": goal, "met": ratio <= goal}


def pair(name: str, ours: Callable[[], object], other: Callable[[], object]) -> Line:
    """Ours against the other's."""
    rounds = [(spent(ours), spent(other)) for _ in range(ROUNDS + 2)][2:]
    own, theirs = [one for one, _ in rounds], [two for _, two in rounds]
    return line("P11", name, median(own), median(theirs), median(one / two for one, two in rounds), CROSSING)


def body(at: int) -> Any:
    """What is written."""
    return {"title": f"Note {at}", "done": at % 2 == 0, "tags": ["home", "today"], "rank": at / 7}


def look(all: Iterable[tuple[str, Any]]) -> int:
    """Reads the key and the value of each."""
    return sum(len(key) + len((value or {}).get("title", "")) for key, value in all)


def look_at_ops(ops: Iterable[Any]) -> int:
    """Reads the key and the value of each."""
    return look((op["key"], op.get("body")) for op in ops)


def crossing(folder: Path) -> list[Line]:
    """What crosses."""
    with blocking.open(folder) as repo:
        for at in range(0, OPS, 1000):
            with repo.batch() as batch:
                for more in range(at, at + 1000):
                    batch.put("notes", str(more), body(more))
        ops = repo.ops()
        objects = json.dumps(op_objects(ops))
        entries = json.dumps(dict(repo.entries("notes")))
        whole = json.dumps([[entity.key, entity.value] for entity in repo.query("notes")])
        return [
            pair(
                f"{OPS} ops as objects", lambda: look_at_ops(op_objects(ops)), lambda: look_at_ops(json.loads(objects))
            ),
            pair(
                f"{OPS} entries of a repo",
                lambda: look(repo.entries("notes").items()),
                lambda: look(json.loads(entries).items()),
            ),
            pair(
                f"{OPS} entries of a repo, with their bases",
                lambda: look((entity.key, entity.value) for entity in repo.query("notes")),
                lambda: look(json.loads(whole)),
            ),
        ]


def started(text: str) -> float:
    """Milliseconds that a new process takes for something."""
    run = f"from time import perf_counter as now; begun = now(); {text}; print((now() - begun) * 1000)"
    once = [
        subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True) for _ in range(STARTS)
    ]
    return median(float(done.stdout) for done in once)


def starting(folder: Path) -> list[Line]:
    """How long it takes to be there, beside a module of Python's own that does as much of its kind."""
    other = started("import asyncio")
    works = {
        "import, and import asyncio": "import trellis_sync",
        "import, and a repo in a folder": f"import trellis_sync; trellis_sync.blocking.open({str(folder)!r})",
    }
    return [line("start", name, ours := started(text), other, ours / other, 1) for name, text in works.items()]


def main() -> None:
    """Measures, and prints a table, or with ``--json`` a list."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [*crossing(Path(folder) / "notes"), *starting(Path(folder) / "notes")]
    if "--json" in sys.argv:
        print(json.dumps(lines))
        return
    for of in lines:
        figures = f"{of['ours']:8.1f} {of['other']:8.1f} {of['unit']} {of['ratio']:6.2f}, goal {of['goal']}"
        print(f"{of['id']:6} {of['name']:60} {figures}")


main()
