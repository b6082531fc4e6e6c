"""What authors store is shown to learners: none of it runs, in a real browser."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page

from tests.courses.test_markdown import CORPUS
from tests.support.api import eventually
from tests.support.browser import open_page
from tests.support.campus import Campus, enroll

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
WATCH = """() => {
  window.fired = [];
  for (const name of ['alert', 'confirm', 'prompt', 'f'])
    window[name] = () => window.fired.push(name);
}"""


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with open_page() as page:
        yield page


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
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await page.goto(f"{campus.url}/schema.graphql")
    await page.set_content("<!doctype html><title>A lesson</title><body></body>")
    await page.evaluate(WATCH)
    before = page.url
    dangerous = [await page.evaluate(SHOW, html) for html in await stored(campus)]
    await page.wait_for_load_state("networkidle")

    assert await page.evaluate("window.fired") == []
    assert dialogs == []
    assert sum(dangerous) == 0
    assert page.url == before
    assert page.context.pages == [page]


async def test_the_browser_would_have_run_them(page: Page) -> None:
    """Without this the test above would pass in a browser that runs nothing."""
    await page.set_content("<!doctype html><body></body>")
    await page.evaluate(WATCH)
    for attack in ("<img src=x onerror=alert(1)>", "<a href='javascript:f()'>x</a>"):
        await page.evaluate(SHOW, attack)
    await page.wait_for_function("window.fired.length > 1")
    assert set(await page.evaluate("window.fired")) == {"alert", "f"}
