"""What the chat page makes of Markdown: the right elements, nothing dangerous, and never for long."""

import time

import pytest

from chat_page import ChatPage

FORMS = {
    "plain": "<p>plain</p>",
    "a\nb\n\nc": "<p>a<br>b</p><p>c</p>",
    "**b** *i* __b__ _i_ ~~d~~ `c`": "<p><strong>b</strong> <em>i</em> <strong>b</strong> <em>i</em> "
    "<del>d</del> <code>c</code></p>",
    "**b *bi* b**": "<p><strong>b <em>bi</em> b</strong></p>",
    "2 * 3 * 4 and a_b_c and **open": "<p>2 * 3 * 4 and a_b_c and **open</p>",
    r"\*no\* \`no\` \\": r"<p>*no* `no` \</p>",
    "``a ` b`` `*a*`": "<p><code>a ` b</code> <code>*a*</code></p>",
    "# One\n## Two ##\ntext": "<h3>One</h3><h4>Two</h4><p>text</p>",
    "#no": "<p>#no</p>",
    "a\n\n---\n\nb": "<p>a</p><hr><p>b</p>",
    "> a\n> > b\n\nc": "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>",
    "- a\n- b\n  - c\n    d\n- e": "<ul><li>a</li><li>b<ul><li>c<br>d</li></ul></li><li>e</li></ul>",
    "3. a\n4. b": '<ol start="3"><li>a</li><li>b</li></ol>',
    "1. a\n\n   b\n\n2. c\n\nd": "<ol><li>a<p>b</p></li><li>c</li></ol><p>d</p>",
    "- a\n1. b": "<ul><li>a</li></ul><ol><li>b</li></ol>",
    "see:\n- a\n\ndone": "<p>see:</p><ul><li>a</li></ul><p>done</p>",
    "|a|b|\n|:-:|--:|\n|`x`|2|3|\n|\\||": '<div class="scroll" tabindex="0"><table><thead><tr>'
    '<th class="center">a</th><th class="right">b</th></tr></thead><tbody><tr><td class="center">'
    '<code>x</code></td><td class="right">2</td></tr><tr><td class="center">|</td></tr></tbody>'
    "</table></div>",
    "a | b\nno table": "<p>a | b<br>no table</p>",
    "![a](https://x.example/p.png)": '<p><a href="https://x.example/p.png" target="_blank" '
    'rel="noopener noreferrer nofollow">a</a></p>',
    "at https://x.example/a_b(c).": '<p>at <a href="https://x.example/a_b(c" target="_blank" '
    'rel="noopener noreferrer nofollow">https://x.example/a_b(c</a>).</p>',
    "[a] and [b](https://x.example/ 'title')": '<p>[a] and <a href="https://x.example/" target="_blank" '
    'rel="noopener noreferrer nofollow">b</a></p>',
    "<b>&amp;</b> <!-- -->": "<p>&lt;b&gt;&amp;amp;&lt;/b&gt; &lt;!-- --&gt;</p>",
}

ATTACKS = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html,<script>alert(1)</script>)",
    "[d](\tjavascript:alert(1)) [e](vbscript:x) [f](file:///etc/passwd) [g](/relative) [h](//x.example/)",
    "![x](javascript:alert(1)) [<img src=x onerror=alert(1)>](https://x.example/\"onmouseover=alert(1))",
    "```html\n<script>alert(1)</script>\n```\n# <svg onload=alert(1)>\n- <iframe src=/>\n\n|<b>|\n|-|\n|<i>|",
    "```\"><script>alert(1)</script>\n</code></pre><script>alert(1)</script>",
    "https://x.example/\"onclick=alert(1) https://x.example/<script>alert(1)</script>",
]

LONG = {
    "stars": "*" * 20_000 + "x",
    "open emphasis": "*a " * 10_000,
    "brackets": "[" * 20_000,
    "open links": "[a](" * 8_000,
    "ticks": " ".join("`" * n for n in range(1, 250)),
    "quotes": "> " * 5_000 + "x",
    "quoted lines": ("> " * 60 + "x\n") * 300,
    "deep lists": "\n".join(" " * 2 * n + "- x" for n in range(300)),
    "bars": "|" * 5_000 + "\n" + "|-" * 5_000 + "|\n" + "|x" * 5_000,
    "dashes": "- " * 10_000 + "x",
    "paragraphs": "text **b** and more\n\n" * 2_000,
}


@pytest.fixture(scope="module")
def tab(browser, server):
    with ChatPage(browser, server.url) as made:
        yield made


@pytest.mark.parametrize("markdown", FORMS)
def test_forms(tab, markdown):
    assert tab.show(markdown).inner_html() == FORMS[markdown]


def test_code_keeps_every_space_and_copies(tab, server):
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    code = "if x:\n    return '<b>'  \n\n# **no**"
    for end in ("\n```", "\n```  ", ""):  # the last: still being written
        box = tab.show(f"Look:\n```python title\n{code}{end}")
        assert box.locator("pre code").inner_text() == code
        assert box.locator("figcaption span").inner_text() == "python"
    assert tab.show("~~~~\n```\n~~~\n~~~~\nx").locator("pre").inner_text() == "```\n~~~"
    box = tab.show(f"```\n{code}\n```")
    box.get_by_role("button", name="Copy code").click()
    box.get_by_text("Copied").wait_for()
    assert tab.page.evaluate("() => navigator.clipboard.readText()") == code


@pytest.mark.parametrize("markdown", ATTACKS)
def test_nothing_dangerous_comes_of_it(tab, markdown):
    box = tab.show(markdown)
    assert box.locator("script, img, svg, iframe, object, embed, style, link, form").count() == 0
    found = box.evaluate(
        """(box) => [...box.querySelectorAll('*')].flatMap((element) =>
             [...element.attributes].map((a) => [a.name, a.value]))"""
    )
    assert not [name for name, _ in found if name.startswith("on") or name in ("style", "src", "srcdoc")]
    assert all(value.startswith(("https://", "mailto:")) for name, value in found if name == "href")
    assert tab.wrong == []


@pytest.mark.parametrize("kind", LONG)
def test_no_text_takes_long(tab, kind):
    began = time.monotonic()
    assert tab.show(LONG[kind]).inner_text().strip()
    assert time.monotonic() - began < 5, kind
