"""People and courses at the public endpoint, made as people make them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from tests.support.api import Api, eventually


@dataclass
class Course:
    """A published course, as its instructor knows it."""

    id: str
    slug: str
    organization_id: str
    lesson_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Campus:
    """The door to one stack."""

    url: str
    client: httpx.AsyncClient

    def visitor(self) -> Api:
        return Api(self.url, self.client)

    async def person(self, name: str = "Lea") -> Api:
        return await self.visitor().register(name)

    async def instructor(self, name: str = "Ines") -> tuple[Api, str]:
        """Somebody with an organization of their own, and its id."""
        person = await self.person(name)
        made = await person.do(
            "createOrganization", "organization { id }", name="Acme", slug=f"acme-{uuid4().hex[:8]}"
        )
        return await person.refresh(), made["organization"]["id"]

    async def course(
        self, lessons: int = 3, *, publish: bool = True, **settings: object
    ) -> tuple[Api, Course]:
        """A free public course of text lessons, and its instructor."""
        instructor, organization_id = await self.instructor()
        return instructor, await add_course(
            instructor, organization_id, lessons, publish=publish, **settings
        )

    async def enrolled(self, course: Course, name: str = "Lea") -> tuple[Api, str]:
        """A new learner of `course`, and the id of the enrollment."""
        learner = await self.person(name)
        return learner, await enroll(learner, course.id)


async def add_course(
    instructor: Api, organization_id: str, lessons: int, *, publish: bool = True, **settings: object
) -> Course:
    """Write a course of `lessons` lessons in one module."""
    values = {"isFree": True, "title": f"Course {uuid4().hex[:8]}", **settings}
    made = await instructor.do(
        "createCourse", "course { id slug }", organizationId=organization_id, **values
    )
    course = Course(made["course"]["id"], made["course"]["slug"], organization_id)
    module = await instructor.do("addModule", "module { id }", courseId=course.id, title="Start")
    for number in range(lessons):
        lesson = await instructor.do(
            "addLesson",
            "lesson { id }",
            moduleId=module["module"]["id"],
            title=f"Lesson {number + 1}",
            kind="TEXT",
            markdown=f"The text of lesson {number + 1}.",
        )
        course.lesson_ids.append(lesson["lesson"]["id"])
    if publish:
        assert (await instructor.do("publishCourse", courseId=course.id))["__typename"] == (
            "PublishCourseSuccess"
        )
    return course


async def enroll(learner: Api, course_id: str) -> str:
    """Enrol as soon as learning has heard of the course."""

    async def attempt() -> str | None:
        answer = await learner.do("enroll", "enrollment { id }", courseId=course_id)
        return answer["enrollment"]["id"] if "enrollment" in answer else None

    return str(await eventually(attempt))


@asynccontextmanager
async def open_campus(url: str) -> AsyncIterator[Campus]:
    async with httpx.AsyncClient(timeout=20) as client:
        yield Campus(url, client)
