"""Both faces of the package have the same names, arguments and words; and type checkers accept what people write."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trellis_sync
from trellis_sync import blocking

README = Path(__file__).parent.parent / "README.md"
PLAYER = Path(__file__).parents[2] / "tests/runtimes/player.py"
CONFIG = Path(__file__).parent.parent / "pyproject.toml"
TWINS = [name for name in blocking.__all__ if name != "open"]
OTHER_WORD = {"__iter__": "__aiter__", "__next__": "__anext__", "__enter__": "__aenter__", "__exit__": "__aexit__"}


def members(face: Any) -> dict[str, Any]:
    def is_own(name: str) -> bool:
        return not name.startswith("_") or name in OTHER_WORD or name in OTHER_WORD.values()

    return {OTHER_WORD.get(name, name): member for name, member in vars(face).items() if is_own(name)}


@pytest.mark.parametrize("name", TWINS)
def test_the_faces_are_alike(name: str) -> None:
    one, other = members(getattr(trellis_sync, name)), members(getattr(blocking, name))
    assert one.keys() == other.keys()
    for word, member in one.items():
        if isinstance(member, property):
            assert other[word].__doc__ == member.__doc__, word
        if inspect.isfunction(member):
            assert parameters(member) == parameters(other[word]), word
            assert member.__doc__ is None or "await" not in (other[word].__doc__ or ""), word
            assert word.startswith("__") or other[word].__doc__, word


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    return [(found.name, found.kind, found.default) for found in inspect.signature(function).parameters.values()]


def test_opening_is_alike() -> None:
    assert parameters(trellis_sync.open) == parameters(blocking.open)
    assert blocking.open.__doc__ == trellis_sync.open.__doc__


def test_everything_public_has_words() -> None:
    for name in trellis_sync.__all__:
        found = getattr(trellis_sync, name)
        if inspect.isclass(found) or inspect.isfunction(found):
            assert found.__doc__, name
            assert not found.__doc__.startswith(f"{name}("), name


@pytest.mark.parametrize(
    "checker",
    [
        ("mypy", "--strict", "--python-version", "3.10"),
        ("pyright", "--pythonversion", "3.9", "--pythonpath", sys.executable),
    ],
    ids=lambda c: c[0],
)
def test_type_checkers_accept_the_examples(tmp_path: Path, checker: tuple[str, ...]) -> None:
    for number, text in enumerate(re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)):
        (tmp_path / f"example_{number}.py").write_text(text)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict"}')
    (tmp_path / "wrong.py").write_text("from trellis_sync import blocking\nblocking.open('x').set(1, 2)\n")
    good = sorted(str(path) for path in tmp_path.glob("example_*.py"))
    done = check(tmp_path, *checker, *good)
    assert done.returncode == 0, done.stdout + done.stderr
    assert check(tmp_path, *checker, "wrong.py").returncode == 1


def test_the_package_itself_is_typed(tmp_path: Path) -> None:
    done = check(tmp_path, "mypy", "--strict", "--python-version", "3.10", "--package", "trellis_sync")
    assert done.returncode == 0, done.stdout
    tests = sorted(str(path) for path in [*Path(__file__).parent.glob("*.py"), PLAYER])
    done = check(tmp_path, "mypy", "--strict", "--explicit-package-bases", *tests)
    assert done.returncode == 0, done.stdout
    package = str(Path(trellis_sync.__file__).parent)
    done = check(tmp_path, "pyright", "--pythonversion", "3.9", "--pythonpath", sys.executable, package)
    assert done.returncode == 0, done.stdout


def check(folder: Path, tool: str, *args: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", tool, *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
