"""Every check and test, in one gate; the last line is pytest's summary."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.bootstrap.node import ROUTER, npm
from infra.bootstrap.parts import ROOT
from infra.stack import binaries, environment
from infra.terminal import Failure, Progress, fail, paint, say

SLOW = ("faults", "infra", "journeys", "load", "security")
IN_A_BROWSER = ("tests/journeys/test_graphiql.py", "tests/security/test_stored_scripts.py")
MAIN = "origin/main"
PYTHON_TOOL = (sys.executable, "-m")
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as lint; lint()"
CHECKS: Mapping[str, tuple[str, ...]] = {
    "mypy": (*PYTHON_TOOL, "mypy"),
    "router": (*npm(), "run", "--silent", "check"),
    "ruff check": (*PYTHON_TOOL, "ruff", "check", "."),
    "ruff format": (*PYTHON_TOOL, "ruff", "format", "--check", "."),
    "lint-imports": (sys.executable, "-c", LINT_IMPORTS),
    "compose": (*PYTHON_TOOL, "infra", "compose", "--check"),
}
AT_ONCE = 2
TESTS_FAILED = 1
FEW = 8
"""Failures of a full run that may be the machine's; more are the code's."""


def run(options: argparse.Namespace) -> int:
    """0 only if every check and every test passed."""
    progress = Progress()
    base_words = ("--base", base) if (base := base_of(ROOT)) else ()
    checks = {**CHECKS, "compose": (*CHECKS["compose"], *base_words)}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = pool.map(lambda name: _check(progress, name, checks[name]), checks)
        outcomes = dict(zip(checks, made, strict=True))
    failed = [name for name, complaint in outcomes.items() if complaint is not None]
    for name in failed:
        say(f"\n{paint(name, 'bold')}\n{outcomes[name]}")
    if _needs_browser(options):
        try:
            binaries.chromium()
        except Failure as missing:
            fail(str(missing))
    tests_passed = _pytest(_pytest_words(options), failed)
    return 0 if tests_passed and not failed else 1


def base_of(checkout: Path) -> str:
    """The commit whose API must not break: where this branch left main, or else the parent."""
    head = _git(checkout, "rev-parse", "--verify", "--quiet", "HEAD")
    fork = _git(checkout, "merge-base", "HEAD", MAIN)
    if fork and fork != head:
        return fork
    return _git(checkout, "rev-parse", "--verify", "--quiet", "HEAD^")


def _git(checkout: Path, *words: str) -> str:
    """What git answers; nothing where there is no git, no checkout, or no such commit."""
    git = shutil.which("git")
    if git is None:
        return ""
    told = subprocess.run(  # noqa: S603, our own command
        [git, *words], cwd=checkout, capture_output=True, text=True, check=False
    )
    return told.stdout.strip() if told.returncode == 0 else ""


def _needs_browser(options: argparse.Namespace) -> bool:
    """Does this run reach a test that opens a page? Without paths it reaches all of them."""
    words = (ROOT / word.partition("::")[0] for word in options.arguments if word[:1] != "-")
    paths = [path for path in words if path.exists()]
    tests = [ROOT / test for test in IN_A_BROWSER]
    chosen = not paths or any(test.is_relative_to(path) for test in tests for path in paths)
    return chosen and not options.fast


def _check(progress: Progress, name: str, command: Sequence[str]) -> str | None:
    """Run one check; its output when it fails."""
    with progress.step(name) as step:
        result = subprocess.run(  # noqa: S603, our own commands
            command,
            cwd=ROUTER if name == "router" else ROOT,
            env=environment.base(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if result.returncode == 0:
            return None
        step.failed = True
        return result.stdout


def _pytest_words(options: argparse.Namespace) -> list[str]:
    words = [f"--color={'yes' if sys.stdout.isatty() else 'no'}"]
    if options.fast:
        return [*words, *(f"--ignore=tests/{folder}" for folder in SLOW), *options.arguments]
    if options.arguments:  # a part of the tests cannot cover the whole
        return [*words, *options.arguments]
    return [*words, "--cov", "--cov-report=term:skip-covered"]


def _pytest(words: list[str], failed: list[str]) -> bool:
    """Run pytest, and say before its last line which checks failed; tell whether it passed.

    A few tests that fail in a full run are run once more, alone: these are real servers on a
    machine that others may share. What passes then is named, so that nobody takes it for steady.
    """
    variables = dict(os.environ)
    if "--cov" in words:  # the processes that tests start are measured as well
        variables["COVERAGE_PROCESS_START"] = str(ROOT / "pyproject.toml")
    outcome = _run(words, variables)
    unsteady = [
        line.removeprefix("FAILED ") for line in outcome.lines if line.startswith("FAILED ")
    ]
    thin = any("Required test coverage" in line and "FAIL" in line for line in outcome.lines)
    repeatable = "--cov" in words and not thin and 0 < len(unsteady) <= FEW
    if outcome.code == TESTS_FAILED and repeatable:
        say(f"{outcome.last}\n\nOnce more, alone: {len(unsteady)} tests that failed.")
        outcome = _run(["--last-failed", "--last-failed-no-failures=none"], dict(os.environ))
        if outcome.code == 0:
            say("These failed at first and passed alone:\n" + "\n".join(unsteady))
    if failed:
        fail(f"these checks failed: {', '.join(failed)}.")
    say(outcome.last)
    return outcome.code == 0


@dataclass
class Outcome:
    """What pytest said; its last line, the summary, has not been shown yet."""

    code: int
    lines: list[str]
    last: str


def _run(words: list[str], variables: Mapping[str, str]) -> Outcome:
    lines: list[str] = []
    last = ""
    with subprocess.Popen(  # noqa: S603, our own command
        [*PYTHON_TOOL, "pytest", *words],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if last:
                say(last)
            last = line.rstrip("\n")
            lines.append(last)
    return Outcome(process.returncode, lines, last)
