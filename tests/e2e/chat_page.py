"""The chat page in a browser, as its tests see it: what is typed, what is shown, what went wrong unseen."""

import json
import re

from playwright.sync_api import expect

from server import ROOT

SCREENSHOTS = ROOT / "build/screenshots"
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
STORE = "sluice.chat"
NOT_LOADED = "Failed to load resource"  # what the console says of any status of 400 and more


class ChatPage:
    """A tab of `context`, else a window of its own. At the end the console must have heard nothing wrong."""

    def __init__(self, browser, url, context=None, **options):
        self.url = url
        self.context = context or browser.new_context(**{"viewport": WIDE, **options})
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)  # passing tests need a hundredth; busy machines more
        self.wrong, self.bodies = [], []
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("request", self._note)
        self.page.on("dialog", lambda dialog: (self.wrong.append(dialog.message), dialog.dismiss()))
        self.page.goto(url + "/")
        self.prompt = self.page.get_by_label("Message", exact=True)
        self.answers = self.page.locator("article.answer")
        self.banner = self.page.get_by_role("alert")

    def _hear(self, message):
        if message.type in ("error", "warning") and NOT_LOADED not in message.text:
            self.wrong.append(message.text)

    def _note(self, request):
        if request.url.endswith("/v1/chat/completions"):
            self.bodies.append(json.loads(request.post_data))

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        wrong = list(self.wrong)
        self.page.close()
        assert kind or wrong == [], wrong

    def send(self, text):
        self.prompt.fill(text)
        self.prompt.press("Enter")

    def done(self):
        """Waits until no answer is being written; the last one."""
        expect(self.page.locator("#stop")).to_be_hidden()
        return self.answers.last

    def text(self):
        return self.answers.last.locator(".text")

    def setting(self, label, value):
        self.page.get_by_label(label, exact=True).fill(value)

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def keep(self, *messages):
        """Shows a conversation as after a reload."""
        kept = {"messages": messages, "settings": {}, "model": "default"}
        self.page.goto(self.url + "/health")  # of the same origin, and leaves the storage alone
        self.page.evaluate("([name, value]) => sessionStorage[name] = value", [STORE, json.dumps(kept)])
        self.page.goto(self.url + "/")

    def show(self, markdown):
        """The box of an answer that was this text."""
        answer = {"role": "assistant", "content": markdown, "reasoning": "", "calls": [], "reason": "stop"}
        self.keep({"role": "user", "content": "?"}, answer)
        return self.text()

    def picture(self, name):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        assert path.stat().st_size > 5_000
        return path


def figures(answer):
    """Of an answer's footer: tokens, tokens a second (0: too fast to tell), seconds to the first."""
    text = answer.locator("footer p").inner_text()
    match = re.match(r"(\d+) tokens · (?:([\d.]+) tokens/s · )?first after ([\d.]+) s", text)
    assert match, text
    return int(match[1]), float(match[2] or 0), float(match[3])
