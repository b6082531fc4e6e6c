"""What authors store is shown to learners: none of it runs, in a real browser."""

import html
import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page

from subgraphs.users.service.texts import MAX_NAME
from tests.courses.test_markdown import CORPUS
from tests.support.api import Api, eventually
from tests.support.browser import open_page
from tests.support.campus import Campus, enroll

MARKS = "\ue000<img src=x onerror=alert(1)>\ue001"
"""The characters that stand around what a search found, before they become HTML."""

INSIDE_TAGS = ("onerror", "alert", "script", "javascript", "img")
"""Words to search for that are marked in the middle of a tag."""

PAGE = """query ($slug: String!) { course(slug: $slug) { title summary description
  modules { title lessons { title content } }
  reviews { nodes { text author { name bio } } } } }"""
SHOW = """html => {
  const frame = document.createElement('div');
  document.body.append(frame);
  frame.innerHTML = html;
  for (const part of frame.querySelectorAll('*')) {
    for (const name of ['focus', 'mouseover', 'mouseenter', 'error', 'load', 'toggle', 'click'])
      part.dispatchEvent(new Event(name, {bubbles: true, cancelable: true}));
    part.focus?.();
    if (part.matches('a[href]') && !/^https?:/.test(part.href)) part.click();
  }
  return frame.querySelectorAll('script,iframe,object,embed,form,style,svg,math,base,meta').length;
}"""
OTHERS = """() => [...document.body.lastElementChild.firstElementChild.querySelectorAll('*')]
  .map(part => part.outerHTML).filter(text => !/^<mark>[^<>]*<.mark>$/.test(text))"""
WATCH = """() => {
  window.fired = [];
  for (const name of ['alert', 'confirm', 'prompt', 'f'])
    window[name] = () => window.fired.push(name);
}"""


SHOWN = """() => {
  const shown = document.body.lastElementChild.firstElementChild;
  return [shown.childElementCount, shown.textContent, shown.title];
}"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with open_page() as page:
        yield page


async def prepare(page: Page, campus: Campus) -> list[str]:
    """Open an empty page of the site that notes what runs in it; returns the dialogs to come."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await page.goto(f"{campus.url}/schema.graphql")
    await page.set_content("<!doctype html><title>A lesson</title><body></body>")
    await page.evaluate(WATCH)
    return dialogs


async def assert_nothing_ran(page: Page, dialogs: list[str], before: str) -> None:
    await page.wait_for_load_state("networkidle")
    assert await page.evaluate("window.fired") == []
    assert dialogs == []
    assert page.url == before
    assert page.context.pages == [page]


async def stored(campus: Campus) -> list[str]:
    """Store the corpus wherever text is taken; returns all HTML that comes back for it."""
    attacks = [*CORPUS, "\n\n".join(CORPUS), "\n".join(CORPUS)]
    instructor, course = await campus.course(
        lessons=0,
        publish=False,
        summary=CORPUS[3],
        description="\n\n".join(CORPUS),
        title=CORPUS[0],
    )
    module = await instructor.do("addModule", "module { id }", courseId=course.id, title=CORPUS[3])
    for number, attack in enumerate(attacks):
        added = await instructor.do(
            "addLesson",
            moduleId=module["module"]["id"],
            title=f"{CORPUS[3]} {number}",
            kind="TEXT",
            markdown=attack,
        )
        assert added["__typename"] == "AddLessonSuccess"
    await instructor.do("publishCourse", courseId=course.id)
    learner = await campus.person("Lea")
    await enroll(learner, course.id)

    async def everything() -> Any:
        found = (await learner.ask(PAGE, slug=course.slug))["course"]
        lessons = [lesson for part in found["modules"] for lesson in part["lessons"]]
        return (
            (found, lessons) if all(lesson["content"] is not None for lesson in lessons) else None
        )

    found, lessons = await eventually(everything)
    assert len(lessons) == len(attacks)
    # Text is given back as it was written: whoever shows it as HTML is at fault.
    assert found["title"] == CORPUS[0]
    return [found["description"], *(lesson["content"] for lesson in lessons)]


async def test_nothing_stored_runs_in_a_browser(campus: Campus, page: Page) -> None:
    dialogs, before = await prepare(page, campus), page.url
    dangerous = [await page.evaluate(SHOW, shown) for shown in await stored(campus)]
    await assert_nothing_ran(page, dialogs, before)
    assert sum(dangerous) == 0


async def reviews(campus: Campus) -> list[tuple[str, str]]:
    """Store the corpus as the text of reviews; what was written, and what others read of it."""
    _, course = await campus.course(lessons=1)
    learner, _ = await campus.enrolled(course)
    read = "query ($id: UUID!) { course(id: $id) { reviews { nodes { text } } } }"
    texts = []
    for attack in (*CORPUS, "\n".join(CORPUS)[:5_000]):
        await eventually(partial(_reviewed, learner, course.id, attack))
        found = await campus.visitor().ask(read, id=course.id)
        [review] = found["course"]["reviews"]["nodes"]
        texts.append((attack.strip(), review["text"]))
    return texts


