"""Markdown to HTML that is safe to show: rendered, then stripped of all that is not listed here."""

import asyncio
from collections.abc import Sequence
from html import unescape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

_HEADINGS = {f"h{level}": f"h{min(level + 1, 6)}" for level in range(1, 7)}
MAX_LANGUAGE = 40
_ALIGNMENTS = {"left", "center", "right"}
_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h2", "h3", "h4", "h5", "h6", "hr",
    "img", "kbd", "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td",
    "th", "thead", "tr", "ul",
}  # fmt: skip


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Keep the class that names a code block's language, and no other; pictures load lazily."""
    if name == "class":
        language = value.removeprefix("language-")
        fit = tag == "code" and value.startswith("language-") and len(language) <= MAX_LANGUAGE
        return value if fit and all(c.isalnum() or c in "+-#." for c in language) else None
    return value


_cleaner = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={"script", "style", "template", "noscript", "iframe", "svg", "math"},
    attributes={
        "*": set(),
        "a": {"href", "title"},
        "code": {"class"},
        "img": {"src", "alt", "title", "width", "height"},
        "ol": {"start"},
    },
    tag_attribute_values={"td": {"align": _ALIGNMENTS}, "th": {"align": _ALIGNMENTS}},
    set_tag_attribute_values={"img": {"loading": "lazy"}},
    attribute_filter=_attribute,
    link_rel="nofollow noopener",
    url_schemes={"http", "https", "mailto"},
)


def _align(tokens: Sequence[Token]) -> None:
    """Say a cell's alignment without CSS, which is not let through."""
    for token in tokens:
        style = str(token.attrs.pop("style", ""))
        if style.startswith("text-align:"):
            token.attrs["align"] = style.removeprefix("text-align:")


def _lower_headings(tokens: Sequence[Token]) -> None:
    """Leave the first level to the page: what a text calls its title stands below that."""
    for token in tokens:
        token.tag = _HEADINGS.get(token.tag, token.tag)


# Raw HTML in a text is let in, for the sanitiser to decide: real lessons use <kbd> and <img>.
_renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def render(markdown: str) -> str:
    """Return the HTML of `markdown`: no script, no style, no frame, no form, no foreign scheme.

    What is stored and shown is only ever this; there is no way around it.
    """
    environment: dict[str, Any] = {}
    tokens = _renderer.parse(markdown, environment)
    _align(tokens)
    _lower_headings(tokens)
    return _cleaner.clean(_renderer.renderer.render(tokens, _renderer.options, environment))


async def render_aside(texts: Sequence[str]) -> list[str]:
    """Render texts in a thread, one after another, while the loop serves others.

    A long one takes seconds: hold neither a lock nor a connection meanwhile.
    """
    return [await asyncio.to_thread(render, text) for text in texts]


def plain(html: str) -> str:
    """Return the text of `html`, for full-text search; it is not fit to be shown as HTML."""
    return unescape(nh3.clean(html, tags=set()))
