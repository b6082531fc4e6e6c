"""The kernel has mechanisms, and no idea what they are for."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tests.architecture.source import Source, Tree

WORDS = """
    course lesson curriculum syllabus chapter enrollment enrolment learner student pupil instructor
    teacher tutor cohort roster quiz exam assignment submission homework grade gradebook
    certificate badge payment invoice coupon refund payout purchase cart
    notification forum review rating category catalog catalogue video caption tag transcript
    organization membership invitation user profile
"""
NOUNS = frozenset(WORDS.split())
PRINCIPAL = {
    # A token speaks for someone who has roles somewhere: that much the kernel must know.
    "user": ("auth", "limits", "graphql", "door.py", "telemetry.py"),
    "organization": ("auth",),
}
"""Nouns that name the principal, and the parts of the kernel that may speak of it."""

WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def nouns(tree: Tree) -> list[str]:
    """The kernel uses no business noun: not in names, not in strings, not in comments."""
    return [
        f"{source.path}:{line}: {word}"
        for source in tree.python("subgraphs")
        if source.is_kernel
        for line, text in _texts(source)
        for word in sorted({_singular(it.lower()) for it in WORD.findall(text)} & NOUNS)
        if not _is_principal(source, word)
    ]


def _texts(source: Source) -> Iterator[tuple[int, str]]:
    words = (tokenize.NAME, tokenize.STRING, tokenize.COMMENT)
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type in words:
            for offset, text in enumerate(token.string.splitlines()):
                yield token.start[0] + offset, text


def _singular(word: str) -> str:
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s")


def _is_principal(source: Source, word: str) -> bool:
    inside = "/".join(source.parts[2:])
    return inside.startswith(PRINCIPAL.get(word, ()))


def imports_of_subgraphs(tree: Tree) -> list[str]:
    """The kernel imports no subgraph, not even by name in a string."""
    names = "|".join(tree.subgraphs)
    reference = re.compile(rf"\bsubgraphs\.({names})\b")
    return [
        source.at(node, f"{match[0]}")
        for source in tree.python("subgraphs")
        if source.is_kernel and names
        for node in source.nodes
        if isinstance(node, ast.Constant | ast.ImportFrom | ast.Import)
        and (match := reference.search(ast.unparse(node)))
    ]


RULES = (nouns, imports_of_subgraphs)
