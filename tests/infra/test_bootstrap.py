"""The environment is made from its lock file, whole or not at all; here from one package."""

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from infra.bootstrap.parts import ROOT

PACKAGE = "sortedcontainers"
ENSURE = (
    "import sys; from infra.bootstrap import ensure; from infra.terminal import Failure, fail\n"
)
ENSURE += "try: ensure()\nexcept Failure as failure: sys.exit(fail(str(failure)))"
WORK = "from infra.bootstrap import _alone, parts\nwith _alone(): parts.run(['sleep', '600'])"
WITHOUT_ENSUREPIP = "import sys; sys.modules['ensurepip'] = None\n"
WITHOUT_PIP = "import shutil; sys.modules['pip'] = None; shutil.which = lambda name: None\n"
# The Python of the machine, not that of the environment under test.
PYTHON = getattr(sys, "_base_executable", sys.executable)
Ensure = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with nothing but the bootstrap and a lock of one package."""
    ignore = shutil.ignore_patterns("__pycache__", "stack", "commands", "edge", "docker")
    shutil.copytree(ROOT / "infra", tmp_path / "infra", ignore=ignore)
    lock = (ROOT / "infra" / "requirements.lock").read_text()
    only = re.search(rf"^{PACKAGE}==.*(?:\n    --hash=.*)+", lock, re.MULTILINE)
    assert only
    (tmp_path / "infra" / "requirements.lock").write_text(only[0] + "\n")
    return tmp_path


@pytest.fixture
def ensure(root: Path) -> Ensure:
    def run(before: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603, ourselves
            [PYTHON, "-c", before + ENSURE],
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def has_package(root: Path) -> bool:
    return any(root.glob(f".venv/lib/python*/site-packages/{PACKAGE}/__init__.py"))


def test_a_first_run_makes_it_and_a_second_costs_nothing(root: Path, ensure: Ensure) -> None:
    first = ensure()
    made = (root / ".venv" / "pyvenv.cfg").stat()
    second = ensure()

    assert first.returncode == 0
    assert "✓ Python packages" in first.stdout
    assert has_package(root)
    assert (second.returncode, second.stdout) == (0, "")
    assert (root / ".venv" / "pyvenv.cfg").stat() == made


def test_a_wrong_hash_stops_it_and_what_is_left_is_not_trusted(root: Path, ensure: Ensure) -> None:
    lock = root / "infra" / "requirements.lock"
    right = lock.read_text()
    lock.write_text(re.sub(r"sha256:\w{8}", "sha256:00000000", right))

    failed = ensure()
    (root / ".venv" / "half-made").touch()
    lock.write_text(right)
    repaired = ensure()

    assert failed.returncode == 1
    assert failed.stderr.startswith("polynode: python failed: ERROR: ")
    assert failed.stderr.count("\n") == 1
    assert repaired.returncode == 0
    assert has_package(root)
    assert not (root / ".venv" / "half-made").exists()


def test_a_new_lock_updates_the_environment_in_place(root: Path, ensure: Ensure) -> None:
    ensure()
    (root / ".venv" / "kept").touch()
    with (root / "infra" / "requirements.lock").open("a") as lock:
        lock.write("# a newer lock\n")

    updated = ensure()

    assert (updated.returncode, (root / ".venv" / "kept").exists()) == (0, True)


def test_an_environment_whose_python_is_gone_is_made_anew(root: Path, ensure: Ensure) -> None:
    ensure()
    python = root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")

    repaired = ensure()

    assert (repaired.returncode, repaired.stderr, python.exists()) == (0, "", True)


def test_the_lock_is_held_as_long_as_a_command_of_a_killed_bootstrap_runs(root: Path) -> None:
    killed = subprocess.Popen([PYTHON, "-c", WORK], cwd=root)  # noqa: S603, ourselves
    while not (orphans := psutil.Process(killed.pid).children()):
        assert killed.poll() is None
    killed.kill()
    killed.wait()

    with (root / ".polynode" / "bootstrap.lock").open("r+") as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        orphans[0].kill()
        fcntl.flock(lock, fcntl.LOCK_EX)


def test_without_ensurepip_another_pip_fills_the_environment(root: Path, ensure: Ensure) -> None:
    made = ensure(WITHOUT_ENSUREPIP)

    assert (made.returncode, made.stderr) == (0, "")
    assert has_package(root)


def test_with_no_installer_at_all_the_missing_package_is_named(root: Path, ensure: Ensure) -> None:
    failed = ensure(WITHOUT_ENSUREPIP + WITHOUT_PIP)

    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    assert failed.returncode == 1
    assert failed.stderr == (
        "polynode: This Python has neither ensurepip nor pip. On Debian and Ubuntu install the "
        f"package {package} (apt install {package}), or install uv.\n"
    )
    assert not (root / ".venv" / ".polynode-stamp").exists()


def test_of_two_at_once_the_second_waits(root: Path) -> None:
    commands = [
        subprocess.Popen(  # noqa: S603, ourselves
            [PYTHON, "-c", ENSURE], cwd=root, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [command.communicate()[0] for command in commands]

    assert [command.returncode for command in commands] == [0, 0]
    assert sorted("Another bootstrap is running" in text for text in said) == [False, True]
    assert sorted("✓ Python packages" in text for text in said) == [False, True]
