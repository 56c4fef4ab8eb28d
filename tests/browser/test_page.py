"""The page: what goes wrong is explained, and everybody can use it."""

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.rig import (
    PHRASE,
    FakeMicrophone,
    ScriptedServer,
    accessibility_faults,
    decision,
    error,
    opened,
    result,
)

FACTS = {"utterances": 3, "free_speech_s": 20.0, "keeps_audio": False, "version": "0"}
RANKING = [{"name": name, "llr": llr, "score": 0.5} for name, llr in (("ada", 12.0), ("bob", -7.5), ("eve", -14.0))]
TAKEN = {"at_s": 1.0, "speech_s": 2.1, "needed_speech_s": 0.0, "phrase": PHRASE, "type": "utterance_taken"}
REFUSED = {"type": "utterance_refused", "at_s": 2.0, "reasons": ["too_quiet"], "heard": "please open"}
ENROLLED = {"type": "enrolled", "at_s": 3.0, "count": 3, "speech_s": 6.5, "phrase": PHRASE}
PROMPT = {"type": "prompt", "at_s": 0.0, "text": "4 7 1 0 2 9", "after_phrase": True, "expires_s": 60.0}
PRONUNCIATION = {"type": "pronunciation", "words": {"kelvandro": ["K EH L", "K AH L"], "brillowen": ["B R IH L"]}}


def begin(page: Page, view: str = "Verify", **fields: str) -> None:
    """Fill in a form and press its button."""
    page.click(f"nav >> text={view}")
    if view != "Identify":
        page.fill("#name", "ada")
    for field, value in fields.items():
        page.fill(f"#{field}", value)
    page.click("#start")


def score(at_s: float, llr: float) -> dict[str, Any]:
    return {"type": "score", "at_s": at_s, "score": 0.5, "llr": llr, "speech_s": at_s}


def band(at_s: float, name: str) -> dict[str, Any]:
    return {"type": "band", "at_s": at_s, "band": name, "speech_s": at_s}


def test_the_permission_is_explained_before_it_is_asked_for(browser: Browser, site: str) -> None:
    with opened(browser, site, microphone=None) as page:
        begin(page)
        # the browser is asked first what it was told before
        page.wait_for_selector("#panel-ask", state="visible")
        page.wait_for_function("() => document.activeElement.id === 'ask-title'")
        assert page.evaluate("document.activeElement.id") == "ask-title"
        assert site.split("/")[2] in page.inner_text("#ask-host")
        page.emulate_media(color_scheme="dark")
        assert accessibility_faults(page) == []
        page.click("#ask-no")
        assert page.is_visible("#form")


def test_a_denied_permission_is_explained(browser: Browser, site: str) -> None:
    with opened(browser, site, microphone=False) as page:
        server = ScriptedServer().on(page)
        begin(page)
        assert result(page) == "The microphone is blocked."
        assert "Allow it" in page.inner_text("#verdict-lead")
        assert page.locator("#remedy li").count() == 3
        assert server.starts == []
        assert accessibility_faults(page) == []


def test_a_page_that_is_not_secure_gets_no_microphone_and_says_so(browser: Browser, site: str) -> None:
    # served from the disk: the name is not the server's own, and no port of it need be open
    folder = Path(__file__).parents[2] / "streamauth" / "server" / "page"
    with opened(browser, "about:blank", microphone=None) as page:
        page.route("http://voice.test/**", lambda route: route.fulfill(path=folder / _file(route.request.url)))
        page.route("http://voice.test/page.json", lambda route: route.fulfill(json=FACTS))
        page.route("http://voice.test/v1/sign-in", lambda route: route.fulfill(json={"key_id": None, "scopes": []}))
        page.goto("http://voice.test/")
        begin(page)
        assert result(page) == "Not over this connection."
        assert "https://" in page.inner_text("#verdict-lead")


def _file(url: str) -> str:
    return url.removeprefix("http://voice.test/") or "index.html"


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("NotFoundError", "No microphone found."),
        ("NotReadableError", "The microphone is taken."),
        ("UnknownError", "Undecided."),
    ],
)
def test_a_microphone_that_does_not_open(page: Page, name: str, heading: str) -> None:
    page.evaluate(
        "(name) => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }", name
    )
    begin(page)
    assert result(page) == heading


def test_a_broken_connection_is_undecided_and_a_new_attempt_is_offered(page: Page) -> None:
    server = ScriptedServer([(5, 1011)]).on(page)
    begin(page)
    assert result(page) == "Undecided."
    assert "Nothing was accepted" in page.inner_text("#verdict-lead")
    server.script = [(2, decision("accept", "voice_match"))]
    page.click("#again")
    page.wait_for_selector("#verdict[data-verdict=accept]")
    assert len(server.starts) == 2


def test_a_server_without_room_says_so_in_its_own_words(page: Page) -> None:
    ScriptedServer(refusal=error("server_busy", "There is no room now.")).on(page)
    begin(page)
    assert result(page) == "The server is full."
    assert page.inner_text("#verdict-lead") == "There is no room now."


def test_a_name_is_needed(page: Page) -> None:
    page.click("nav >> text=Verify")
    page.fill("#name", "")
    page.click("#start")
    assert page.inner_text("#problem") == "Fill in the name first."
    assert page.evaluate("document.activeElement.id") == "name"
    assert page.get_attribute("#name", "aria-invalid") == "true"
    assert accessibility_faults(page) == []


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        ([score(1.0, -1.0), score(2.0, 9.5)], "Very like the enrolled voice · 2.0 s of speech"),
        ([band(1.0, "below"), band(2.0, "far_below")], "Unlike the enrolled voice · 2.0 s of speech"),
        ([], None),
    ],
)
def test_the_curve_follows_numbers_or_bands_and_is_absent_without_either(
    page: Page, messages: list[dict[str, Any]], shown: str | None
) -> None:
    ScriptedServer([*((2, message) for message in messages)]).on(page)
    begin(page)
    page.wait_for_selector("#level:not([hidden])")
    if shown is None:
        page.wait_for_timeout(300)
        assert page.is_hidden("#curve")
    else:
        page.wait_for_selector(f"#curve-text:text-is('{shown}')")
    page.click("#stop")
    page.wait_for_selector("#form")


