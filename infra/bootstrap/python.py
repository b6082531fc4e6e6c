"""`.venv`: a virtual environment with every package of `infra/requirements.lock`."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable

from infra.bootstrap.parts import ROOT, Part, run
from infra.terminal import Failure

ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
REQUIREMENTS = ROOT / "infra" / "requirements.lock"
STAMP = ENVIRONMENT / ".polynode-stamp"
# Hashes are checked by the lock file; without dependencies there is nothing left to resolve.
INSTALL = ("install", "--require-hashes", "--no-deps", "--no-input", "-r", str(REQUIREMENTS))


def parts() -> list[Part]:
    build = _install if _is_whole() else _make_anew
    return [Part("Python packages", STAMP, (REQUIREMENTS,), build, needs=(PYTHON,))]


def _is_whole() -> bool:
    """Tell whether an environment was finished once; a newer lock file then only updates it."""
    return STAMP.exists() and PYTHON.exists()


def _make_anew(note: Callable[[str], None]) -> None:
    note("· making .venv")
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    if importlib.util.find_spec("ensurepip"):
        run([sys.executable, "-m", "venv", ENVIRONMENT])
        _install(note)
    else:
        run([sys.executable, "-m", "venv", "--without-pip", ENVIRONMENT])
        _install_without_ensurepip(note)


def _install_without_ensurepip(note: Callable[[str], None]) -> None:
    """Debian ships Python without ensurepip; its pip or uv can fill the environment as well."""
    if importlib.util.find_spec("pip"):
        _pip([sys.executable, "-m", "pip", "--python", str(PYTHON)], note)
    elif uv := shutil.which("uv"):
        note("· with uv")
        requirements = ("--require-hashes", "-r", str(REQUIREMENTS))
        run([uv, "pip", "install", "--python", PYTHON, *requirements])
    else:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Failure(
            f"This Python has neither ensurepip nor pip. On Debian and Ubuntu install the package "
            f"python{version}-venv (apt install python{version}-venv), or install uv."
        )


def _install(note: Callable[[str], None]) -> None:
    if _has_pip():
        _pip([str(PYTHON), "-m", "pip"], note)
    else:
        _install_without_ensurepip(note)


def _has_pip() -> bool:
    return any(ENVIRONMENT.glob("lib/python*/site-packages/pip/__init__.py"))


def _pip(pip: list[str], note: Callable[[str], None]) -> None:
    total = REQUIREMENTS.read_text().count("==")
    seen = 0

    def count(line: str) -> None:
        nonlocal seen
        if line.startswith(("Collecting ", "Requirement already satisfied", "Ignoring ")):
            seen += 1
            note(f"· {min(seen, total)} of {total}")
        elif line.startswith("Installing collected packages"):
            note(f"· unpacking {total}")

    # PIP_USER would turn away from the environment; every other setting of the user counts.
    # Compiling waits until a module is imported: most never are.
    run(
        [*pip, *INSTALL, "--no-compile"],
        environment=os.environ | {"PIP_USER": "0"},
        each_line=count,
    )
