"""Bad samples: for every rule, what it must catch, and in which words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import dedent

from tests.architecture.source import Tree


@dataclass(frozen=True)
class Sample:
    """Files that break `rule` in exactly the ways of `found`."""

    rule: Callable[[Tree], list[str]]
    files: Mapping[str, str]
    found: list[str]

    @property
    def tree(self) -> Tree:
        return Tree.of({path: dedent(text).lstrip("\n") for path, text in self.files.items()})
