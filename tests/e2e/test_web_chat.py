"""The chat page in Chromium: typed, clicked, streamed, stopped, reloaded and broken, as a person would."""

import json
import re

import pytest
from playwright.sync_api import expect

from chat_page import PHONE, ChatPage, figures
from server import ScriptedServer, Server, say

TOOLS = json.dumps([{"type": "function", "function": {"name": "now", "parameters": {"type": "object"}}}])
CALL = '<tool_call>\n{"name": "now", "arguments": {"zone": "UTC"}}\n</tool_call>'


def asked(*answers, **how):
    return say(*answers, **how)["content"]


@pytest.fixture(scope="module")
def hermes():
    with ScriptedServer("--template", "hermes") as running:
        yield running


@pytest.fixture
def tab(browser, hermes):
    with ChatPage(browser, hermes.url) as made:
        yield made


def idle(server):
    server.wait_for_metric("vllm:num_requests_running", lambda n: n == 0)


def test_a_conversation(tab):
    expect(tab.page.get_by_label("Model", exact=True)).to_have_value("scripted")
    expect(tab.prompt).to_be_focused()
    tab.setting("System prompt", "Be brief.")
    tab.setting("Temperature", "0.5")
    tab.setting("Max tokens", "300")
    tab.prompt.fill("first")
    tab.prompt.press("Shift+Enter")
    tab.prompt.press_sequentially(asked("Some **bold** words, one after the other.", cut=4, delay_ms=60))
    tab.button("Send").click()
    expect(tab.text().locator("strong")).to_have_text("bold")
    expect(tab.button("Stop")).to_be_visible()  # it is still coming
    expect(tab.page.get_by_role("log")).to_have_attribute("aria-busy", "true")
    answer = tab.done()
    expect(tab.text()).to_have_text("Some bold words, one after the other.")
    expect(tab.page.get_by_role("status")).to_have_text("The answer is complete.")
    tokens, pace, first = figures(answer)
    assert tokens >= 10 and 0 < pace < 60 and first >= 0.05  # the delays keep it slow; nothing makes it fast
    tab.send("again " + asked("The second."))
    tab.done()
    expect(tab.text()).to_have_text("The second.")
    body = tab.bodies[1]
    assert [m["role"] for m in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][0]["content"] == "Be brief."
    assert body["messages"][1]["content"].startswith("first\n[[say:")
    assert body["messages"][2]["content"] == "Some **bold** words, one after the other."
    assert (body["temperature"], body["max_tokens"], "seed" in body) == (0.5, 300, False)


@pytest.mark.parametrize("way", ["button", "Escape"])
def test_stop_and_regenerate(tab, hermes, way):
    tab.send(asked("word " * 100, cut=5, delay_ms=40))
    expect(tab.text()).to_contain_text("word word")
    tab.button("Stop").click() if way == "button" else tab.page.keyboard.press("Escape")
    answer = tab.done()
    expect(answer.locator("footer p")).to_contain_text("stopped")
    expect(tab.prompt).to_be_focused()
    idle(hermes)  # the server stops as well
    assert answer.locator(".text").inner_text().count("word") < 100
    tab.button("Regenerate").click()
    expect(tab.text()).to_contain_text("word word word word")
    expect(tab.answers).to_have_count(1)
    tab.button("New chat").click()
    expect(tab.answers).to_have_count(0)
    idle(hermes)
    assert len(tab.bodies[1]["messages"]) == 1


def test_thoughts_and_calls_are_folded(tab):
    tab.setting("Tools", TOOLS)
    tab.send(asked("<think>\nI look.\n</think>\n\n" + CALL, "It is noon."))
    answer = tab.done()
    folds = answer.locator("details")
    expect(folds).to_have_count(2)
    expect(folds.nth(0).locator("summary")).to_contain_text("Thought for")
    expect(folds.nth(1).locator("summary")).to_contain_text("Tool call: now")
    assert [folds.nth(i).evaluate("(d) => d.open") for i in (0, 1)] == [False, False]
    folds.nth(0).locator("summary").click()
    expect(folds.nth(0).get_by_text("I look.")).to_be_visible()
    folds.nth(1).locator("summary").click()
    assert json.loads(folds.nth(1).locator("pre").inner_text()) == {"zone": "UTC"}
    folds.nth(1).get_by_label("Result of now").fill("12:00")
    folds.nth(1).get_by_role("button", name="Give result").click()
    expect(tab.answers).to_have_count(2)
    tab.done()
    expect(tab.text()).to_have_text("It is noon.")
    tab.picture("tool_call")
    user, assistant, tool = tab.bodies[1]["messages"]
    assert assistant["tool_calls"][0]["function"]["name"] == "now"
    assert (tool["content"], tool["tool_call_id"]) == ("12:00", assistant["tool_calls"][0]["id"])


