"""The baseline's SQL."""

from html import escape

from subgraphs.courses.repository.search import MARK_END, MARK_START

NAMES = "SELECT id, name FROM users WHERE id = ANY($1) AND deactivated_at IS NULL"

_CARD = """
    c.id, c.slug, c.title, c.summary, c.language, c.level, c.is_free, c.rating, c.review_count,
    c.lesson_count, c.instructor_ids, g.name AS category_name
"""

COURSE = f"""
    SELECT {_CARD}, c.description_html, coalesce(e.version_id, c.latest_version_id) AS version_id
    FROM courses c
    LEFT JOIN categories g ON g.id = c.category_id
    LEFT JOIN entitlements e ON e.course_id = c.id AND e.user_id = $2 AND e.active
    WHERE c.slug = $1 AND c.status <> 'DRAFT' AND (e.user_id IS NOT NULL
        OR c.status = 'PUBLISHED' AND (c.visibility = 'PUBLIC' OR c.organization_id = ANY($3)))
"""  # noqa: S608, our own column names
LESSONS = """
    SELECT lesson_id, title, kind, duration_minutes, is_preview, module_id, module_title
    FROM version_lessons WHERE version_id = $1 ORDER BY ordinal
"""

_PAGE = f"""
    SELECT {_CARD} FROM courses c LEFT JOIN categories g ON g.id = c.category_id
    WHERE c.status = 'PUBLISHED' AND (c.visibility = 'PUBLIC' OR c.organization_id = ANY($1))
    ORDER BY %s LIMIT 21
"""  # noqa: S608
CATALOGUE = {
    "POPULAR": _PAGE % "c.enrollment_count DESC, c.id DESC",
    "NEWEST": _PAGE % "c.listed_at DESC, c.id DESC",
    "RATING": _PAGE % "c.rating DESC, c.review_count DESC, c.id DESC",
    "TITLE": _PAGE % "c.title, c.id",
}

SEARCH = """
    WITH sought AS MATERIALIZED (SELECT search_query($1, 'en') AS query)
    SELECT c.id, c.slug, c.title, c.language, c.rating, c.review_count,
        (ts_rank_cd('{0.05,0.2,0.5,1.0}', d.document, s.query, 32)
            + word_similarity(lower(unaccent($1)), d.title))::float8 AS score
    FROM sought s JOIN search_documents d ON d.document @@ s.query
    JOIN courses c ON c.id = d.course_id
    WHERE c.status = 'PUBLISHED' AND (c.visibility = 'PUBLIC' OR c.organization_id = ANY($2))
    ORDER BY score DESC, c.id LIMIT 21
"""
SNIPPETS = f"""
    WITH sought AS MATERIALIZED (SELECT search_query($1, 'en') AS query)
    SELECT d.course_id, ts_headline('plain'::regconfig, d.body, s.query,
        'StartSel={MARK_START},StopSel={MARK_END},MaxWords=30,MinWords=12,MaxFragments=1')
    FROM sought s, search_documents d WHERE d.course_id = ANY($2)
"""  # noqa: S608


def marked(snippet: str) -> str:
    return escape(snippet).replace(MARK_START, "<mark>").replace(MARK_END, "</mark>")


_STANDING = """
    SELECT e.*, v.lesson_ids, v.rules, c.sequential
    FROM enrollments e
    JOIN course_versions v ON v.version_id = e.version_id
    JOIN courses c ON c.course_id = e.course_id
"""
STANDING = f"{_STANDING} WHERE e.user_id = $1 AND e.course_id = $2 AND e.status <> 'REVOKED'"
LOCK = f"{_STANDING} WHERE e.id = $1 AND e.user_id = $2 AND e.status <> 'REVOKED' FOR UPDATE OF e"
DASHBOARD = f"""
    {_STANDING} WHERE e.user_id = $1 AND e.status <> 'REVOKED'
    ORDER BY e.enrolled_at DESC, e.id DESC LIMIT 21
"""
COURSE_TITLES = "SELECT id, slug, title FROM courses WHERE id = ANY($1)"
LESSON_TITLES = """
    SELECT l.lesson_id, l.title
    FROM entitlements e JOIN version_lessons l ON l.version_id = e.version_id
    WHERE e.user_id = $1 AND l.lesson_id = ANY($2)
"""

# The log, the event and the projection in one statement. The event counts as sent: delivering it is
# what the product does beyond this.
_CHANGE = """
    WITH logged AS (
        INSERT INTO progress_events (enrollment_id, seq, kind, occurred_at, actor_id, lesson_id)
        SELECT id, version + 1, '{kind}', now(), $3, $2 FROM enrollments WHERE id = $1
    ), told AS (
        INSERT INTO outbox (topic, type, version, tenant_id, aggregate_id, aggregate_seq, actor_id,
            data, sent_at)
        SELECT 'learning', 'learning.{type}', 1, organization_id, id, version + 1, $3,
            json_build_object('enrollmentId', id, 'userId', user_id, 'courseId', course_id,
                'lessonId', $2)::text, now()
        FROM enrollments WHERE id = $1
    )
    UPDATE enrollments SET version = version + 1, {change} WHERE id = $1
    RETURNING id, status, percent_complete, completed_count
"""
COMPLETE = _CHANGE.format(
    kind="LESSON_COMPLETED",
    type="lesson_completed",
    change="""completed_lesson_ids = array_append(completed_lesson_ids, $2),
        lesson_completed_at = array_append(lesson_completed_at, now())""",
)
UNCOMPLETE = _CHANGE.format(
    kind="LESSON_UNCOMPLETED",
    type="lesson_uncompleted",
    change="""completed_lesson_ids = array_remove(completed_lesson_ids, $2),
        lesson_completed_at = trim_array(lesson_completed_at, 1)""",
)
