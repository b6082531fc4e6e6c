"""The catalogue and full-text search."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Float, Select, Text, Uuid, cast, delete, func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import with_expression
from sqlalchemy.sql import ColumnElement

from subgraphs.courses.models import Category, Course, Level, SearchDocument
from subgraphs.courses.repository import courses
from subgraphs.kernel.auth import Viewer

DEFAULT_LANGUAGE = "en"
MARK_START, MARK_END = "\ue000", "\ue001"
"""Around what was found in a snippet: characters that mean nothing else."""

_HEADLINE = f"StartSel={MARK_START},StopSel={MARK_END},MaxWords=30,MinWords=12,MaxFragments=1"


@dataclass(frozen=True, kw_only=True)
class CourseFilter:
    """Which courses of the catalogue are wanted; None leaves a thing open."""

    search: str | None = None
    category_slug: str | None = None
    language: str | None = None
    level: Level | None = None
    organization_id: UUID | None = None
    is_free: bool | None = None
    min_rating: float | None = None


def catalogue(viewer: Viewer, wanted: CourseFilter) -> Select[Course]:
    """Courses open to the viewer, as the filter wants them."""
    query = _filtered(courses.visible_courses(viewer).where(courses.listed_for(viewer)), wanted)
    if wanted.search is None:
        return query
    sought = _sought(wanted.search, wanted.language)
    matching = select(SearchDocument.course_id).join(
        sought, SearchDocument.document.op("@@")(sought.c.query)
    )
    return query.where(Course.id.in_(matching))


def workspace(viewer: Viewer, user_id: UUID, wanted: CourseFilter) -> Select[Course]:
    """Courses that the viewer teaches, drafts and archived ones too."""
    query = courses.visible_courses(viewer).where(courses.taught_by(user_id))
    query = _filtered(query, wanted)
    if wanted.search is None:
        return query
    return query.where(Course.title.icontains(wanted.search, autoescape=True))


def _filtered(query: Select[Any], wanted: CourseFilter) -> Select[Any]:
    for column, value in (
        (Course.language, wanted.language),
        (Course.level, wanted.level),
        (Course.organization_id, wanted.organization_id),
        (Course.is_free, wanted.is_free),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.category_slug is not None:
        category = select(Category.id).where(Category.slug == wanted.category_slug)
        query = query.where(Course.category_id == category.scalar_subquery())
    if wanted.min_rating is not None:
        query = query.where(Course.rating >= wanted.min_rating)
    return query


def _sought(phrase: str, language: str | None) -> Any:
    """What to look for, worked out once a statement."""
    query = func.search_query(phrase, language or DEFAULT_LANGUAGE, type_=TSQUERY)
    return (
        select(query.label("query")).cte("sought").prefix_with("MATERIALIZED", dialect="postgresql")
    )


def search(
    viewer: Viewer, phrase: str, wanted: CourseFilter
) -> tuple[Select[Course], ColumnElement[float]]:
    """Courses that match `phrase`, each with its score (0 to 2), and what that is ordered by.

    The rank within the texts counts, and how near the title is to the phrase.
    """
    sought = _sought(phrase, wanted.language)
    rank = func.ts_rank_cd(
        text("'{0.05,0.2,0.5,1.0}'"), SearchDocument.document, sought.c.query, 32
    )
    nearness = func.word_similarity(func.lower(func.unaccent(phrase)), SearchDocument.title)
    score = cast(rank + nearness, Float(53))
    query = (
        courses.visible_courses(viewer)
        .join(SearchDocument, SearchDocument.course_id == Course.id)
        .join(sought, SearchDocument.document.op("@@")(sought.c.query))
        .where(courses.listed_for(viewer))
        .options(with_expression(Course.score, score))
    )
    return _filtered(query, wanted), score


@dataclass(frozen=True, slots=True)
class Hit:
    """A course found by a search."""

    phrase: str
    language: str | None
    course_id: UUID


async def snippets(session: AsyncSession, hits: Sequence[Hit]) -> list[str]:
    """Cut the place that matters from each course's text; what was found is between marks."""
    columns = (
        literal([hit.phrase for hit in hits], ARRAY(Text)),
        literal([hit.language or DEFAULT_LANGUAGE for hit in hits], ARRAY(Text)),
        literal([hit.course_id for hit in hits], ARRAY(Uuid)),
    )
    hit = (
        func.unnest(*columns)
        .table_valued("phrase", "language", "course_id", with_ordinality="place", name="hit")
        .render_derived()
    )
    # What to look for is worked out once a search, not once a hit.
    search = select(hit.c.phrase, hit.c.language).distinct().subquery()
    query = func.search_query(search.c.phrase, search.c.language, type_=TSQUERY).label("query")
    sought = select(search.c.phrase, search.c.language, query).cte("sought")
    sought = sought.prefix_with("MATERIALIZED", dialect="postgresql")
    headline = func.ts_headline(
        literal("plain").op("::")(text("regconfig")),
        SearchDocument.body,
        sought.c.query,
        _HEADLINE,
    )
    rows = await session.execute(
        select(hit.c.place, headline.label("headline"))
        .select_from(hit)
        .join(
            sought,
            tuple_(sought.c.phrase, sought.c.language) == tuple_(hit.c.phrase, hit.c.language),
        )
        .join(SearchDocument, SearchDocument.course_id == hit.c.course_id)
    )
    found = {row.place: row.headline for row in rows}
    return [found.get(place, "") for place, _ in enumerate(hits, 1)]


