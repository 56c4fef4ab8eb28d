"""Whole visits with the screen open in Chromium: who is threatened sees what everybody sees, to the pixel."""

from pathlib import Path

from playwright.sync_api import Browser, Page

from streamauth.kiosk.screen import View
from tests.browser.rig import opened
from tests.kiosk.card import SoundCard
from tests.kiosk.rig import eventually
from tests.kiosk.running import Running, card, enrolled, home, running

__all__ = ["card", "enrolled", "home"]  # fixtures

SHOWN = (View.LISTENING, View.WELCOME, View.IDLE)
STILL = "document.getAnimations().every((each) => each.playState === 'finished')"


def visit(page: Page, ours: Running, card: SoundCard, pin: str, says: str) -> dict[View, bytes]:
    """One visit: pictures of the answer and of the rest after it."""
    first = len(ours.screens)
    ours.claims(pin)
    page.wait_for_selector('body[data-view="listening"]')
    card.says("slt", says)
    pictures = {}
    for view in (View.WELCOME, View.IDLE):
        page.wait_for_selector(f'body[data-view="{view}"]')
        page.wait_for_function(STILL)
        pictures[view] = page.screenshot(mask=[page.locator("#clock")])  # but for the time of day
    eventually(lambda: tuple(screen.view for screen in ours.screens[first:]) == SHOWN)
    return pictures


def test_the_same_screen_under_threat(browser: Browser, home: Path, card: SoundCard) -> None:
    patient = {"identify": "claim", "answer_s": 8.0}
    with (
        running(home, card, kiosk=patient, door={"strike_s": 1.0}) as ours,
        opened(browser, ours.url, microphone=None, viewport={"width": 800, "height": 480}) as page,
    ):
        page.wait_for_selector('body[data-view="idle"]')
        usual = visit(page, ours, card, "2468", "door-4")
        threatened = visit(page, ours, card, "2468", "passport")
        assert usual[View.WELCOME] != usual[View.IDLE]
        assert threatened == usual, "the same, to the pixel"
        told, size = ours.screens, len(SHOWN)
        assert told[-size:] == told[-2 * size : -size]
        assert len(ours.pulses_s) == 2
