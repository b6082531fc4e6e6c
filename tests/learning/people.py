"""People at the door of the schema, and what they ask for."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from strawberry.types import ExecutionResult

from subgraphs.kernel import graphql
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.bus import Bus
from subgraphs.kernel.db import Database
from subgraphs.learning.loaders import Loaders
from subgraphs.learning.schema import schema

ENROLLMENT = """id status percentComplete completedLessonCount lessonCount completedAt dueAt
  isOverdue nextLesson { id } completedLessons { id }"""
SHOWN = {
    "enroll": "... on PrerequisiteMissingError { courseIds }",
    "completeLesson": """... on LessonLockedError { lockReason }
        ... on CompleteLessonSuccess { lessonId courseCompleted }""",
    "uncompleteLesson": "... on UncompleteLessonSuccess { lessonId }",
    "setDeadline": "... on InvalidInputError { field }",
}
FOLLOW = """subscription ($id: UUID!, $after: String) {
  progressUpdated(enrollmentId: $id, after: $after) {
    cursor resync lessonId enrollment { percentComplete status } } }"""
ENTITIES = "query ($references: [_Any!]!) { _entities(representations: $references) { %s } }"


@dataclass(frozen=True)
class Person:
    """Someone who asks; every request of theirs has a context of its own, as behind the door."""

    db: Database
    bus: Bus
    viewer: Viewer

    @property
    def id(self) -> UUID:
        return self.viewer.require_user()

    @property
    def context(self) -> graphql.Context[Loaders]:
        return graphql.Context(self.db, self.bus, Loaders.build, viewer=self.viewer)

    async def send(self, document: str, **variables: Any) -> Any:
        """Run an operation that is expected to succeed; return its data."""
        result = await schema.execute(document, variables, context_value=self.context)
        assert result.errors is None, result.errors
        return result.data

    async def codes(self, document: str, **variables: Any) -> list[str]:
        """Run an operation that is expected to fail; return the codes of its errors."""
        result = await schema.execute(document, variables, context_value=self.context)
        return [(error.extensions or {})["code"] for error in result.errors or ()]

    async def entities(self, type_: str, ids: list[UUID], fields: str) -> Any:
        """Ask as a gateway does for entities of one type."""
        references = [{"__typename": type_, "id": str(id)} for id in ids]
        document = ENTITIES % f"... on {type_} {{ {fields} }}"
        return (await self.send(document, references=references))["_entities"]

    async def entity(self, type_: str, id: UUID, fields: str) -> Any:
        return (await self.entities(type_, [id], fields))[0]

    async def mutate(self, field: str, **values: Any) -> Any:
        """Run one mutation; ids and moments may be passed as they are."""
        name = field[0].upper() + field[1:]
        document = f"""mutation ($input: {name}Input!) {{ {field}(input: $input) {{
          __typename ... on UserError {{ message code }}
          ... on {name}Success {{ enrollment {{ {ENROLLMENT} }} }} {SHOWN.get(field, "")} }} }}"""
        values = {key: value if value is None else str(value) for key, value in values.items()}
        return (await self.send(document, input=values))[field]

    async def enroll(self, course_id: UUID) -> Any:
        return await self.mutate("enroll", courseId=course_id)

    async def enrolled(self, course_id: UUID) -> UUID:
        """Enrol, expecting success; return the enrollment's id."""
        answer = await self.enroll(course_id)
        assert answer["__typename"] == "EnrollSuccess", answer
        return UUID(answer["enrollment"]["id"])

    async def unenroll(self, enrollment_id: UUID) -> Any:
        return await self.mutate("unenroll", enrollmentId=enrollment_id)

    async def complete(self, enrollment_id: UUID, lesson_id: UUID) -> Any:
        return await self.mutate("completeLesson", enrollmentId=enrollment_id, lessonId=lesson_id)

    async def uncomplete(self, enrollment_id: UUID, lesson_id: UUID) -> Any:
        return await self.mutate("uncompleteLesson", enrollmentId=enrollment_id, lessonId=lesson_id)

    async def set_deadline(self, enrollment_id: UUID, due_at: str | None) -> Any:
        return await self.mutate("setDeadline", enrollmentId=enrollment_id, dueAt=due_at)

    async def move(self, enrollment_id: UUID) -> Any:
        return await self.mutate("moveToLatestVersion", enrollmentId=enrollment_id)

    async def follow(
        self, enrollment_id: UUID, after: str | None = None
    ) -> AsyncGenerator[Any, None]:
        """Follow an enrollment: yields what each event brings, or the code of an error."""
        variables = {"id": str(enrollment_id), "after": after}
        async for result in await schema.subscribe(FOLLOW, variables, context_value=self.context):
            assert isinstance(result, ExecutionResult)
            if result.errors:
                yield (result.errors[0].extensions or {})["code"]
            else:
                assert result.data is not None
                yield result.data["progressUpdated"]
