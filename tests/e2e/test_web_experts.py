"""The heat map of experts on the chat page, in Chromium: what it shows, when it asks, how it looks."""

import random
import re
import subprocess

import pytest
from playwright.sync_api import expect

from chat_page import PHONE, ChatPage
from server import MAKE_GGUF, ScriptedServer, Server

PIXELS = """() => {
  const heat = document.getElementById('heat'), {width, height} = heat;
  const copy = Object.assign(document.createElement('canvas'), {width, height})
    .getContext('2d', {willReadFrequently: true});
  copy.drawImage(heat, 0, 0);
  const {data} = copy.getImageData(0, 0, width, height);
  const cells = Array.from({length: width * height}, (_, i) => [...data.slice(4 * i, 4 * i + 4)]);
  return {width, height, cells,
          ink: getComputedStyle(heat).color, ground: getComputedStyle(heat).backgroundColor};
}"""
# Of the page, and how much of the panel is beside its window.
WIDTHS = """() => {
  const panel = document.getElementById('panel');
  return [document.documentElement.scrollWidth, panel.scrollWidth - panel.clientWidth];
}"""
BIG = {"layers": 48, "experts": 128, "experts_used": 8}


def uses(shape, tokens, seed=1):
    """What /experts says of `tokens` tokens that went anywhere; the last expert of each layer gets none."""
    rng, rows = random.Random(seed), []
    for _ in range(shape["layers"]):
        row = [0] * shape["experts"]
        for _ in range(tokens * shape["experts_used"]):
            row[min(rng.randrange(shape["experts"] - 1), rng.randrange(shape["experts"] - 1))] += 1
        rows.append(row)
    distinct = [sum(1 for n in row if n) for row in rows]
    return {**shape, "steps": 1, "tokens": tokens, "tokens_per_expert": rows, "distinct_experts": distinct}


class HeatMap:
    """The map of a tab; `asked` counts how often the page wanted figures. With `told`, it gets those."""

    def __init__(self, tab, told=None):
        self.tab, self.asked, self.told = tab, 0, told
        self.box = tab.page.locator("#experts")
        self.picture = tab.page.get_by_role("img", name=re.compile("^Heat map"))
        self.note = tab.page.locator("#experts-note")
        tab.page.on("request", self._count)
        if told:
            tab.page.route("**/experts", lambda route: route.fulfill(json=self.told))
            tab.page.reload()

    def _count(self, request):
        self.asked += request.url.endswith("/experts")

    def pixels(self):
        return self.tab.page.evaluate(PIXELS)

    def lines(self):
        """(least, most) of each layer, in percent, of the text beside the picture."""
        lines = self.tab.page.locator("#layers li").all_text_contents()
        found = [re.fullmatch(r"Layer (\d+): least ([\d.]+) %, most ([\d.]+) %", line) for line in lines]
        assert [int(match[1]) for match in found] == list(range(len(lines)))
        return [(float(match[2]), float(match[3])) for match in found]


@pytest.fixture(scope="module")
def own():
    with Server() as running:
        yield running


def shade(css):
    return [float(n) for n in re.findall(r"[\d.]+", css)[:3]]


def test_cells_appear_after_an_answer(browser, own):
    with ChatPage(browser, own.url) as tab:
        heat = HeatMap(tab)
        expect(heat.note).to_have_text("No tokens yet.")
        assert {cell[3] for cell in heat.pixels()["cells"]} == {0}
        tab.setting("Max tokens", "40")
        tab.send("Tell me of rivers.")
        tab.done()
        for _ in range(3):  # the first may be of before; when the third comes the second is drawn
            with tab.page.expect_response("**/experts"):
                pass
        expect(heat.note).to_contain_text(re.compile("In the last [1-9] s, each expert's share"))
        use = own.get("/experts").json
        all_cells = sum(map(sum, use["tokens_per_expert"]))
        assert all_cells == use["tokens"] * use["experts_used"] * use["layers"] > 0
        pixels = heat.pixels()
        assert (pixels["width"], pixels["height"]) == (use["experts"], use["layers"])
        # What it shows is the whole, as all of it was in the last seconds: opaque is the busiest expert.
        expect(heat.note).to_contain_text("In the last")
        shares = [n / use["tokens"] / use["experts_used"] for row in use["tokens_per_expert"] for n in row]
        assert [cell[3] for cell in pixels["cells"]] == [
            pytest.approx(255 * share / max(shares), abs=1) for share in shares
        ]
        for (least, most), row in zip(heat.lines(), use["tokens_per_expert"]):
            whole = use["tokens"] * use["experts_used"] / 100
            assert (least, most) == pytest.approx((min(row) / whole, max(row) / whole), abs=0.51)
        name = heat.picture.get_attribute("aria-label")
        assert name.startswith(f"Heat map, {use['layers']} layers by {use['experts']} experts. In the last ")
        tab.picture("experts")
        expect(heat.note).to_contain_text("Since the start", timeout=20_000)  # nothing in the last seconds
        assert heat.lines()


def test_it_names_the_cell_under_the_pointer(browser, own):
    with ChatPage(browser, own.url) as tab:
        heat = HeatMap(tab, uses(BIG, 50))
        expect(heat.picture).to_be_visible()
        heat.picture.scroll_into_view_if_needed()
        box = heat.picture.bounding_box()
        heat.picture.hover(position={"x": box["width"] - 1, "y": 1})
        expect(heat.picture).to_have_attribute("title", "Layer 0, expert 127: 0 %")
        busiest = heat.told["tokens_per_expert"][47][0] / 50 / 8
        heat.picture.hover(position={"x": 1, "y": box["height"] - 1})
        expect(heat.picture).to_have_attribute("title", f"Layer 47, expert 0: {100 * busiest:.1f} %")