async def _reviewed(learner: Api, course_id: str, text: str) -> bool:
    """Whether a review was taken: courses hears of an enrolment a moment after learning."""
    done = await learner.do("reviewCourse", courseId=course_id, rating=1, text=text)
    assert done.get("code", "NOT_ENROLLED") == "NOT_ENROLLED", done
    return bool(done["__typename"] == "ReviewCourseSuccess")


async def profiles(campus: Campus, field: str) -> list[tuple[str, str]]:
    """Store the corpus as a name or a bio, as far as it is taken; and what others read of it."""
    person = await campus.person("Mallory")
    read = "query ($id: UUID!) { user(id: $id) { name bio } }"
    texts = []
    for attack in CORPUS:
        done = await person.do("updateProfile", **{field: attack})
        if done["__typename"] == "UpdateProfileSuccess":
            found = await campus.visitor().ask(read, id=person.user_id)
            texts.append((attack.strip(), found["user"][field]))
        else:
            assert (field, done["code"]) == ("name", "INVALID_INPUT")
            assert len(attack) > MAX_NAME or "\t" in attack
    return texts


@pytest.mark.parametrize("what", ["reviews", "name", "bio"])
async def test_plain_text_is_stored_as_it_is_and_shown_as_text(
    campus: Campus, page: Page, what: str
) -> None:
    """As text and as an attribute, escaped once: what comes was neither cut nor escaped before."""
    dialogs, before = await prepare(page, campus), page.url
    texts = await (reviews(campus) if what == "reviews" else profiles(campus, what))
    assert len(texts) >= len(CORPUS) - 5
    for written, read in texts:
        assert read == written
        shown = html.escape(read)
        assert await page.evaluate(SHOW, f'<p title="{shown}">{shown}</p>') == 0
        assert await page.evaluate(SHOWN) == [0, read, read]
    await assert_nothing_ran(page, dialogs, before)


def word(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:03}")


async def snippets(campus: Campus) -> list[str]:
    """Store the corpus where searches look; the snippets that show the place of each attack."""
    unique = "q" + "".join(chr(ord("g") + int(digit, 16)) for digit in uuid4().hex[:8])
    instructor, course = await campus.course(
        lessons=0,
        publish=False,
        summary=f"{unique}summary {CORPUS[3]}",
        description="\n\n".join(CORPUS),
        title=f"{unique} {CORPUS[0]}",
    )
    module = await instructor.do("addModule", "module { id }", courseId=course.id, title="Start")
    attacks = {f"{unique}{word(number)}": text for number, text in enumerate([*CORPUS, MARKS])}
    for name, attack in attacks.items():
        added = await instructor.do(
            "addLesson",
            moduleId=module["module"]["id"],
            title=f"{name} {attack}",
            kind="TEXT",
            markdown=attack,
        )
        assert added["__typename"] == "AddLessonSuccess"
    await instructor.do("publishCourse", courseId=course.id)
    visitor = campus.visitor()
    sought = [*attacks, f"{unique}summary", *(f"{unique} {inside}" for inside in INSIDE_TAGS)]
    found = []
    for phrase in sought:
        search = (
            "query ($q: String!) { searchCourses(query: $q) { nodes { course { id } snippet } } }"
        )
        hits = (await visitor.ask(search, q=phrase))["searchCourses"]["nodes"]
        [snippet] = [hit["snippet"] for hit in hits if hit["course"]["id"] == course.id]
        found.append(snippet)
    return found


async def test_nothing_runs_in_what_a_search_finds(campus: Campus, page: Page) -> None:
    dialogs, before = await prepare(page, campus), page.url
    found = await snippets(campus)
    assert len(found) == len(CORPUS) + 1 + 1 + len(INSIDE_TAGS)
    # The parser of the search takes what looks like a tag for one, so not every place is shown.
    assert sum("<mark>" in snippet for snippet in found) > len(found) / 2
    assert sum("onerror=" in re.sub("</?mark>", "", it) for it in found) > len(found) / 4
    for snippet in found:
        bare = re.sub("<mark>([^<>]*)</mark>", r"\1", snippet)
        assert not set("<>\"'\ue000\ue001") & set(bare), snippet
        assert await page.evaluate(SHOW, f"<p>{snippet}</p>") == 0
        assert await page.evaluate(OTHERS) == []
    await assert_nothing_ran(page, dialogs, before)


async def test_the_browser_would_have_run_them(page: Page) -> None:
    """Without this the test above would pass in a browser that runs nothing."""
    await page.set_content("<!doctype html><body></body>")
    await page.evaluate(WATCH)
    for attack in ("<img src=x onerror=alert(1)>", "<a href='javascript:f()'>x</a>"):
        await page.evaluate(SHOW, attack)
    await page.wait_for_function("window.fired.length > 1")
    assert set(await page.evaluate("window.fired")) == {"alert", "f"}
