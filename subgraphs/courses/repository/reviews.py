"""Reviews of courses, read by whoever sees the course."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses.models import Course, Review
from subgraphs.courses.repository import courses
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.pages import Listing, Order


def visible_reviews(viewer: Viewer) -> Select[Review]:
    """Every read of reviews starts here; they are as visible as their course."""
    seen = courses.visible_courses(viewer).with_only_columns(Course.id)
    return select(Review).where(Review.course_id.in_(seen))


def reviews_of_courses(viewer: Viewer) -> Listing:
    """The reviews of each course, the newest first."""
    order = (Order(Review.updated_at, descending=True), Order(Review.id, descending=True))
    return Listing(visible_reviews(viewer), lambda course_id: Review.course_id == course_id, order)


async def review_of(session: AsyncSession, course_id: UUID, user_id: UUID) -> Review | None:
    query = select(Review).where(Review.course_id == course_id, Review.user_id == user_id)
    return await session.scalar(query)
