"""A real browser, as it comes with the system."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, async_playwright

from infra.stack import binaries

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@asynccontextmanager
async def open_page(*, width: int = 1_280, height: int = 800) -> AsyncIterator[Page]:
    """An empty page of a fresh Chromium, `width` x `height` pixels."""
    chromium = binaries.chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, chromium_sandbox=False, args=list(FLAGS)
        )
        context = await browser.new_context(viewport={"width": width, "height": height})
        yield await context.new_page()
        await browser.close()
