from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from subgraphs.courses.models import Course, SearchWord
from subgraphs.courses.repository import search
from subgraphs.kernel.auth import ANONYMOUS
from subgraphs.kernel.db import Database
from tests.courses import shelves, studio
from tests.courses.people import Person

SEARCH = """query ($query: String!, $filter: CourseFilter, $first: Int, $after: String) {
  searchCourses(query: $query, filter: $filter, first: $first, after: $after) {
    nodes { course { slug } score snippet } pageInfo { endCursor hasNextPage } totalCount } }"""


async def found(person: Person, query: str, **wanted: Any) -> list[str]:
    answer = await person.send(SEARCH, query=query, filter=wanted)
    return [hit["course"]["slug"] for hit in answer["searchCourses"]["nodes"]]


@pytest.fixture
async def library(author: Person, school: UUID) -> None:
    await studio.published(
        author,
        school,
        {"One": ["Closures and callbacks"]},
        slug="js",
        title="JavaScript for beginners",
        summary="Your first steps on the web.",
        description="With a **promise** of <b>async</b> & more.",
    )
    await studio.published(
        author,
        school,
        {"One": ["Running a script"]},
        slug="py",
        title="Python",
        summary="A language for scientists, and for those who know JavaScript.",
    )
    await studio.published(
        author,
        school,
        {"One": ["Die Häuser"]},
        slug="de",
        title="Über Architektur",
        language="de-AT",
    )
    await studio.published(author, school, slug="secret", title="JavaScript", visibility="PRIVATE")
    await studio.draft(author, school, slug="draft", title="JavaScript")


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ("JavaScript", ["js", "py"]),
        ("javscript", ["js", "py"]),
        ("javascirpt", ["js", "py"]),
        ("pyhton", ["py"]),
        ("pythn", ["py"]),
        ("java", ["js", "py"]),
        ("javascript beginner", ["js"]),
        ("the javascript", ["js", "py"]),
        ("callback", ["js"]),
        ("closure", ["js"]),
        ("clozures", ["js"]),
        ("promises", ["js"]),
        ("run", ["py"]),
        ("uber", ["de"]),
        ("Über", ["de"]),
        ("haeuser", ["de"]),
        ("hauser", ["de"]),
        ("architecktur", ["de"]),
        ("quantum", []),
        ("!!!", []),
        ("'; DROP TABLE courses; --", []),
        ("java & | ! <-> :* ( '", ["js", "py"]),
    ],
)
@pytest.mark.usefixtures("library")
async def test_search_forgives(anyone: Person, query: str, slugs: list[str]) -> None:
    assert await found(anyone, query) == slugs


@pytest.mark.usefixtures("library")
async def test_search_finds_what_is_open_to_the_viewer(
    anyone: Person, author: Person, school: UUID
) -> None:
    assert sorted(await found(anyone, "javascript")) == ["js", "py"]
    assert sorted(await found(author, "javascript")) == ["js", "py", "secret"]
    assert await found(anyone, "javascript", organizationId=str(school), language="de") == []
    assert await found(anyone, "Häuser", language="de-at") == ["de"]


async def test_search_follows_the_course(anyone: Person, author: Person, school: UUID) -> None:
    made = await studio.published(author, school, slug="it", title="Knitting")
    assert await found(anyone, "knitting") == ["it"]

    await author.mutate("updateCourse", course_id=made.id, title="Crochet")
    assert await found(anyone, "knitting") == []
    assert await found(anyone, "crochet") == ["it"]

    await studio.add_lesson(author, made.modules["One"], "Mittens")
    assert await found(anyone, "mittens") == []
    await studio.publish(author, made)
    assert await found(anyone, "mittens") == ["it"]

    await author.mutate("archiveCourse", course_id=made.id)
    assert await found(anyone, "crochet") == []


@pytest.mark.usefixtures("library")
async def test_a_snippet_marks_what_was_found_and_is_safe(
    anyone: Person, statements: list[str]
) -> None:
    statements.clear()
    answer = (await anyone.send(SEARCH, query="promis async"))["searchCourses"]

    [hit] = answer["nodes"]
    assert hit["snippet"] == (
        "Your first steps on the web. · Closures and callbacks · "
        "With a <mark>promise</mark> of <mark>async</mark> &amp; more"
    )
    assert 0 < hit["score"] < 2
    assert len(statements) == 3  # the page, the snippets, and the count since it is asked for


@pytest.mark.usefixtures("library")
async def test_the_snippets_of_several_searches_are_one_select(
    anyone: Person, statements: list[str]
) -> None:
    sought = ("promise", "closures", "nonsense")
    id = "query ($query: String!) { searchCourses(query: $query) { nodes { course { id } } } }"
    [found] = (await anyone.send(id, query="promise"))["searchCourses"]["nodes"]
    hits = [search.Hit(phrase, "en", UUID(found["course"]["id"])) for phrase in sought]
    statements.clear()

    cut = await anyone.context.loaders.snippet.load_many(
        [*hits, search.Hit("promise", None, uuid4())]
    )

    marked = [
        snippet.partition(search.MARK_START)[2].partition(search.MARK_END)[0] for snippet in cut
    ]
    assert marked == ["promise", "Closures", "", ""]
    assert len(statements) == 1


