"""The chat page as a file: its headers, what it may load, and that its HTML holds together. No browser."""

import base64
import hashlib
import html.parser
import re

import pytest

from server import Server

VOID = {"meta", "link", "input", "br", "hr", "img", "path", "polyline"}  # paths and lines close themselves
FIELDS = {"input", "textarea", "select"}


class Page(html.parser.HTMLParser):
    """Every element with its attributes; the texts of style and script; nesting is checked."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.open, self.wrong = [], {"style": "", "script": ""}, [], []
        self.buttons = []  # what is written on each
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag == "button":
            self.buttons.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))

    def handle_data(self, data):
        inside = self.open[-1] if self.open else None
        if inside in self.texts:
            self.texts[inside] += data
        if inside == "button":
            self.buttons[-1] += data

    def values(self, attribute):
        return [a[attribute] for _, a in self.elements if attribute in a]


@pytest.fixture(scope="module")
def reply(server):
    return server.get("/")


@pytest.fixture(scope="module")
def page(reply):
    return Page(reply.body.decode())


def policy(reply):
    directives = [d.split() for d in reply.headers["Content-Security-Policy"].split(";")]
    return {name: values for name, *values in directives}


def test_the_headers(reply):
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Cache-Control"] == "no-cache"
    assert int(reply.headers["Content-Length"]) == len(reply.body) < 100_000


def test_the_policy_allows_only_what_is_inside(reply, page):
    def hashed(text):
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy(reply) == {
        "default-src": ["'none'"],
        "script-src": [hashed(page.texts["script"])],
        "style-src": [hashed(page.texts["style"])],
        "connect-src": ["'self'"],
        "img-src": ["data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["'none'"],
    }


def test_nothing_comes_from_elsewhere(reply, page):
    text = reply.body.decode()
    names = {"http://www.w3.org/2000/svg"}  # of the language of the icon; nothing is fetched
    assert set(re.findall(r"\w+://[\w./-]+", text)) == names
    assert [a["href"][:5] for t, a in page.elements if t == "link"] == ["data:"]
    assert not page.values("src") and not page.values("srcset")
    assert not re.search(r"@import|url\(|\bimport\b", page.texts["style"] + page.texts["script"])


def test_no_text_becomes_code(page):
    attributes = {name for _, attributes in page.elements for name in attributes}
    assert not [name for name in attributes if name.startswith("on") or name == "style"]
    banned = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser"
    assert not re.search(banned, page.texts["script"])


def test_the_html_holds_together(page):
    assert page.wrong == [] and page.open == []
    tags = [tag for tag, _ in page.elements]
    for once in ("html", "head", "title", "body", "header", "main", "h1", "style", "script"):
        assert tags.count(once) == 1, once
    assert page.elements[0] == ("html", {"lang": "en"})
    ids = page.values("id")
    assert len(ids) == len(set(ids)) > 20
    for attribute in ("for", "aria-labelledby", "aria-describedby", "aria-controls"):
        for value in page.values(attribute):
            assert value in ids, (attribute, value)
    assert {h.removeprefix("#") for h in page.values("href") if h.startswith("#")} <= set(ids)
    used = re.findall(r"byId\('([\w-]+)'\)", page.texts["script"])
    assert set(used) <= set(ids), "the script asks for what is there"


def test_fields_and_buttons_say_what_they_are(page):
    labelled = set(page.values("for"))
    fields = [a["id"] for tag, a in page.elements if tag in FIELDS]
    assert len(fields) >= 8 and set(fields) <= labelled
    assert len(page.buttons) >= 7 and all(text.strip() for text in page.buttons)
    assert all(a.get("type") for tag, a in page.elements if tag == "button")


def test_head_and_copies(server, reply):
    head = server.request("HEAD", "/")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(reply.body))
    assert head.headers["ETag"] == reply.headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', reply.headers["ETag"])
    for method in ("GET", "HEAD"):
        for tags in (reply.headers["ETag"], f'"x", W/{reply.headers["ETag"]}', "*"):
            same = server.request(method, "/", headers={"If-None-Match": tags})
            assert (same.status, same.body) == (304, b"")
            assert same.headers["ETag"] == reply.headers["ETag"]
            assert same.headers["Content-Security-Policy"] == reply.headers["Content-Security-Policy"]
            assert same.headers["Content-Length"] is None and same.headers["Content-Type"] is None
    assert server.request("GET", "/", headers={"If-None-Match": '"old"'}).body == reply.body
    assert server.get("/?a=b").body == reply.body


def test_a_connection_goes_on_after_304(server, reply):
    connection = server.connect()
    for _ in range(3):
        connection.request("GET", "/", headers={"If-None-Match": reply.headers["ETag"]})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (304, b"")
    connection.request("GET", "/health")
    assert connection.getresponse().read() == b'{"status":"ok"}'
    connection.close()


def test_other_methods(server):
    refused = server.post("/", {})
    assert refused.status == 405 and refused.headers["Allow"] == "GET, HEAD"


def test_the_page_needs_no_key_but_the_api_does():
    with Server("--api-key", "the-key", key="the-key") as locked:
        locked.key = None
        assert locked.get("/").status == 200
        assert locked.get("/v1/models").status == 401
        assert locked.post("/v1/chat/completions", {}).status == 401
