"""What the gate compares with, and what it says before it needs it."""

import subprocess
from pathlib import Path

import pytest

from infra.commands.test import base_of
from infra.stack import binaries
from infra.terminal import Failure

WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@polynode.test")


def git(checkout: Path, *words: str) -> str:
    return subprocess.run(  # noqa: S603
        ["git", *WHO, *words],  # noqa: S607
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def commit(checkout: Path) -> str:
    git(checkout, "commit", "--quiet", "--allow-empty", "--message", "tests: Go on.")
    return git(checkout, "rev-parse", "HEAD")


def test_the_api_must_not_break_that_of_main_or_of_the_parent(tmp_path: Path) -> None:
    without_git = base_of(tmp_path)
    git(tmp_path, "init", "--quiet")
    root = commit(tmp_path)
    without_parent = base_of(tmp_path)
    parent = commit(tmp_path)
    commit(tmp_path)
    without_main = base_of(tmp_path)
    git(tmp_path, "update-ref", "refs/remotes/origin/main", root)
    on_a_branch = base_of(tmp_path)
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    on_main = base_of(tmp_path)

    assert (without_git, without_parent) == ("", "")
    assert (without_main, on_a_branch, on_main) == (parent, root, parent)


def test_a_missing_browser_is_told_with_the_way_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match=r"^Chromium is missing.*apt-get install chromium\.$"):
        binaries.chromium()

    (tmp_path / "google-chrome").touch(mode=0o755)
    assert binaries.chromium() == tmp_path / "google-chrome"