async def test_a_snippet_carries_no_markup(anyone: Person, author: Person, school: UUID) -> None:
    await studio.published(author, school, summary="attack <img src=x onerror=alert(1)> \ue000")

    hit = (await anyone.send(SEARCH, query="attack"))["searchCourses"]["nodes"][0]

    assert "<mark>attack</mark> &lt;img src=x onerror=alert(1)&gt;" in hit["snippet"]
    assert hit["snippet"].count("<") == 2


async def test_pages_of_hits_follow_each_other(anyone: Person, db: Database, school: UUID) -> None:
    await shelves.fill(db, school, 300)
    whole = (await anyone.send(SEARCH, query="bala", first=100))["searchCourses"]
    scores = [hit["score"] for hit in whole["nodes"]]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == whole["totalCount"] > 10

    paged: list[Any] = []
    after = None
    while True:
        page = (await anyone.send(SEARCH, query="bala", first=4, after=after))["searchCourses"]
        paged += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert [hit["course"] for hit in paged] == [hit["course"] for hit in whole["nodes"]]


@pytest.mark.parametrize("query", ["", "   ", "x" * 201, "\0"])
async def test_a_phrase_that_is_none_is_refused(anyone: Person, query: str) -> None:
    assert await anyone.codes(SEARCH, query=query) == ["INVALID_INPUT"]


async def test_search_reads_its_indexes(
    db: Database, author: Person, anyone: Person, school: UUID
) -> None:
    await shelves.fill(db, school, 3_000)
    await studio.published(author, school, slug="js", title="JavaScript")

    assert await found(anyone, "javscript") == ["js"]
    query, score = search.search(ANONYMOUS, "javscript", search.CourseFilter())
    explained = await shelves.plan(
        db, query.with_only_columns(Course.id).order_by(score.desc(), Course.id.desc()).limit(21)
    )
    assert "ix_search_documents_document" in explained, explained
    assert "Seq Scan on courses" not in explained, explained
    assert "Seq Scan on search_documents" not in explained, explained
    near = text("SELECT word FROM search_words WHERE word % 'javscript'")
    assert "ix_search_words_similar" in await shelves.plan(db, near)


async def test_a_search_says_what_for_once(anyone: Person) -> None:
    assert await anyone.codes(SEARCH, query="a", filter={"search": "b"}) == ["INVALID_INPUT"]


async def known(db: Database, *words: str) -> list[str]:
    """Which of these words misspelt ones are compared with."""
    query = select(SearchWord.word).where(SearchWord.word.in_(words)).order_by(SearchWord.word)
    async with db.read() as session:
        return list(await session.scalars(query))


async def test_a_misspelling_that_was_corrected_is_forgiven_again(
    anyone: Person, author: Person, school: UUID, db: Database
) -> None:
    await studio.published(author, school, slug="js", title="JavaScript")
    made = await studio.published(author, school, slug="wrong", title="Javscript o'clock")
    assert await found(anyone, "javscript") == ["wrong"]

    await author.mutate("updateCourse", course_id=made.id, title="Cooking o'clock")

    assert await known(db, "javascript", "javscript", "cooking", "clock") == [
        "clock",
        "cooking",
        "javascript",
    ]
    assert await found(anyone, "javscript") == ["js"]


async def test_words_of_private_courses_change_nobody_elses_search(
    anyone: Person, author: Person, school: UUID, db: Database
) -> None:
    await studio.published(author, school, slug="js", title="JavaScript")
    hidden = await studio.published(
        author, school, slug="hidden", title="Javscript", visibility="PRIVATE"
    )
    assert await known(db, "javscript") == []
    assert await found(anyone, "javscript") == ["js"]
    assert sorted(await found(author, "javscript")) == ["hidden", "js"]

    await author.mutate("updateCourse", course_id=hidden.id, visibility="PUBLIC")
    assert await known(db, "javscript") == ["javscript"]

    await author.mutate("updateCourse", course_id=hidden.id, visibility="PRIVATE")
    assert await known(db, "javscript") == []


async def test_a_word_is_known_for_as_long_as_a_course_has_it(
    author: Person, school: UUID, db: Database
) -> None:
    first = await studio.published(author, school, title="Marquetry", description="Intarsia")
    second = await studio.published(author, school, title="Wood", summary="With marquetry.")

    await author.mutate("archiveCourse", course_id=first.id)
    assert await known(db, "marquetry", "intarsia") == ["marquetry"]

    await author.mutate("archiveCourse", course_id=second.id)
    assert await known(db, "marquetry") == []

    await studio.publish(author, first)
    assert await known(db, "marquetry", "intarsia") == ["intarsia", "marquetry"]


async def test_what_many_courses_say_is_forgotten_with_few_statements(
    author: Person, school: UUID, db: Database, statements: list[str]
) -> None:
    await shelves.fill(db, school, 3_000)
    made = await studio.published(author, school, title="Marquetry")
    statements.clear()

    await author.mutate("archiveCourse", course_id=made.id)

    assert sum("search_words" in statement for statement in statements) == 2
    assert await known(db, "marquetry") == []
