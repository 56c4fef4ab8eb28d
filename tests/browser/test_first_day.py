"""The page on phones and by people who are there for the first time."""

import json

import pytest
from playwright.sync_api import Page, Route

from tests.browser.rig import (
    PHRASE,
    FakeMicrophone,
    ScriptedServer,
    accessibility_faults,
    decision,
    error,
    in_view,
    result,
)
from tests.browser.test_page import ENROLLED, FACTS, REFUSED, TAKEN, begin, score

SCREENS = [(375, 553), (390, 844), (667, 375), (844, 390), (320, 568), (1920, 1080)]
pytestmark = pytest.mark.usefixtures("usual_size")
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff" * 3


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_the_live_buttons_are_in_view(page: Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    ScriptedServer([(2, score(1.0, 4.0)), (2, TAKEN | {"count": 1, "needed": 2}), (2, REFUSED)]).on(page)
    for view, fields in (("Verify", {}), ("Enroll", {"phrase": PHRASE})):
        begin(page, view, **fields)
        page.wait_for_selector("#curve:not([hidden])" if view == "Verify" else "#notice:not([hidden])")
        assert in_view(page, "#done")
        assert in_view(page, "#stop")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.click("#stop")
        page.wait_for_selector("#form")


def test_a_long_name_stays_on_a_small_screen(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 568})
    ScriptedServer([(1, decision("accept", "voice_match"))]).on(page)
    page.click("nav >> text=Verify")
    page.fill("#name", LONG_NAME)
    page.click("#start")
    assert result(page) == "Accepted."
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_large_screen_has_large_letters(page: Page) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    assert page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)") >= 20


@pytest.mark.parametrize("hash_", ["#nonsense", "#talk", "#constructor", "#verify?x"])
def test_an_unknown_address_leads_to_the_first_view(page: Page, hash_: str) -> None:
    address = page.url.partition("#")[0]
    page.goto("about:blank")
    page.goto(address + hash_)
    assert page.inner_text("#title") == "Is it you?"
    assert page.url.endswith("#verify")
    page.evaluate("location.hash = 'gone'")
    page.wait_for_function("() => location.hash === '#verify'")
    assert page.is_visible("#form")


