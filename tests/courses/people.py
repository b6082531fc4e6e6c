"""People at the door of the schema, and what they ask for."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from subgraphs.courses.loaders import Loaders
from subgraphs.courses.schema import schema
from subgraphs.kernel import graphql
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database

CONTENT = "query ($id: UUID!) { lesson(id: $id) { content } }"
OUTLINE = """query ($id: UUID!) { course(id: $id) {
  version { number } modules { title lessons { id title } } } }"""
DRAFT = """query ($id: UUID!) { course(id: $id) { draft { hasChanges descriptionMarkdown
  modules { id title position lessons { id title position kind } } } } }"""
UNCHECKED = {"publishCourse", "archiveCourse", "deleteModule", "deleteLesson"}
"""Mutations that take nothing but ids."""


@dataclass(frozen=True)
class Person:
    """Someone who asks; every request of theirs has a context of its own, as behind the door."""

    db: Database
    bus: Bus
    viewer: Viewer

    @property
    def id(self) -> UUID:
        assert self.viewer.user_id is not None
        return self.viewer.user_id

    @property
    def context(self) -> graphql.Context[Loaders]:
        return graphql.Context(self.db, self.bus, Loaders.build, viewer=self.viewer)

    async def send(self, document: str, **variables: Any) -> Any:
        """Run an operation that is expected to succeed; return its data."""
        plain = {name: _plain(value) for name, value in variables.items()}
        result = await schema.execute(document, plain, context_value=self.context)
        assert result.errors is None, result.errors
        return result.data

    async def codes(self, document: str, **variables: Any) -> list[str]:
        """Run an operation that is expected to fail; return the codes of its errors."""
        plain = {name: _plain(value) for name, value in variables.items()}
        result = await schema.execute(document, plain, context_value=self.context)
        return [(error.extensions or {})["code"] for error in result.errors or ()]

    async def mutate(self, field: str, shown: str = "__typename", **values: Any) -> Any:
        """Run one mutation; `shown` is what is wanted of its success."""
        name = field[0].upper() + field[1:]
        checked = "" if field in UNCHECKED else "... on InvalidInputError { field }"
        document = f"""mutation ($input: {name}Input!) {{ {field}(input: $input) {{
          __typename ... on UserError {{ message code }} {checked}
          ... on {name}Success {{ {shown} }} }} }}"""
        return (await self.send(document, input=_plain(values)))[field]

    async def refused(self, field: str, **values: Any) -> str:
        """Run one mutation, expecting a refusal; return the name of its type."""
        answer = await self.mutate(field, **values)
        assert answer["code"], answer
        assert answer["message"].endswith(".")
        return str(answer["__typename"])

    async def content(self, lesson_id: UUID) -> Any:
        """The text of a lesson, as this person gets it; None also when there is no lesson."""
        lesson = (await self.send(CONTENT, id=lesson_id))["lesson"]
        return lesson["content"] if lesson else None

    async def outline(self, course_id: UUID) -> Any:
        return (await self.send(OUTLINE, id=course_id))["course"]

    async def draft(self, course_id: UUID) -> Any:
        return (await self.send(DRAFT, id=course_id))["course"]["draft"]


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dict):
        return {_camel(key): _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    if name.startswith("_"):
        return name
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)
