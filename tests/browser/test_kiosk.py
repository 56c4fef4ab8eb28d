"""The kiosk's screen in Chromium: every picture, on both kinds of panel, in every language."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from streamauth.kiosk.screen import Screen, View
from streamauth.kiosk.web import KioskFacts, ScreenFeed, ScreenServer, Touch, TouchKind
from tests.browser.rig import accessibility_faults, opened

PANELS = {"panel": (800, 480), "tablet": (800, 1280), "small-tablet": (600, 960)}
LANGUAGES = ("en", "de", "fr", "es", "zh")
FACTS = KioskFacts("Front door", operator="Example Ltd,", contact="privacy@example.org")
SCREENS = {
    "idle": Screen(View.IDLE),
    "listening": Screen(View.LISTENING),
    "phrase": Screen(View.LISTENING, phrase=True),
    "digits": Screen(View.SAY, "4 7 1 0 2 9"),
    "digits-after-phrase": Screen(View.SAY, "4 7 1 0 2 9 3 8", phrase=True),
    "words": Screen(View.SAY, "garden velvet mountain paper silver"),
    "welcome": Screen(View.WELCOME),
    "welcome-name": Screen(View.WELCOME, name="Bartholomäus Wolkenstein-Rodenegg"),
    "again": Screen(View.AGAIN),
    "ring": Screen(View.RING),
    "closed": Screen(View.CLOSED),
    "exit": Screen(View.EXIT),
    "offline": Screen(View.OFFLINE),
    "out_of_order": Screen(View.OUT_OF_ORDER),
}
PICTURES = os.environ.get("KIOSK_PICTURES")
"""Folder for the pictures; none are kept without it."""


class Kiosk:
    """A screen's server without a kiosk behind it."""

    def __init__(self, facts: KioskFacts = FACTS) -> None:
        self.touches: list[Touch] = []
        self.feed = ScreenFeed(facts)
        self.server = ScreenServer(self.feed, self.touches.append, "127.0.0.1", 0)
        self.server.start()

    def show(self, page: Page, screen: Screen) -> None:
        self.feed.show(screen)
        page.wait_for_selector(f'body[data-view="{screen.view}"]')
        if screen.words:
            page.wait_for_function("words => document.getElementById('words').textContent === words", arg=screen.words)


@contextmanager
def running(facts: KioskFacts = FACTS) -> Iterator[Kiosk]:
    made = Kiosk(facts)
    try:
        yield made
    finally:
        made.server.close()


@pytest.fixture(scope="module")
def kiosk() -> Iterator[Kiosk]:
    with running() as made:
        yield made


def at(panel: str, **options: Any) -> dict[str, Any]:
    width, height = PANELS[panel]
    return {"viewport": {"width": width, "height": height}, "has_touch": True, "locale": "en-GB", **options}


CUT = """() => {
  const faults = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) faults.push("the page scrolls");
  const dialog = document.querySelector("dialog[open]");
  const shown = [...(dialog ?? document.body).querySelectorAll("h1, h2, p, button")].filter((part) => {
    if (part.closest(".hush") || (!dialog && part.closest("dialog"))) return false;
    return part.checkVisibility({ visibilityProperty: true }) && part.textContent.trim();
  });
  const called = (part) => part.id || part.textContent.trim().slice(0, 40);
  const edge = (dialog ?? root).getBoundingClientRect();
  const boxes = shown.map((part) => part.getBoundingClientRect());
  for (const [i, part] of shown.entries()) {
    const box = boxes[i];
    const range = document.createRange();
    range.selectNodeContents(part);
    const text = range.getBoundingClientRect();
    const inside =
      box.left > edge.left - 1 && box.top > edge.top - 1 && box.right < edge.right + 1 && box.bottom < edge.bottom + 1;
    if (!inside) faults.push("outside: " + called(part));
    if (text.left < box.left - 2 || text.right > box.right + 2) faults.push("cut: " + called(part));
    for (const [j, other] of shown.entries()) {
      if (j <= i || part.contains(other) || other.contains(part)) continue;
      const wide = Math.min(box.right, boxes[j].right) - Math.max(box.left, boxes[j].left);
      const high = Math.min(box.bottom, boxes[j].bottom) - Math.max(box.top, boxes[j].top);
      if (wide > 1 && high > 1) faults.push("overlap: " + called(part) + " / " + called(other));
    }
  }
  return faults;
}"""


def picture(page: Page, *names: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES, "-".join(names) + ".png"))


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_cut_in_any_picture(browser: Browser, panel: str, language: str) -> None:
    facts = replace(FACTS, languages=(language, *(other for other in LANGUAGES if other != language)))
    with running(facts) as ours, opened(browser, ours.server.url, microphone=None, **at(panel)) as page:
        for name, screen in SCREENS.items():
            ours.show(page, screen)
            if screen.view in (View.LISTENING, View.SAY):
                for level in (-50, -35, -22, -30, -18, -40, -26) * 6:
                    ours.feed.level(level)
                page.wait_for_timeout(60)
            picture(page, name, panel, language)
            assert page.evaluate(CUT) == [], (name, panel, language)
            assert page.evaluate("document.documentElement.lang") == language
        ours.show(page, SCREENS["idle"])
        page.click("#privacy-open")
        picture(page, "privacy", panel, language)
        assert page.evaluate(CUT) == [], ("privacy", panel, language)


