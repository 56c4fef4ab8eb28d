"""A person enrolls, is verified and identified in Chromium, with the shipped engines behind a real server."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from playwright.sync_api import Browser, Page

from tests.browser.rig import PHRASE, FakeMicrophone, api_key, opened, reasons, result, session_token


@pytest.fixture(scope="module")
def page(browser: Browser, site: str, recording: object) -> Iterator[Page]:
    with opened(browser, site) as ours:
        yield ours


def verified_claims(page: Page, token: str) -> dict[str, object]:
    """The claims of a signed verdict, once its signature holds."""
    keys = page.evaluate("async () => (await (await fetch('/v1/keys.json')).json()).keys")
    header, payload, signature = token.split(".")
    kid = json.loads(unpadded(header))["kid"]
    public = next(key["x"] for key in keys if key["kid"] == kid)
    Ed25519PublicKey.from_public_bytes(unpadded(public)).verify(unpadded(signature), f"{header}.{payload}".encode())
    claims = json.loads(unpadded(payload))
    assert isinstance(claims, dict)
    return claims


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


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


def test_with_api_keys_one_signs_in_once_and_each_attempt_has_a_token(
    page: Page, microphone: FakeMicrophone, home: Path
) -> None:
    key = api_key(home, "admin")
    page.click("text=Verify")
    page.fill("#name", "ada")
    page.click("#start")
    assert result(page) == "Sign in first."
    assert page.is_hidden("#again")
    page.click("#remedy-link:text-is('Sign in')")
    page.fill("#key", key)
    page.click("#sign-in button")
    page.wait_for_selector("#profiles li:has-text('ada')")
    assert page.input_value("#key") == ""
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert key not in kept
    assert "streamauth=" not in kept, "no script reads the cookie"
    for _ in range(2):
        page.click("nav >> text=Verify")
        page.click("#start")
        assert result(page) == "Accepted."
    page.click("nav >> text=Profiles")
    page.click("#sign-out")
    page.wait_for_selector("#sign-in", state="visible")
    assert page.locator("#profiles li").count() == 0


def test_with_api_keys_a_page_gets_a_verdict_for_its_backend(
    page: Page, microphone: FakeMicrophone, home: Path, site: str
) -> None:
    key = api_key(home)
    session = session_token(site, key, mode="verify", name="ada", audience="shop")
    outcome, again = page.evaluate(
        """async (token) => {
          const { VoiceSession } = await import("/streamauth.js");
          const run = () => new VoiceSession({ mode: "verify", token }).run().catch((error) => error.code);
          return [await run(), await run()];
        }""",
        session["token"],
    )
    claims = verified_claims(page, outcome["signed_verdict"])
    assert (claims["decision"], claims["sub"], claims["aud"]) == ("accept", "ada", "shop")
    assert claims["nonce"] == session["nonce"]
    assert again == "session_token_refused"
