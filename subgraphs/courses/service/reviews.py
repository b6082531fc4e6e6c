"""Reviews: what learners think of a course."""

from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from subgraphs.courses import errors, events
from subgraphs.courses.models import Review
from subgraphs.courses.repository import courses, entitlements, reviews
from subgraphs.courses.service import checks
from subgraphs.kernel import outbox
from subgraphs.kernel.auth import Viewer
from subgraphs.kernel.db import new_id
from subgraphs.kernel.errors import InvalidInputError

BEST = 5


async def review_course(
    session: AsyncSession, viewer: Viewer, *, course_id: UUID, rating: int, text: str
) -> Review:
    """Rate a course, or change one's mind about it; its average changes along.

    The course's row is locked, so reviews at the same moment are all counted.

    Raises:
        NotEnrolledError: The viewer is not enrolled in it.
        ForbiddenError: A program asks; it has learnt nothing.
    """
    user_id = viewer.require_person()
    if not 1 <= rating <= BEST:
        raise InvalidInputError("rating", f"A rating is from 1 to {BEST}.")
    text = checks.text("text", text.strip(), at_most=5_000)
    course = await courses.lock_course(session, viewer, course_id)
    if not await entitlements.is_entitled(session, user_id, course.id):
        raise errors.NotEnrolledError
    review = await reviews.review_of(session, course.id, user_id)
    if review is None:
        review = Review(id=new_id(), course_id=course.id, user_id=user_id, rating=0)
        session.add(review)
        course.review_count += 1
    course.rating_sum += rating - review.rating
    course.rating = course.rating_sum / course.review_count
    review.rating, review.text = rating, text
    review.updated_at = await session.scalar(select(func.now())) or review.updated_at
    event = events.ReviewPosted(course_id=course.id, user_id=user_id, rating=rating)
    outbox.publish(session, event, of=course, tenant_id=course.organization_id)
    return review