def test_a_reload_keeps_the_conversation(tab, hermes):
    tab.setting("Seed", "7")
    tab.send(asked("Kept."))
    tab.done()
    tab.send(asked("cut " * 100, cut=4, delay_ms=40))
    expect(tab.text()).to_contain_text("cut cut")
    tab.prompt.fill("a draft")
    tab.page.reload()
    expect(tab.answers).to_have_count(2)
    expect(tab.answers.first.locator(".text")).to_have_text("Kept.")
    expect(tab.text()).to_contain_text("cut cut")
    expect(tab.answers.last.locator("footer p")).to_contain_text("interrupted")
    expect(tab.prompt).to_have_value("a draft")
    expect(tab.page.get_by_label("Seed", exact=True)).to_have_value("7")
    idle(hermes)


def test_errors_say_what_the_server_says(tab):
    tab.setting("Temperature", "9")
    tab.send(asked("Fine."))
    expect(tab.banner).to_contain_text("temperature")
    expect(tab.answers).to_have_count(0)
    tab.picture("error")
    tab.setting("Temperature", "")
    tab.button("Retry").click()
    tab.done()
    expect(tab.text()).to_have_text("Fine.")
    expect(tab.banner).to_be_hidden()
    tab.setting("Tools", "[")
    tab.send("x")
    expect(tab.banner).to_contain_text("Tools is no JSON")
    tab.setting("Tools", "")
    expect(tab.page.get_by_label("Model", exact=True)).to_have_value("scripted")
    tab.page.locator("#model option").evaluate("(option) => { option.value = 'another'; }")
    tab.button("Retry").click()
    expect(tab.banner).to_contain_text("another")
    tab.button("Dismiss").click()
    expect(tab.banner).to_be_hidden()


def test_a_server_that_goes_and_comes_back(browser):
    first = ScriptedServer("--template", "hermes")
    try:
        with ChatPage(browser, first.url) as tab:
            tab.send(asked("half " * 100, cut=5, delay_ms=40))
            expect(tab.text()).to_contain_text("half half")
            first.kill()
            expect(tab.banner).to_contain_text("The connection")
            expect(tab.text()).to_contain_text("half half")  # what came stays
            tab.button("Retry").click()
            expect(tab.banner).to_contain_text("cannot be reached")
            expect(tab.page.locator("#running")).to_have_text("–")
            with ScriptedServer("--template", "hermes", "--port", str(first.port)):
                tab.button("Retry").click()
                expect(tab.text()).to_contain_text("half half")
                tab.button("Stop").click()
                tab.done()
    finally:
        first.kill()


def test_a_key_is_asked_for_and_not_kept(browser):
    with Server("--api-key", "the-key", key="the-key") as locked, ChatPage(browser, locked.url) as tab:
        field = tab.page.get_by_label("API key", exact=True)
        expect(field).to_be_visible()
        for key, accepted in (("wrong", False), ("the-key", True)):
            field.fill(key)
            tab.button("Use key").click()
            expect(tab.banner).to_be_visible(visible=not accepted)
        expect(field).to_be_hidden()
        tab.setting("Max tokens", "5")
        tab.send("hello")
        tab.done()
        assert figures(tab.answers.last)[0] == 5
        stored = "() => JSON.stringify([{...sessionStorage}, {...localStorage}]) + document.cookie"
        assert "the-key" not in tab.page.evaluate(stored)
        tab.page.reload()
        expect(field).to_be_visible()
        expect(tab.answers).to_have_count(1)


