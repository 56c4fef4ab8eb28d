"""A person enrolls, is verified and identified in Chromium, with the shipped engines behind a real server."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.rig import PHRASE, FakeMicrophone, opened, reasons, result


@pytest.fixture(scope="module")
def page(browser: Browser, site: str, recording: object) -> Iterator[Page]:
    with opened(browser, site) as ours:
        yield ours


def test_enrollment_takes_three_utterances(page: Page, microphone: FakeMicrophone) -> None:
    microphone.says("awb", "door-1", "door-2", "door-3")
    page.click("text=Enroll")
    page.fill("#name", "ada")
    page.fill("#phrase", PHRASE)
    page.click("#start")
    page.wait_for_selector("#steps li[data-state=done]")
    assert page.inner_text("#say") == PHRASE
    assert page.inner_text("#notice").startswith("Good: clear enough")
    assert result(page) == "Enrolled."
    assert PHRASE in reasons(page)[0]
    page.click("text=Verify now")
    assert page.input_value("#name") == "ada"


@pytest.mark.parametrize(
    ("voice", "name", "heading", "sentence"),
    [
        ("awb", "door-4", "Accepted.", "The voice matches."),
        ("slt", "door-4", "Not accepted.", "The voice does not match the enrolled one."),
        ("awb", "window", "Not accepted.", "Those were other words than the pass phrase."),
    ],
)
def test_verification(
    page: Page, microphone: FakeMicrophone, voice: str, name: str, heading: str, sentence: str
) -> None:
    microphone.says(voice, name)
    page.click("text=Verify")
    page.fill("#name", "ada")
    page.click("#start")
    page.wait_for_selector("#curve:not([hidden])")
    assert result(page) == heading
    assert reasons(page)[0] == sentence


@pytest.mark.parametrize(("voice", "heading"), [("awb", "ada"), ("kal16", "Nobody known.")])
def test_identification(page: Page, microphone: FakeMicrophone, voice: str, heading: str) -> None:
    microphone.says(voice, "long-2")
    page.click("text=Identify")
    page.click("#start")
    assert result(page) == heading


def test_an_unknown_name_is_told_in_a_sentence(page: Page, microphone: FakeMicrophone) -> None:
    page.click("text=Verify")
    page.fill("#name", "nobody of that name")
    page.click("#start")
    assert result(page) == "Nobody of that name."
    assert page.inner_text("#verdict-lead") != ""