# One statement for any number of courses: seeding indexes thousands at once.
_INDEX = text(
    r"""
    WITH texts AS (
        SELECT c.id, c.language, c.title, c.summary,
            replace(replace(replace(regexp_replace(c.description_html, '(<[^>]*>|\s)+', ' ', 'g'),
                '&lt;', '<'), '&gt;', '>'), '&amp;', '&') AS description,
            coalesce((
                SELECT string_agg(l.title, ' · ' ORDER BY l.ordinal) FROM version_lessons l
                WHERE l.version_id = c.latest_version_id), '') AS lessons
        FROM courses c WHERE c.id = ANY(:ids) AND c.status = 'PUBLISHED'
    )
    INSERT INTO search_documents (course_id, title, body, document)
    SELECT id, lower(unaccent(title)), translate(concat_ws(' · ', nullif(summary, ''),
            nullif(lessons, ''), nullif(trim(description), '')), :marks, ''),
        setweight(search_vector(language, title), 'A')
            || setweight(search_vector(language, summary), 'B')
            || setweight(search_vector(language, lessons), 'C')
            || setweight(search_vector(language, left(description, 100000)), 'D')
    FROM texts
    ON CONFLICT (course_id) DO UPDATE
    SET title = excluded.title, body = excluded.body, document = excluded.document
    """
)
# No more of a text than `_INDEX` reads, so that each word is also found in the document.
_LEARN_WORDS = text(
    """
    INSERT INTO search_words (word)
    SELECT DISTINCT lexeme FROM search_documents d
        JOIN courses c ON c.id = d.course_id,
        unnest(to_tsvector('plain', c.title || ' ' || c.summary || ' ' || left(d.body, 100000)))
    WHERE d.course_id = ANY(:ids) AND c.visibility = 'PUBLIC'
        AND length(lexeme) BETWEEN 3 AND 60 AND lexeme !~ '[0-9/.@]'
    ON CONFLICT DO NOTHING
    """
)
_WORDS = text(
    """
    SELECT DISTINCT word FROM search_documents d, unnest(tsvector_to_array(d.document)) lexeme
        JOIN search_words ON word = lexeme
    WHERE d.course_id = ANY(:ids)
    """
)
# Most words of a course that is still there are still in it: only for the others is it looked.
_FORGET_WORDS = text(
    r"""
    WITH kept AS MATERIALIZED (
        SELECT lexeme FROM search_documents d JOIN courses c ON c.id = d.course_id,
            unnest(tsvector_to_array(d.document)) lexeme
        WHERE d.course_id = ANY(:ids) AND c.visibility = 'PUBLIC'
    )
    DELETE FROM search_words w
    WHERE word IN (SELECT unnest(CAST(:words AS text[])) EXCEPT SELECT lexeme FROM kept)
        AND NOT EXISTS (
            SELECT FROM search_documents d JOIN courses c ON c.id = d.course_id
            WHERE c.visibility = 'PUBLIC' AND d.document @@
                ('''' || replace(replace(w.word, '\', '\\'), '''', '''''') || '''')::tsquery)
    """
)


async def index_courses(session: AsyncSession, ids: Sequence[UUID]) -> None:
    """Make the published ones of these courses findable as they now are."""
    await session.flush()
    words = await _words_of(session, ids)
    await session.execute(_INDEX, {"ids": list(ids), "marks": MARK_START + MARK_END})
    await session.execute(_LEARN_WORDS, {"ids": list(ids)})
    await _forget(session, ids, words)


async def unindex_course(session: AsyncSession, course_id: UUID) -> None:
    words = await _words_of(session, [course_id])
    await session.execute(delete(SearchDocument).where(SearchDocument.course_id == course_id))
    await _forget(session, [course_id], words)


async def _words_of(session: AsyncSession, ids: Sequence[UUID]) -> Sequence[str]:
    """Find the known words that these courses are indexed with so far.

    One transaction at a time learns and forgets: one that forgets a word must see who else has it.
    """
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtext("search_words"))))
    return (await session.scalars(_WORDS, {"ids": list(ids)})).all()


async def _forget(session: AsyncSession, ids: Sequence[UUID], words: Sequence[str]) -> None:
    """Forget those words that no public course has any more: a misspelling is known no longer."""
    if words:
        await session.execute(_FORGET_WORDS, {"ids": list(ids), "words": list(words)})
