"""The chat page in Chromium: typed into, streamed to, stopped, reloaded, and told that something is wrong."""

import pytest
from playwright.sync_api import expect

from chat_page import PHONE, ChatPage
from server import Server, say

MARKDOWN = "# Rivers\n\nThey **run**.\n\n```c\nint main() { return 0; }\n```\n\n<script>alert(1)</script>"


def said(text, **kwargs):
    return say(text, **kwargs)["content"]


def test_an_answer_is_streamed_and_survives_a_reload(browser, scripted):
    with ChatPage(browser, scripted.url) as chat:
        chat.send(said(MARKDOWN, cut="3", delay_ms=2))
        expect(chat.text()).to_contain_text("They")
        answer = chat.done()
        expect(answer.locator("strong")).to_have_text("run")
        expect(answer.locator("pre")).to_contain_text("int main()")
        expect(chat.text()).to_contain_text("<script>alert(1)</script>")
        expect(answer.locator("footer")).to_contain_text("tokens/s")
        chat.picture(f"chat-{scripted.template}")
        chat.page.reload()
        expect(chat.text()).to_contain_text("They run.")
        chat.send(said("Twice."))
        chat.done()
        assert [m["role"] for m in chat.bodies[-1]["messages"]] == ["user", "assistant", "user"]


def test_stop_and_regenerate(browser, scripted):
    with ChatPage(browser, scripted.url) as chat:
        chat.send(said("word " * 500, delay_ms=20))
        expect(chat.text()).to_contain_text("word word")
        chat.page.keyboard.press("Escape")
        chat.done()
        scripted.wait_for_metric("vllm:num_requests_running", lambda n: n == 0)
        assert chat.text().inner_text().count("word") < 500
        asked = len(chat.bodies)
        chat.answers.last.get_by_role("button", name="Regenerate").click()
        expect(chat.text()).to_contain_text("word word")
        chat.page.locator("#stop").click()
        chat.done()
        assert len(chat.bodies) == asked + 1


def test_thoughts_and_calls_are_folded(browser, scripted):
    if scripted.template != "hermes":
        pytest.skip("only this template has thoughts")
    with ChatPage(browser, scripted.url) as chat:
        chat.send(said("<think>\nHidden thoughts.\n</think>\n\nPlain words."))
        answer = chat.done()
        expect(chat.text()).to_have_text("Plain words.")
        thoughts = answer.locator("details").first
        expect(thoughts.get_by_text("Hidden thoughts.")).to_be_hidden()
        thoughts.locator("summary").click()
        expect(thoughts.get_by_text("Hidden thoughts.")).to_be_visible()


def test_three_tabs_at_once(browser, scripted):
    context = browser.new_context()
    tabs = [ChatPage(browser, scripted.url, context) for _ in range(3)]
    for number, tab in enumerate(tabs):
        tab.send(said(f"tab {number} " * 40, delay_ms=5))
    for number, tab in enumerate(tabs):
        tab.done()
        assert tab.text().inner_text().split().count(str(number)) == 40
        assert tab.wrong == []
    context.close()


def test_errors_have_a_banner_and_a_way_on(browser):
    with Server() as server, ChatPage(browser, server.url) as chat:
        chat.page.get_by_label("Temperature").fill("1.5")
        chat.page.get_by_label("Temperature").evaluate("e => { e.max = ''; e.value = '7'; }")
        chat.send("Hello")
        expect(chat.banner).to_contain_text("temperature")
        chat.page.get_by_label("Temperature").evaluate("e => { e.value = '0'; }")
        chat.button("Retry").click()
        expect(chat.banner).to_be_hidden()
        chat.done()
        assert chat.bodies[-1]["temperature"] == 0
        server.terminate()
        chat.send("Are you there?")
        expect(chat.banner).to_be_visible()


def test_a_key_is_asked_for(browser):
    with Server("--api-key", "secret", key="secret") as server, ChatPage(browser, server.url) as chat:
        chat.send("Hello")
        key = chat.page.get_by_label("API key")
        expect(key).to_be_visible()
        key.fill("secret")
        key.press("Enter")
        expect(key).to_be_hidden()
        chat.done()
        expect(chat.answers.last.locator("footer")).to_contain_text("tokens")
        kept = chat.page.evaluate("() => JSON.stringify([sessionStorage, localStorage, document.cookie])")
        assert "secret" not in kept


@pytest.mark.parametrize("options", [{"viewport": PHONE}, {"color_scheme": "dark"}], ids=["phone", "dark"])
def test_it_fits_a_phone_and_the_night(browser, scripted, options, request):
    with ChatPage(browser, scripted.url, **options) as chat:
        chat.send(said(MARKDOWN))
        chat.done()
        wide = chat.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
        chat.picture(f"chat-{request.node.callspec.id}")
        background = chat.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        shade = sum(map(int, background[background.index("(") + 1 : -1].split(",")[:3]))
        assert shade < 200 if "color_scheme" in options else shade > 600