@pytest.mark.parametrize("panel", PANELS)
@pytest.mark.parametrize("by", ["touch", "claim", "either"])
def test_ways_to_begin(browser: Browser, panel: str, by: str) -> None:
    for language in LANGUAGES:
        with (
            running(replace(FACTS, by=by, touch=by == "touch", languages=(language, "en"))) as ours,
            opened(browser, ours.server.url, microphone=None, **at(panel)) as page,
        ):
            ours.show(page, SCREENS["idle"])
            picture(page, f"idle-{by}", panel, language)
            assert page.evaluate(CUT) == [], (by, panel, language)
            if by == "claim":
                page.click("#pad-open")
                page.click('[data-key="2"]')
                picture(page, "pad", panel, language)
                assert page.evaluate(CUT) == [], ("pad", panel, language)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, kiosk: Kiosk, scheme: str) -> None:
    with opened(browser, kiosk.server.url, microphone=None, **at("panel", color_scheme=scheme)) as page:
        for name, screen in SCREENS.items():
            kiosk.show(page, screen)
            picture(page, name, "panel", scheme)
            assert accessibility_faults(page) == [], (name, scheme)
        kiosk.show(page, SCREENS["idle"])
        page.click("#privacy-open")
        assert accessibility_faults(page) == [], ("privacy", scheme)


def test_a_screen_reader_is_told_the_answer(browser: Browser, kiosk: Kiosk) -> None:
    with opened(browser, kiosk.server.url, microphone=None, **at("panel")) as page:
        kiosk.show(page, SCREENS["digits"])
        assert page.inner_text("#say-aloud").startswith("Say this. 4 7 1 0 2 9")
        kiosk.show(page, SCREENS["welcome"])
        assert page.inner_text("#say-aloud") == "Come in. The door is open."


def test_what_a_visitor_says_by_touch(browser: Browser) -> None:
    with (
        running(replace(FACTS, by="either", touch=True)) as ours,
        opened(browser, ours.server.url, microphone=None, **at("panel")) as page,
    ):
        ours.show(page, SCREENS["idle"])
        with page.expect_response("**/touch"):
            page.click("#touch")
        with page.expect_response("**/ring"):
            page.click("#ring-bell")
        page.click("#pad-open")
        for key in ("2", "4", "9", "erase", "6", "8"):
            page.click(f'[data-key="{key}"]')
        with page.expect_response("**/claim"):
            page.click('[data-key="enter"]')
        with page.expect_response("**/claim"):
            page.keyboard.type("BADGE 0042")  # a reader that types
            page.keyboard.press("Enter")
        ours.show(page, SCREENS["listening"])
        with page.expect_response("**/cancel"):
            page.click("#cancel")
    assert ours.touches == [
        Touch(TouchKind.TOUCH),
        Touch(TouchKind.RING),
        Touch(TouchKind.CLAIM, "2468"),
        Touch(TouchKind.CLAIM, "BADGE 0042"),
        Touch(TouchKind.CANCEL),
    ]


def test_a_visitor_chooses_a_language(browser: Browser, kiosk: Kiosk) -> None:
    with opened(browser, kiosk.server.url, microphone=None, **at("panel")) as page:
        kiosk.show(page, SCREENS["idle"])
        page.get_by_role("button", name="中文").click()
        assert page.inner_text("#title") == "请说话"
        kiosk.show(page, SCREENS["welcome"])
        assert page.inner_text("#title") == "请进"


def test_the_tones_are_the_answers(browser: Browser, kiosk: Kiosk) -> None:
    kiosk.feed.show(SCREENS["idle"])
    with opened(browser, kiosk.server.url, microphone=None, **at("panel")) as page:
        kiosk.show(page, SCREENS["idle"])
        page.evaluate(
            """() => {
              window.tones = [];
              const start = OscillatorNode.prototype.start;
              OscillatorNode.prototype.start = function (at) {
                tones.push(this.frequency.value);
                start.call(this, at);
              };
            }"""
        )
        for name, expected in (("welcome", [660, 880, 1320]), ("again", [440, 440]), ("idle", [])):
            kiosk.show(page, SCREENS[name])
            assert page.evaluate("tones.splice(0)") == expected


def test_a_kiosk_that_is_gone_is_told(browser: Browser) -> None:
    with running() as ours:
        context = browser.new_context(**at("panel"))
        page = context.new_page()
        page.clock.install()
        page.goto(ours.server.url)
        ours.show(page, SCREENS["idle"])
        ours.server.close()
        page.clock.run_for(15_000)
        page.wait_for_selector('body[data-view="out_of_order"]')
        context.close()
