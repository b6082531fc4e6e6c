"""Fills the database of courses: courses, who may read them, what was thought of them."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Float, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from infra.seed import activity, words
from infra.seed.activity import Attendance
from infra.seed.catalogue import Published
from infra.seed.copying import copy
from infra.seed.people import People
from infra.seed.plans import CoursePlan, Place
from infra.seed.sizes import chance, new_id
from infra.terminal import Step
from subgraphs.courses import markdown
from subgraphs.courses.models import (
    Category,
    Course,
    CourseStatus,
    CourseVersion,
    Entitlement,
    Lesson,
    LessonKind,
    LessonText,
    Level,
    Member,
    Module,
    Review,
    VersionLesson,
    Visibility,
)
from subgraphs.courses.repository import search

INDEXED_AT_ONCE = 200


async def add_categories(session: AsyncSession) -> None:
    rows = [{"slug": slug, "name": name} for slug, name in words.categories()]
    await session.execute(insert(Category).on_conflict_do_nothing(), rows)


async def add_members(session: AsyncSession, people: People) -> None:
    """Store what users would have told of who belongs where: before any later event."""
    await copy(
        session,
        Member,
        ("organization_id", "user_id", "role", "seq"),
        (
            (organization_id, it.id, role, 1)
            for it in people.persons
            for organization_id, role in it.roles.items()
        ),
    )


async def add_courses(
    session: AsyncSession, people: People, plans: Sequence[CoursePlan], step: Step
) -> None:
    """Store generated courses, published once, and make them findable."""
    categories = {row.slug: row.id for row in await session.scalars(select(Category))}
    await _add_courses(session, plans, categories)
    texts = await _add_texts(session, people, plans)
    await _add_lessons(session, plans, texts)
    for first in range(0, len(plans), INDEXED_AT_ONCE):
        chunk = plans[first : first + INDEXED_AT_ONCE]
        await search.index_courses(session, [plan.id for plan in chunk])
        step.note = f"· {first + len(chunk):,} of {len(plans):,} courses"


async def _add_courses(
    session: AsyncSession, plans: Iterable[CoursePlan], categories: dict[str, UUID]
) -> None:
    def row(plan: CoursePlan) -> dict[str, Any]:
        return {
            "id": plan.id,
            "organization_id": plan.organization_id,
            "slug": plan.slug,
            "title": plan.title,
            "summary": plan.summary,
            "description": plan.summary,
            "description_html": markdown.render(plan.summary),
            "language": plan.language,
            "level": Level[plan.level],
            "category_id": categories[plan.category],
            "status": CourseStatus.PUBLISHED,
            "visibility": Visibility.PRIVATE if plan.is_private else Visibility.PUBLIC,
            "is_free": plan.is_free,
            "sequential": plan.sequential,
            "instructor_ids": plan.instructor_ids,
            "prerequisite_course_ids": [],
            "latest_version_id": plan.version_id,
            "lesson_count": plan.lesson_count,
            "listed_at": plan.published_at,
            "updated_at": plan.published_at,
            "has_draft_changes": False,
            "version": 1,
            "created_at": plan.published_at,
        }

    rows = [row(plan) for plan in plans]
    await copy(session, Course, tuple(rows[0]), (tuple(it.values()) for it in rows))
    await copy(
        session,
        CourseVersion,
        ("id", "course_id", "number", "published_by", "created_at"),
        ((it.version_id, it.id, 1, it.instructor_ids[0], it.published_at) for it in plans),
    )


async def _add_texts(
    session: AsyncSession, people: People, plans: Iterable[CoursePlan]
) -> dict[str, UUID]:
    """Render each distinct text once; lessons that say the same share it."""
    numbers = chance(people.size.name, "texts")
    texts: dict[str, UUID] = {}
    for plan in plans:
        for place in plan.places():
            if place.lesson.markdown not in texts:
                texts[place.lesson.markdown] = new_id(plan.published_at, numbers)
    rendered = ((id, markdown.render(text)) for text, id in texts.items())
    await copy(session, LessonText, ("id", "html"), rendered)
    return texts


async def _add_lessons(
    session: AsyncSession, plans: Sequence[CoursePlan], texts: dict[str, UUID]
) -> None:
    """Store each draft, and the version that says the same."""

    def facts(plan: CoursePlan, place: Place) -> dict[str, Any]:
        lesson = place.lesson
        return {
            "course_id": plan.id,
            "module_id": place.module.id,
            "title": lesson.title,
            "position": place.position,
            "kind": LessonKind.TEXT,
            "text_id": texts[lesson.markdown],
            "is_preview": lesson.is_preview,
            "duration_minutes": lesson.minutes,
            "release_after_days": lesson.release_after_days,
            "prerequisite_lesson_ids": [],
        }

    modules = [
        (module.id, plan.id, module.title, position, plan.published_at)
        for plan in plans
        for position, module in enumerate(plan.modules)
    ]
    drafts = [
        {
            "id": place.lesson.id,
            "markdown": place.lesson.markdown,
            "created_at": plan.published_at,
            **facts(plan, place),
        }
        for plan in plans
        for place in plan.places()
    ]
    frozen = [
        {
            "version_id": plan.version_id,
            "lesson_id": place.lesson.id,
            "ordinal": ordinal,
            "module_title": place.module.title,
            "module_position": place.module_position,
            **facts(plan, place),
        }
        for plan in plans
        for ordinal, place in enumerate(plan.places())
    ]
    await copy(session, Module, ("id", "course_id", "title", "position", "created_at"), modules)
    await copy(session, Lesson, tuple(drafts[0]), (tuple(row.values()) for row in drafts))
    await copy(session, VersionLesson, tuple(frozen[0]), (tuple(row.values()) for row in frozen))


async def add_activity(
    session: AsyncSession, people: People, published: Sequence[Published]
) -> None:
    """Let learners in, with what they have completed, and store what some of them thought."""
    attendances = list(activity.make(people, [course.offer() for course in published]))
    await copy(
        session,
        Entitlement,
        ("user_id", "course_id", "enrollment_id", "version_id", "enrolled_at",
         "completed_lesson_ids"),
        ((it.start.person.id, it.start.offer.id, it.id, it.start.offer.version_id, it.start.at,
          it.completed_lesson_ids) for it in attendances),
    )  # fmt: skip
    await _add_reviews(session, people, attendances)
    await _count(session)


async def _add_reviews(
    session: AsyncSession, people: People, attendances: Sequence[Attendance]
) -> None:
    numbers = chance(people.size.name, "reviews")
    said = {tongue.language: tongue.reviews for tongue in words.tongues()}
    rows = []
    for it in attendances:
        if it.rating is not None:
            at = it.start.at + (people.now - it.start.at) * numbers.random()
            language = it.start.offer.language
            text = said[language if language in said else "en"][it.rating - 1]
            learner = it.start.person.id
            rows.append((new_id(at, numbers), it.start.offer.id, learner, it.rating, text, at, at))
    columns = ("id", "course_id", "user_id", "rating", "text", "updated_at", "created_at")
    await copy(session, Review, columns, rows)


async def _count(session: AsyncSession) -> None:
    """Bring the counters of the courses in line with the rows that they count."""
    enrolled = (
        select(Entitlement.course_id, func.count().label("count"))
        .where(Entitlement.active)
        .group_by(Entitlement.course_id)
        .subquery()
    )
    ratings = select(
        Review.course_id,
        func.sum(Review.rating).label("sum"),
        func.count().label("count"),
        (func.sum(Review.rating) / func.count().cast(Float)).label("mean"),
    ).group_by(Review.course_id)
    rated = ratings.subquery()
    unsynchronized = {"synchronize_session": False}
    await session.execute(
        update(Course)
        .where(Course.id == enrolled.c.course_id)
        .values(enrollment_count=enrolled.c.count)
        .execution_options(**unsynchronized)
    )
    await session.execute(
        update(Course)
        .where(Course.id == rated.c.course_id)
        .values(rating_sum=rated.c.sum, review_count=rated.c.count, rating=rated.c.mean)
        .execution_options(**unsynchronized)
    )
