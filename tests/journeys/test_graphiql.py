"""GraphiQL as a newcomer meets it: in a browser, at the edge, while introspection is off."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from infra.stack import Stack
from tests.support.api import PASSWORD
from tests.support.browser import open_page
from tests.support.campus import Campus

SOON = 20_000
"""Milliseconds; a busy machine takes its time over four megabytes of editor."""


@pytest.fixture
def closed(stack: Stack) -> Iterator[None]:
    """The gateway of the shared stack without introspection, until the test is over."""
    stack.restart("gateway", {"POLYNODE_INTROSPECTION": "off"})
    yield
    stack.restart("gateway")


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with open_page() as page:
        page.set_default_timeout(SOON)
        yield page


async def run(page: Page) -> None:
    await page.get_by_role("button", name="Execute query").click()


async def paste(page: Page, editor: str, text: str) -> None:
    """Replace what an editor holds; typed, it would get quotes and brackets closed for it."""
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.evaluate("text => navigator.clipboard.writeText(text)", text)
    await page.locator(editor).click()
    await page.keyboard.press("Control+A")
    await page.keyboard.press("Control+V")


async def log_in(page: Page, email: str) -> None:
    await page.get_by_label("E-mail").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.locator("form").get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", name="Logged in")).to_be_visible(timeout=SOON)
    await expect(page.get_by_label("Password")).to_have_value("")


@pytest.mark.usefixtures("closed")
async def test_a_newcomer_browses_logs_in_and_follows_progress(
    campus: Campus, page: Page, tmp_path: Path
) -> None:
    _, course = await campus.course(lessons=2)
    learner, enrollment_id = await campus.enrolled(course)
    requests: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("websocket", lambda socket: requests.append(socket.url))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))

    await page.goto(f"{campus.url}/graphiql")
    query, response = page.locator(".graphiql-query-editor"), page.locator(".result-window")
    await expect(query).to_contain_text("BrowseCourses", timeout=SOON)
    await run(page)
    await expect(response).to_contain_text('"slug"', timeout=SOON)

    await log_in(page, learner.email)
    await page.get_by_role("tab", name="FollowProgress").click()
    await expect(query).to_contain_text("progressUpdated", timeout=SOON)
    await page.get_by_role("button", name="Variables").click()
    # From the first event on, so it does not matter when the subscription starts.
    variables = {"enrollmentId": enrollment_id, "after": "1"}
    await paste(page, ".graphiql-editor-tool .monaco-editor >> nth=0", json.dumps(variables))
    await run(page)
    done = await learner.do(
        "completeLesson", enrollmentId=enrollment_id, lessonId=course.lesson_ids[0]
    )
    assert done["__typename"] == "CompleteLessonSuccess"
    await expect(response).to_contain_text('"percentComplete": 50', timeout=SOON)
    await page.screenshot(path=tmp_path / "graphiql.png")

    assert problems == []
    origins = {urlsplit(url).netloc for url in requests if not url.startswith(("data:", "blob:"))}
    assert origins == {urlsplit(campus.url).netloc}
    assert any(url.startswith("ws://") for url in requests)


@pytest.mark.usefixtures("closed")
async def test_the_documentation_is_there_without_introspection(campus: Campus, page: Page) -> None:
    errors = await campus.visitor().errors("{ __schema { queryType { name } } }")
    assert errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    await page.goto(f"{campus.url}/graphiql")
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await page.get_by_role("link", name="Query", exact=True).click()
    explorer = page.locator(".graphiql-doc-explorer")
    await expect(explorer).to_contain_text("searchCourses", timeout=SOON)