def test_three_tabs_at_once(browser, hermes):
    context = browser.new_context()
    tabs = [ChatPage(browser, hermes.url, context) for _ in range(3)]
    for n, tab in enumerate(tabs):
        tab.send(asked(f"tab{n} " * 40, cut=5, delay_ms=100))
    hermes.wait_for_metric("vllm:num_requests_running", lambda running: running == 3)
    expect(tabs[0].page.locator("#running")).to_have_text("3")
    for n, tab in enumerate(tabs):
        tab.done()
        expect(tab.text()).to_have_text((f"tab{n} " * 40).strip())
        assert len(tab.bodies) == 1 and tab.wrong == []
    context.close()


COLOURS = """() => {
  const shade = (css) => css.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const style = (selector) => getComputedStyle(document.querySelector(selector));
  return [['.text', 'body'], ['footer p', 'body'], ['#keys', 'body'], ['.user .text', '.user .text'],
          ['#send', '#send'], ['dt', '#panel'], ['#engine-state', '#panel'], ['.text a', 'body']]
    .map(([front, back]) => [front, shade(style(front).color), shade(style(back).backgroundColor)]);
}"""


def contrast(one, other):
    def luminance(colour):
        parts = [c / 255 for c in colour]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(browser, hermes, scheme):
    with ChatPage(browser, hermes.url, color_scheme=scheme) as tab:
        switch = tab.button("Dark")
        expect(switch).to_have_attribute("aria-pressed", str(scheme == "dark").lower())
        tab.send(asked("Read [this](https://x.example/)."))
        tab.done()
        for _ in range(2):  # as the system has it, then by the switch
            dark = switch.get_attribute("aria-pressed") == "true"
            for name, front, back in tab.page.evaluate(COLOURS):
                assert contrast(front, back) >= 4.5, (name, dark)
            ground = tab.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
            assert (int(re.search(r"\d+", ground)[0]) < 60) == dark
            tab.picture("dark" if dark else "light")
            switch.click()
        tab.page.reload()
        expect(switch).to_have_attribute("aria-pressed", str(scheme == "dark").lower())


def test_on_a_phone(browser, hermes):
    with ChatPage(browser, hermes.url, viewport=PHONE, has_touch=True, is_mobile=True) as tab:
        panel = tab.page.get_by_role("complementary")
        expect(panel).to_be_hidden()
        table = f"|{'a|' * 20}\n|{'-|' * 20}\n|{'long cell|' * 20}"
        tab.send(asked(f"`{'x' * 90}` {'y' * 90}\n\n```\n{'z' * 200}\n```\n\n{table}", cut=50))
        tab.done()
        width = "() => document.documentElement.scrollWidth"
        assert tab.page.evaluate(width) <= 360
        assert tab.answers.last.bounding_box()["width"] <= 360
        tab.picture("phone")
        tab.button("Settings").click()
        expect(panel).to_be_visible()
        expect(panel.get_by_label("Top p")).to_be_visible()
        assert tab.page.evaluate(width) <= 360
        tab.picture("phone_settings")
        tab.page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        expect(tab.button("Settings")).to_be_focused()


def test_the_keyboard_reaches_everything_in_order(tab):
    expect(tab.prompt).to_be_focused()
    tab.page.get_by_role("link", name="Skip to the message").focus()
    seen = []
    for _ in range(13):
        tab.page.keyboard.press("Tab")
        seen.append(tab.page.evaluate("() => document.activeElement.id"))
    header = ["model", "new-chat", "panel-switch", "theme"]
    settings = ["system", "temperature", "top_p", "max_tokens", "seed", "tools"]
    assert seen == [*header, "log", "prompt", "send", *settings]


def test_the_picture_of_the_readme(browser):
    """docs/chat.png is build/screenshots/readme.png of this test."""
    with Server() as server:
        with ChatPage(browser, server.url, color_scheme="light") as tab:
            for question in (
                "Hi, my name is Vera.",
                "Make a table of name and age: Anna 31, Ben 5, Rosa 78",
                "Write a Python function compute that multiplies a by b.",
                "What is my name?",
            ):
                tab.send(question)
                tab.done()
            tab.page.wait_for_timeout(3000)  # the graph gets a shape
            assert tab.picture("readme").stat().st_size < 200_000