def test_the_skip_link_moves_the_focus_and_a_reload_keeps_the_view(page: Page) -> None:
    page.click("nav >> text=Enroll")
    page.focus(".skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "talk"
    assert page.url.endswith("#enroll")
    page.reload()
    assert page.inner_text("#title") == "Teach it your voice."


def test_the_big_dial_starts(page: Page) -> None:
    server = ScriptedServer([(1, decision("accept", "voice_match"))]).on(page)
    page.click("nav >> text=Verify")
    page.fill("#name", "ada")
    page.click("#dial-start")
    assert result(page) == "Accepted."
    assert len(server.starts) == 1


@pytest.mark.parametrize(("keeps", "utterances", "times"), [(False, 3, "three times"), (True, 5, "five times")])
def test_promises_follow_the_settings(page: Page, keeps: bool, utterances: int, times: str) -> None:
    facts = FACTS | {"keeps_audio": keeps, "utterances": utterances, "free_speech_s": 10.0 * utterances}
    page.route("**/page.json", lambda route: route.fulfill(json=facts))
    page.reload()
    page.click("nav >> text=Enroll")
    page.wait_for_function("() => document.getElementById('kept').textContent !== ''")
    told = page.inner_text("#lead") + page.inner_text(".foot") + (page.text_content("#ask-kept") or "")
    assert times in told
    assert f"{10 * utterances} seconds of speech" in page.inner_text("#free-text")
    assert ("kept there, sealed" in told) is keeps
    assert ("not kept" in told) is not keeps
    page.unroute("**/page.json")


def test_an_agreement_is_asked_for_and_sent(page: Page) -> None:
    server = ScriptedServer([(1, decision("accept", "voice_match"))]).on(page)
    page.route("**/page.json", lambda route: route.fulfill(json=FACTS | {"consent": "2026-01"}))
    page.reload()
    page.click("nav >> text=Enroll")
    page.wait_for_selector("#consent:has-text('2026-01')")
    page.fill("#name", "ada")
    page.fill("#phrase", PHRASE)
    page.check("#consent input")
    assert accessibility_faults(page) == []
    page.click("#dial-start")
    assert result(page)
    assert server.starts[0].consent == "2026-01"
    page.unroute("**/page.json")
    page.reload()
    page.click("nav >> text=Enroll")
    assert page.is_hidden("#consent")


def test_the_strength_of_a_phrase_is_told_while_it_is_typed(page: Page) -> None:
    page.click("nav >> text=Enroll")
    page.fill("#phrase", "let me in")
    page.wait_for_selector("#phrase-worth[data-level=weak]")
    page.fill("#phrase", "seven green apples fell on the roof of kelvandro")
    page.wait_for_selector("#phrase-worth:has-text('“kelvandro” is unusual')")
    assert page.get_attribute("#phrase-worth", "data-level") in ("fair", "strong")
    assert accessibility_faults(page) == []
    page.fill("#phrase", "")


def test_a_delay_is_counted_down(page: Page) -> None:
    ScriptedServer(refusal=error("attempt_delayed", "There were failed attempts. Wait 2 s before the next one.")).on(
        page
    )
    begin(page)
    page.wait_for_selector("#again:text-is('Try again in 2 s')")
    assert page.is_disabled("#again")
    page.wait_for_selector("#again:text-is('Try again')")
    assert page.is_enabled("#again")
    assert page.get_attribute("#dial", "data-mood") == "error"


def test_a_phrase_is_chosen_before_it_is_said(page: Page) -> None:
    """What the recognizer would write down by itself is often not what was said."""
    server = ScriptedServer([(1, ENROLLED)]).on(page)
    begin(page, "Enroll")
    assert page.inner_text("#problem").startswith("Choose a pass phrase first")
    assert page.evaluate("document.activeElement.id") == "phrase"
    assert (page.get_attribute("#phrase", "aria-invalid"), page.get_attribute("#name", "aria-invalid")) == (
        "true",
        None,
    )
    assert server.starts == []
    page.fill("#phrase", PHRASE)
    page.click("#start")
    assert result(page) == "Enrolled."
    assert [start.phrase for start in server.starts] == [PHRASE]


def test_a_server_that_is_gone_is_no_fault_of_the_microphone(page: Page) -> None:
    ScriptedServer([(1, decision("accept", "voice_match"))]).on(page)
    page.evaluate("() => { window.there = window.fetch; window.fetch = async () => { throw new TypeError(); }; }")
    begin(page)
    assert result(page) == "No connection."
    assert "The server cannot be reached" in page.inner_text("#verdict-lead")
    page.evaluate("() => { window.fetch = window.there; }")
    page.click("#again")
    page.wait_for_selector("#verdict:text-is('Accepted.')")
    # the module that takes the sound comes from the server, too
    page.evaluate(
        "() => { AudioWorklet.prototype.addModule = async () => { throw new DOMException('', 'AbortError'); }; }"
    )
    page.evaluate("document.getElementById('verdict').textContent = ''")
    page.click("#again")
    page.wait_for_selector("#verdict:text-is('No connection.')")


@pytest.mark.parametrize("code", ["profile_exists", "unknown_profile", "weak_phrase", "profile_locked"])
def test_advice_leads_somewhere(page: Page, code: str) -> None:
    ScriptedServer(refusal=error(code, "A sentence.")).on(page)
    begin(page, "Enroll", phrase=PHRASE)
    page.wait_for_selector("#verdict[data-verdict=undecided]")
    assert page.is_hidden("#again"), "the same again would end the same way"
    assert page.is_visible("#change")
    if code in ("profile_exists", "profile_locked"):
        page.click("#remedy-link")
        page.wait_for_selector("#panel-profiles", state="visible")
    else:
        page.click("#change")
        assert page.is_visible("#form")


def test_free_speech_has_a_text_to_read_and_tells_how_much_is_to_come(page: Page) -> None:
    free = {"count": 1, "needed": 0, "speech_s": 5.0, "needed_speech_s": 15.0, "phrase": None}
    ScriptedServer([(4, TAKEN | free), (6, ENROLLED | {"phrase": None})], closes=False).on(page)
    page.click("nav >> text=Enroll")
    page.check("#free")
    begin(page, "Enroll")
    page.wait_for_selector("#progress-text:text-is('About 15 seconds of speech to go')")
    assert page.inner_text("#say").startswith("On a quiet morning")
    assert page.get_attribute("#progress", "aria-valuenow") == "25"
    turned = page.evaluate("getComputedStyle(document.getElementById('dial'), '::before').backgroundImage")
    assert " 90" in turned, "the ring is filled by a quarter"
    page.wait_for_selector("#verdict[data-verdict=accept], #stop", state="visible")
    page.reload()
    page.uncheck("#free") if page.is_checked("#free") else None


def test_a_silent_microphone_is_told_in_seconds(page: Page, microphone: FakeMicrophone) -> None:
    microphone.says("awb", "door-4", gain=0.0)
    ScriptedServer().on(page)
    begin(page)
    page.wait_for_selector("#meter-hint:has-text('The microphone is silent')", timeout=12_000)
    assert page.get_attribute("#meter-hint", "data-bad") is not None
    page.click("#stop")


# its mean level is -20 dB of full scale: -45 dB, and much less
@pytest.mark.parametrize("gain", [0.054, 0.01])
def test_a_quiet_voice_is_told_to_come_closer(page: Page, microphone: FakeMicrophone, gain: float) -> None:
    microphone.says("awb", "long-1", gain=gain)
    ScriptedServer().on(page)
    begin(page)
    page.wait_for_selector("#meter-hint:text-is('Too quiet: come closer or speak up')", timeout=12_000)
    page.click("#stop")


# --- profiles -------------------------------------------------------------------------------------------------

ADA = {"id": "1", "name": "ada", "kind": "text_dependent", "status": "enrolled", "locked": True, "failures": 10}


class Profiles:
    """The server's list, for who may do all or only some of it."""

    def __init__(self, page: Page, *scopes: str) -> None:
        self.calls: list[tuple[str, str]] = []
        self.listed = [ADA]
        self.who = {"key_id": "k" if scopes else None, "scopes": list(scopes)}
        page.route("**/v1/sign-in", lambda route: route.fulfill(json=self.who))
        for path in ("**/v1/profiles**", "**/v1/profiles/**", "**/v1/sessions"):
            page.route(path, self.answer)

    def answer(self, route: Route) -> None:
        request = route.request
        assert request.headers["x-streamauth-page"], "or else the cookie would not count"
        path = request.url.partition("/v1")[2].partition("?")[0]
        self.calls.append((request.method, path))
        if path == "/sessions":
            assert json.loads(request.post_data or "")["mode"] == "verify"
            route.fulfill(json={"token": f"st_{len(self.calls)}"})
        elif request.method == "GET":
            route.fulfill(json={"profiles": self.listed, "next": None})
        else:
            self.listed = [] if request.method == "DELETE" else [ADA | {"locked": False, "failures": 0}]
            route.fulfill(json=self.listed[0] if self.listed else {})


def test_profiles_are_unlocked_reset_and_deleted(page: Page) -> None:
    server = Profiles(page, "admin")
    page.click("nav >> text=Profiles")
    page.wait_for_selector("#profiles li:has-text('locked')")
    assert accessibility_faults(page) == []
    page.click("#profiles >> text=Unlock")
    page.wait_for_selector("#profiles li:has-text('enrolled')")
    page.click("#profiles >> text=Reset")
    assert ("POST", "/profiles/1/reset") not in server.calls, "what cannot be undone is asked for twice"
    page.click("#profiles >> text=Sure?")
    page.wait_for_function("() => document.getElementById('name').value === 'ada'")
    page.wait_for_selector("#profiles button:has-text('Delete')")
    page.click("#profiles >> text=Delete")
    page.click("#profiles >> text=Sure?")
    page.wait_for_selector("#profiles-told:text-is('Nobody is enrolled yet.')")
    assert [call for call in server.calls if call[0] != "GET"] == [
        ("POST", "/profiles/1/unlock"),
        ("POST", "/profiles/1/reset"),
        ("DELETE", "/profiles/1"),
    ]
    page.unroute_all()


def test_more_profiles_than_fit_are_shown_on_demand(page: Page) -> None:
    many = [ADA | {"id": str(number), "name": f"person {number}"} for number in range(3)]

    def answer(route: Route) -> None:
        more = "after=1" in route.request.url
        route.fulfill(json={"profiles": many[2:] if more else many[:2], "next": None if more else "1"})

    page.route("**/v1/sign-in", lambda route: route.fulfill(json={"key_id": None, "scopes": ["admin"]}))
    page.route("**/v1/profiles**", answer)
    page.click("nav >> text=Profiles")
    page.wait_for_selector("#profiles li:has-text('person 1')")
    assert page.locator("#profiles li").count() == 2
    page.click("text=Show more")
    page.wait_for_selector("#profiles li:has-text('person 2')")
    assert page.is_hidden("#profiles-more")
    page.unroute_all()


def test_each_attempt_of_who_is_signed_in_has_a_token_of_its_own(page: Page) -> None:
    Profiles(page, "verify")
    page.click("nav >> text=Profiles")
    page.wait_for_selector("#profiles-told:has-text('does not open the list')")
    assert page.is_visible("#sign-out")
    stream = ScriptedServer([(1, decision("accept", "voice_match"))]).on(page)
    begin(page)
    assert result(page) == "Accepted."
    # gone from the screen before the second outcome, however quick that comes
    page.evaluate("document.getElementById('verdict').textContent = ''")
    page.click("#again")
    page.wait_for_selector("#verdict:text-is('Accepted.')")
    # a connection that is made anew before it began takes a further one
    tokens = [start.token or "" for start in stream.starts]
    assert len(tokens) == len(set(tokens)) == 2
    assert all(token.startswith("st_") for token in tokens)
    page.unroute_all()


def test_a_wrong_key_is_told(page: Page) -> None:
    Profiles(page)
    page.click("nav >> text=Profiles")
    page.wait_for_selector("#sign-in", state="visible")
    assert page.is_hidden("#sign-out")
    page.evaluate(
        """() => {
          const refused = '{"error":{"code":"unauthorized","message":"Show a key."}}';
          window.fetch = async () => new Response(refused, { status: 401 });
        }"""
    )
    page.fill("#key", "sa_wrong")
    page.click("#sign-in button")
    page.wait_for_selector("#profiles-told:has-text('This key is not valid here.')")
    assert page.input_value("#key") == ""
    page.unroute_all()
