"""Full-text search: words, their stems, and those that are spelt nearly so."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in _BEFORE:
        op.execute(statement)
    op.create_table(
        "search_words",
        sa.Column("word", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_search_words")),
    )
    op.create_index(
        "ix_search_words_similar",
        "search_words",
        ["word"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    op.create_table(
        "search_documents",
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("document", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["course_id"],
            ["courses.id"],
            name=op.f("fk_search_documents_course_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("course_id", name=op.f("pk_search_documents")),
    )
    op.create_index(
        "ix_search_documents_document",
        "search_documents",
        ["document"],
        unique=False,
        postgresql_using="gin",
    )
    for statement in _AFTER:
        op.execute(statement)


_BEFORE = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE EXTENSION IF NOT EXISTS unaccent",
    "CREATE EXTENSION IF NOT EXISTS fuzzystrmatch",
    "SELECT similarity('', '')",  # loads the library, so that its settings are known below
    # Words as they are, without case and accents: for languages that Postgres does not know, and
    # beside the stems of those it does.
    "CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple)",
    "ALTER TEXT SEARCH CONFIGURATION plain"
    " ALTER MAPPING FOR hword, hword_part, word WITH unaccent, simple",
)

_AFTER = (
    # The configuration for a BCP 47 tag.
    """
    CREATE FUNCTION search_config(language text) RETURNS regconfig LANGUAGE sql IMMUTABLE AS $$
        SELECT (CASE split_part(lower(language), '-', 1)
            WHEN 'ar' THEN 'arabic' WHEN 'da' THEN 'danish' WHEN 'de' THEN 'german'
            WHEN 'el' THEN 'greek' WHEN 'en' THEN 'english' WHEN 'es' THEN 'spanish'
            WHEN 'fi' THEN 'finnish' WHEN 'fr' THEN 'french' WHEN 'hu' THEN 'hungarian'
            WHEN 'id' THEN 'indonesian' WHEN 'it' THEN 'italian' WHEN 'nb' THEN 'norwegian'
            WHEN 'nl' THEN 'dutch' WHEN 'no' THEN 'norwegian' WHEN 'pt' THEN 'portuguese'
            WHEN 'ro' THEN 'romanian' WHEN 'ru' THEN 'russian' WHEN 'sv' THEN 'swedish'
            WHEN 'tr' THEN 'turkish' ELSE 'plain'
        END)::regconfig
    $$
    """,
    # The stems and the very words of a text, both: a search need not know the text's language.
    """
    CREATE FUNCTION search_vector(language text, source text) RETURNS tsvector
    LANGUAGE sql STABLE AS $$
        SELECT to_tsvector(search_config(language), source) || to_tsvector('plain', source)
    $$
    """,
    # What to look for: every word (the last may be unfinished), its stem, and, where no public course
    # has that word, those that are spelt nearly so.
    r"""
    CREATE FUNCTION search_query(phrase text, language text) RETURNS tsquery
    LANGUAGE plpgsql STABLE SET pg_trgm.similarity_threshold = 0.25 AS $$
    DECLARE
        term record; near record; quoted text; stem tsquery; wanted tsquery; found tsquery;
    BEGIN
        FOR term IN
            SELECT lexeme AS word, positions[1] = max(positions[1]) OVER () AS is_last
            FROM unnest(to_tsvector('plain', phrase)) ORDER BY positions[1] LIMIT 8
        LOOP
            stem := plainto_tsquery(search_config(language), term.word);
            CONTINUE WHEN numnode(stem) = 0;  -- a word as common as "the"
            quoted := $q$'$q$ || replace(replace(term.word, $q$\$q$, ''), $q$'$q$, $q$''$q$) || $q$'$q$;
            IF term.is_last AND length(term.word) > 2 THEN
                quoted := quoted || ':*';
            END IF;
            wanted := stem || to_tsquery('simple', quoted);
            IF length(term.word) BETWEEN 4 AND 60
                AND NOT EXISTS (SELECT FROM search_words WHERE word = term.word)
            THEN
                FOR near IN
                    SELECT word FROM search_words
                    WHERE word % term.word AND levenshtein_less_equal(word, term.word, 2)
                        <= CASE WHEN length(term.word) = 4 THEN 1 ELSE 2 END
                    ORDER BY levenshtein_less_equal(word, term.word, 2),
                        similarity(word, term.word) DESC
                    LIMIT 5
                LOOP
                    wanted := wanted || to_tsquery('simple', quote_literal(near.word));
                END LOOP;
            END IF;
            found := CASE WHEN found IS NULL THEN wanted ELSE found && wanted END;
        END LOOP;
        RETURN coalesce(found, ''::tsquery);
    END $$
    """,
)
