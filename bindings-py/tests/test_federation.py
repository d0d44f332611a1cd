"""Several repos together: what is linked, what refers to it, and where that leads."""

from pathlib import Path

import pytest
import trellis_sync
from trellis_sync import TrellisError, blocking, format_cross_repo_ref, parse_cross_repo_ref

pytestmark = pytest.mark.anyio


def begin(folder: Path) -> tuple[str, str]:
    """A repo to be linked; its path, and the op that made version 3."""
    path = str(folder / "api")
    with blocking.open(path) as api:
        (op,) = api.set("lib/api-client/version", 3).ops
        api.set("lib/api-client/version", 4)
    return path, op


async def test_references_lead_into_other_repos(tmp_path: Path) -> None:
    path, then = begin(tmp_path)
    async with await trellis_sync.open(tmp_path / "web") as web:
        repos = trellis_sync.MultiRepoManager(web)
        await repos.link_repo("backend", path, "Backend service")
        await repos.add_cross_repo_link("proj:frontend", "dependsOn", "backend", "lib:api-client")
        (link,) = await repos.find_references_to("backend", "lib:api-client")
        assert (link.source, link.relation, link.to.entity) == ("proj:frontend", "dependsOn", "lib:api-client")
        assert (await repos.follow("@backend:lib:api-client")).shown.value == {"version": 4}
        pinned = format_cross_repo_ref("backend", "lib:api-client", then)
        assert (await repos.follow(pinned)).shown.value == {"version": 3}
        (linked,) = await repos.linked_repos()
        assert (linked.alias, linked.description) == ("backend", "Backend service")
        await repos.remove_cross_repo_link("proj:frontend", "dependsOn", "backend", "lib:api-client")
        assert await repos.find_references_to("backend", "lib:api-client") == ()


def test_both_faces_link_alike(tmp_path: Path) -> None:
    path, _ = begin(tmp_path)
    with blocking.open(tmp_path / "web") as web:
        repos = blocking.MultiRepoManager(web)
        assert len(repos.link_repo("backend", path).ops) == 1
        repos.add_cross_repo_link("proj:a", "uses", "backend", "lib:api-client")
        assert len(repos.find_references_to("backend", "lib:api-client")) == 1
        assert repos.follow("@backend:lib:api-client").shown.value == {"version": 4}
        repos.unlink_repo("backend")
        assert repos.linked_repos() == ()


@pytest.mark.parametrize("text", ["backend:lib:x", "@../up:lib:x", "@b:lib", "@b:lib:x#12", "@b:lib:~1"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(TrellisError) as raised:
        parse_cross_repo_ref(text)
    assert raised.value.code == "invalid_argument"


def test_a_reference_comes_back() -> None:
    text = format_cross_repo_ref("backend", "lib:a/b", "ab" * 32)
    reference = parse_cross_repo_ref(text)
    assert (reference.alias, reference.collection, reference.key) == ("backend", "lib", "a/b")
    assert format_cross_repo_ref(reference.alias, reference.entity, reference.version) == text


@pytest.mark.parametrize(
    ("alias", "place", "code"),
    [
        ("../up", ".", "invalid_argument"),
        ("far", "wss://relay.example", "unsupported"),
        ("far", "nowhere", "not_found"),
    ],
)
def test_what_cannot_be_linked_says_why(tmp_path: Path, alias: str, place: str, code: str) -> None:
    with blocking.open(tmp_path / "web") as web, pytest.raises(TrellisError) as raised:
        blocking.MultiRepoManager(web).link_repo(alias, place)
    assert raised.value.code == code