def test_recent_tokens_alone_then_another_server(browser, own):
    with ChatPage(browser, own.url) as tab:
        shape = {"layers": 2, "experts": 4, "experts_used": 1}
        told = {**shape, "steps": 5, "tokens": 8, "distinct_experts": [9, 9]}
        heat = HeatMap(tab, {**told, "tokens_per_expert": [[2, 2, 2, 2], [8, 0, 0, 0]]})
        expect(heat.note).to_contain_text("Since the start")
        assert heat.lines() == [(25, 25), (0, 100)]
        later = {"steps": 7, "tokens": 12, "distinct_experts": [13, 11]}
        heat.told = {**told, **later, "tokens_per_expert": [[2, 2, 2, 6], [8, 1, 1, 2]]}
        expect(heat.note).to_contain_text("In the last")
        # (4 + 2) / 2 layers / 2 steps
        expect(heat.note).to_contain_text("A step used 1.5 of 4 experts a layer.")
        assert heat.lines() == [(0, 100), (0, 50)]
        heat.told = uses(BIG, 3)  # fewer tokens
        expect(heat.note).to_contain_text("Since the start")
        assert len(heat.lines()) == 48
        heat.told = {**told, "tokens_per_expert": [[8, 0, 0, 0], [2, 2, 2, 2]]}
        expect(heat.picture).to_have_attribute("aria-label", re.compile("2 layers by 4 experts"))
        assert heat.lines() == [(0, 100), (25, 25)]


def luminance(colour):
    parts = [c / 255 for c in colour]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_differ_by_lightness(browser, own, scheme):
    """Steps of the scale are steps of lightness, which no colour blindness takes away."""
    with ChatPage(browser, own.url, color_scheme=scheme) as tab:
        heat = HeatMap(tab, uses(BIG, 50))
        expect(heat.picture).to_be_visible()
        for dark in (scheme == "dark", scheme != "dark"):
            pixels = heat.pixels()
            ink, ground = shade(pixels["ink"]), shade(pixels["ground"])
            top = max(pixels["cells"], key=lambda cell: cell[3])
            assert top == [*ink, 255]
            scale = [[g + (i - g) * a / 8 for i, g in zip(ink, ground)] for a in range(9)]
            steps = [luminance(colour) for colour in scale]
            assert steps == sorted(steps, reverse=not dark)
            low, high = sorted((steps[0], steps[-1]))
            assert (high + 0.05) / (low + 0.05) >= 4.5
            tab.picture(f"experts_{'dark' if dark else 'light'}")
            tab.button("Dark").click()  # the picture follows at once


def test_on_a_phone(browser, own):
    with ChatPage(browser, own.url, viewport=PHONE, has_touch=True, is_mobile=True) as tab:
        heat = HeatMap(tab, uses(BIG, 50))
        expect(tab.page.get_by_label("Model", exact=True)).to_have_value(own.model)
        tab.page.wait_for_timeout(2500)
        assert heat.asked == 0, "nobody sees the panel"
        tab.button("Settings").click()
        expect(heat.picture).to_be_visible()
        heat.picture.scroll_into_view_if_needed()
        assert tab.page.evaluate(WIDTHS) == [360, 0]
        box = heat.picture.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 360
        assert box["width"] >= 256 and box["height"] >= 96
        tab.picture("experts_phone")
        tab.page.get_by_text("By layer").click()
        expect(tab.page.get_by_text("Layer 47:")).to_be_attached()
        assert tab.page.evaluate(WIDTHS) == [360, 0]
        tab.page.keyboard.press("Escape")
        expect(heat.picture).to_be_hidden()
        before = heat.asked
        assert before > 0
        tab.page.wait_for_timeout(2500)
        assert heat.asked <= before + 1, "the one that was under way"


def test_hidden_without_experts(browser, tmp_path):
    model = tmp_path / "dense.gguf"
    shape = ("--arch", "qwen3")
    subprocess.run([MAKE_GGUF, "--out", model, *shape], check=True, capture_output=True, timeout=60)
    for server in (Server("--model", model), ScriptedServer("--template", "hermes")):
        with server, ChatPage(browser, server.url) as tab:
            heat = HeatMap(tab)
            tab.setting("Max tokens", "5")
            tab.send("hello")
            tab.done()
            tab.page.wait_for_timeout(2500)
            assert heat.asked > 0
            expect(heat.box).to_be_hidden()


def test_hidden_while_a_key_is_wanted_or_the_server_is_away(browser):
    with Server("--api-key", "the-key", key="the-key") as locked, ChatPage(browser, locked.url) as tab:
        heat = HeatMap(tab)
        field = tab.page.get_by_label("API key", exact=True)
        expect(field).to_be_visible()
        tab.page.wait_for_timeout(2500)
        assert heat.asked == 0
        expect(heat.box).to_be_hidden()
        field.fill("the-key")
        tab.button("Use key").click()
        expect(heat.picture).to_be_visible()
        locked.kill()
        expect(heat.box).to_be_hidden()


def test_figures_that_are_none_hide_it(browser, own):
    """Whatever stands in front of the server: no word of it becomes part of the page."""
    with ChatPage(browser, own.url) as tab:
        heat = HeatMap(tab, uses(BIG, 5))
        for wrong in ({"experts": 2}, {**BIG, "tokens_per_expert": "<b>"}, [], "x"):
            heat.told = uses(BIG, 5)
            expect(heat.picture).to_be_visible()
            heat.told = wrong
            expect(heat.box).to_be_hidden()
