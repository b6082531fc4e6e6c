"""What the documents say is true: links lead somewhere, commands exist, operations run."""

import re
from collections.abc import Iterator
from posixpath import dirname, join, normpath

from graphql import GraphQLError, build_schema, parse, validate

from infra.cli import COMMANDS
from tests.architecture.source import Source, Tree

LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
COMMAND = re.compile(r"python3 -m infra ([a-z][a-z-]*)")
OPERATION = re.compile(r"^```graphql\n(.*?)^```", re.DOTALL | re.MULTILINE)
PUBLIC_SCHEMA = "router/schema.graphql"


def links(tree: Tree) -> list[str]:
    """A link leads to a file of the repository."""
    folders = {dirname(path) for path in tree.sources}
    found = []
    for source in _documents(tree):
        for target in LINK.findall(source.text):
            path = normpath(join(dirname(source.path), target))
            if path not in tree.sources and path not in folders:
                found.append(f"{source.path}: {target} is nowhere")
    return found


def commands(tree: Tree) -> list[str]:
    """A command of `infra` that is named exists."""
    return [
        f"{source.path}: there is no command {name}"
        for source in _documents(tree)
        for name in COMMAND.findall(source.text)
        if name not in COMMANDS
    ]


def operations(tree: Tree) -> list[str]:
    """An operation to paste is one that the published schema takes."""
    schema = build_schema(tree.sources[PUBLIC_SCHEMA].text)
    found = []
    for source in _documents(tree):
        for text in OPERATION.findall(source.text):
            try:
                errors = validate(schema, parse(text))
            except GraphQLError as error:
                errors = [error]
            found += [f"{source.path}: {error.message}" for error in errors]
    return found


def _documents(tree: Tree) -> Iterator[Source]:
    for source in tree.files():
        if source.name.endswith(".md"):
            yield source


RULES = (links, commands, operations)
