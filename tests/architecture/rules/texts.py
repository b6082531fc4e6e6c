"""What stands in files besides code: nothing of the machine that they were written on."""

import re

from tests.architecture.source import Tree

MACHINE = re.compile(r"(?<![\w.$}/-])/(?:root|home/\w+|Users/\w+|work|mnt/\w+)/[\w.-]+")
REGISTRIES = re.compile(
    r"\b(?:pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com)\b"
    r"|--(?:extra-)?index-url|\b(?:artifactory|nexus)\."
)
SAMPLES = "tests/architecture/samples/"
LOCK = "infra/requirements.lock"


def no_machines(tree: Tree) -> list[str]:
    """No file names a path of somebody's machine."""
    return _lines(tree, MACHINE)


def no_registries(tree: Tree) -> list[str]:
    """No file names a package registry: it is the installer's to choose."""
    return _lines(tree, REGISTRIES)


def _lines(tree: Tree, pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{source.path}:{number}: {match[0]}"
        for source in tree.files()
        if not source.path.startswith(SAMPLES)
        for number, line in enumerate(source.text.splitlines(), 1)
        if (match := pattern.search(line))
    ]


def locked_python(tree: Tree) -> list[str]:
    """The Python lock pins every version with hashes, and holds no address."""
    lock = tree.sources.get(LOCK)
    if lock is None:
        return [f"{LOCK} is missing"]
    found = []
    for entry in re.split(r"\n(?=\S)", lock.text.strip()):
        name = entry.split()[0]
        if name.startswith("#"):
            continue
        if "==" not in name:
            found.append(f"{LOCK}: {name} is not pinned")
        if "--hash=sha256:" not in entry:
            found.append(f"{LOCK}: {name} has no hash")
        if "://" in entry:
            found.append(f"{LOCK}: {name} has an address")
    return found


def locked_npm(tree: Tree) -> list[str]:
    """An npm lock has integrity hashes and no addresses."""
    found = []
    for source in tree.files():
        if source.name == "package-lock.json":
            if '"resolved"' in source.text:
                found.append(f"{source.path} has addresses")
            if '"integrity"' not in source.text:
                found.append(f"{source.path} has no hashes")
        if source.name in ("uv.lock", "poetry.lock", "yarn.lock", "pnpm-lock.yaml"):
            found.append(f"{source.path} names registries")
    return found


RULES = (no_machines, no_registries, locked_python, locked_npm)
