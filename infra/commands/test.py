"""Every check and test, in one gate; the last line is pytest's summary."""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from infra.bootstrap.node import ROUTER, npm
from infra.bootstrap.parts import ROOT
from infra.stack.environment import base
from infra.terminal import Progress, fail, paint, say

SLOW = ("faults", "infra", "journeys", "load", "security")
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
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = dict(
            zip(CHECKS, pool.map(lambda name: _check(progress, name), CHECKS), strict=True)
        )
    failed = [name for name, complaint in outcomes.items() if complaint is not None]
    for name in failed:
        say(f"\n{paint(name, 'bold')}\n{outcomes[name]}")
    tests_passed = _pytest(_pytest_words(options), failed)
    return 0 if tests_passed and not failed else 1


def _check(progress: Progress, name: str) -> str | None:
    """Run one check; its output when it fails."""
    with progress.step(name) as step:
        result = subprocess.run(  # noqa: S603, our own commands
            CHECKS[name],
            cwd=ROUTER if name == "router" else ROOT,
            env=base(),
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
    environment = dict(os.environ)
    if "--cov" in words:  # the processes that tests start are measured as well
        environment["COVERAGE_PROCESS_START"] = str(ROOT / "pyproject.toml")
    outcome = _run(words, environment)
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


def _run(words: list[str], environment: Mapping[str, str]) -> Outcome:
    lines: list[str] = []
    last = ""
    with subprocess.Popen(  # noqa: S603, our own command
        [*PYTHON_TOOL, "pytest", *words],
        cwd=ROOT,
        env=environment,
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
