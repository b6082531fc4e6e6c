"""Thousands of published courses, put straight into the tables, as a seed does."""

from typing import Any
from uuid import UUID

from sqlalchemy import text

from subgraphs.courses.repository import search
from subgraphs.kernel.db import Database

# Words no test searches for, from syllables: a vocabulary of a realistic size.
_FILL = """
    WITH words AS (
        SELECT array_agg(a || b || c || d) AS word
        FROM unnest(array['ba', 'co', 'du', 'fe', 'gi', 'ho', 'ju', 'ka', 'le', 'mo']) a,
            unnest(array['la', 'rin', 'sto', 'mer', 'vek', 'pos', 'tun', 'gal', 'der', 'wix']) b,
            unnest(array['ta', 'ne', 'mi', 'ro', 'su', 'lo', 'po', 'ke', 'da', 'zy']) c,
            unnest(array['n', 'rt', 'x', 'cus', 'phi', 'st', 'g', 'lm', 'q', 'b']) d
    ), titles AS (
        SELECT n, (SELECT string_agg(word[1 + abs(hashint4(n * 9 + k)) % 10000], ' ')
            FROM generate_series(1, 7) k) AS phrase
        FROM words, generate_series(1, :count) n
    )
    INSERT INTO courses (id, organization_id, slug, title, summary, language, status, visibility,
        is_free, sequential, instructor_ids, prerequisite_course_ids, latest_version_id,
        lesson_count, listed_at, has_draft_changes, enrollment_count, rating_sum, review_count,
        rating, version)
    SELECT uuidv7(), :organization_id, 'course-' || n, split_part(phrase, ' ', 1), phrase,
        (array['en', 'de', 'fr'])[1 + n % 3], 'PUBLISHED', 'PUBLIC', true, false, '{}', '{}',
        uuidv7(), 1, now() - n * interval '1 minute', false, n * 37 % 1000,
        n % 5 + 1, 1, n % 5 + 1, 1
    FROM titles
    RETURNING id
"""


async def fill(db: Database, organization_id: UUID, count: int) -> None:
    """Publish `count` courses of one organization."""
    async with db.begin() as session:
        ids = await session.scalars(
            text(_FILL), {"organization_id": organization_id, "count": count}
        )
        await search.index_courses(session, list(ids))
    async with db.read() as session:
        await session.execute(text("VACUUM ANALYZE courses, search_documents, search_words"))


async def plan(db: Database, query: Any) -> str:
    """Explain a statement as Postgres would run it."""
    compiled = query.compile(
        dialect=db.engine.dialect,
        compile_kwargs={"literal_binds": True, "render_postcompile": True},
    )
    async with db.read() as session:
        return "\n".join(await session.scalars(text(f"EXPLAIN {compiled}".replace(":", r"\:"))))