def test_the_level_is_told_to_eyes_and_to_screen_readers(page: Page, microphone: FakeMicrophone) -> None:
    microphone.says("awb", "door-4", gain=30.0)
    ScriptedServer().on(page)
    begin(page)
    page.wait_for_selector("#meter[data-clipped]")
    page.wait_for_selector("#meter-hint:text-is('Too loud: step back a little')")
    assert page.get_attribute("#meter", "aria-valuetext") == "Too loud: step back a little"
    page.keyboard.press("Escape")
    page.wait_for_selector("#form")


def test_everything_works_by_keyboard_and_is_announced(page: Page) -> None:
    ScriptedServer([(60, decision("reject", "phrase_mismatch", "voice_match"))]).on(page)
    page.click("nav >> text=Verify")
    page.fill("#name", "")
    page.focus("#name")
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    page.wait_for_selector("#level:not([hidden])")
    assert page.inner_text("#status").startswith("Listening. Say your pass phrase.")
    assert result(page) == "Not accepted."
    assert page.evaluate("document.activeElement.id") == "verdict"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "again"


def test_guided_enrollment_tells_how_each_utterance_was(page: Page) -> None:
    script = [(3, TAKEN | {"count": 1, "needed": 2}), (6, REFUSED)]
    ScriptedServer(script).on(page)
    begin(page, "Enroll", phrase=PHRASE)
    page.wait_for_selector("#steps li[data-state=done]")
    page.wait_for_selector("#notice:has-text('That one does not count. That was too quiet.')")
    assert page.locator("#steps li[data-state=done]").count() == 1
    assert page.inner_text("#status").startswith("That one does not count.")
    page.click("#stop")


def test_it_is_told_how_unusual_words_should_sound(page: Page) -> None:
    ScriptedServer([(0, PRONUNCIATION)]).on(page)
    begin(page, "Enroll", phrase="my friend kelvandro meets brillowen")
    page.wait_for_selector("#sounds")
    told = page.inner_text("#sounds")
    assert told == (
        "“kelvandro” is not in the dictionary. Say it like “kel” or “kuhl”. "
        "“brillowen” is not in the dictionary. Say it like “bril”."
    )
    status = page.inner_text("#status")
    assert status.startswith("Listening. my friend kelvandro meets brillowen")
    assert status.endswith(told)
    page.click("#stop")
    # the next attempt has other words
    ScriptedServer().on(page)
    begin(page, "Enroll", phrase=PHRASE)
    page.wait_for_selector("#level:not([hidden])")
    assert page.is_hidden("#sounds")
    page.click("#stop")


def test_a_drawn_prompt_is_shown_and_its_words_light_up(page: Page) -> None:
    server = ScriptedServer([(0, PROMPT), (3, {"type": "words", "at_s": 1.0, "text": "4 7", "final": False})]).on(page)
    page.click("nav >> text=Verify")
    page.click("summary")
    page.select_option("#prompt", "digits")
    begin(page)
    page.wait_for_selector("#say span[data-heard]")
    assert page.inner_text("#say") == "4 7 1 0 2 9"
    assert page.locator("#say span[data-heard]").all_inner_texts() == ["4", "7"]
    assert server.starts[0].prompt == "digits"
    page.click("#stop")


RANKED = {"type": "ranking", "at_s": 1.0, "speech_s": 1.0, "ranking": RANKING}
STATES = {
    "verify": ("Verify", None, "#form"),
    "enroll": ("Enroll", None, "#form"),
    "identify": ("Identify", None, "#form"),
    "listening": ("Verify", [score(1.0, -1.0), score(2.0, 9.0)], "#curve:not([hidden])"),
    "enrolling": ("Enroll", [TAKEN | {"count": 1, "needed": 2}, REFUSED], "#notice:has-text('not count')"),
    "unusual": ("Enroll", [PRONUNCIATION], "#sounds"),
    "enrolled": ("Enroll", [ENROLLED], "#verdict[data-verdict=accept]"),
    "accepted": ("Verify", [decision("accept", "voice_match", llr=8.0)], "#verdict[data-verdict=accept]"),
    "rejected": ("Verify", [decision("reject", "voice_mismatch")], "#verdict[data-verdict=reject]"),
    "undecided": ("Verify", [1011], "#verdict[data-verdict=undecided]"),
    "ranked": ("Identify", [RANKED], "#live-ranking li"),
    "identified": ("Identify", [decision("accept", "voice_match", name="ada", ranking=RANKING)], "#ranking li"),
}


@pytest.mark.parametrize("state", STATES)
def test_no_fault_of_accessibility_light_or_dark_and_nothing_wider_than_a_phone(page: Page, state: str) -> None:
    view, script, sign = STATES[state]
    if script is None:
        page.click(f"nav >> text={view}")
        page.eval_on_selector("details", "(details) => { details.open = true; }")
    else:
        ScriptedServer([(3, message) for message in script]).on(page)
        begin(page, view, **({"phrase": PHRASE} if view == "Enroll" else {}))
    page.wait_for_selector(sign)
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        assert accessibility_faults(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 1280, "height": 800})
    if page.is_visible("#stop"):
        page.click("#stop")
