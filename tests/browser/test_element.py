"""`<streamauth-verify>`, in the page of the example backend, which its own process serves."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.rig import FakeMicrophone, ScriptedServer, accessibility_faults, decision, opened
from tests.browser.test_client import PROMPT, SIGNED
from tests.examples.test_backend import backend


@pytest.fixture(scope="module")
def shop(browser: Browser, site: str, recording: Path) -> Iterator[Page]:
    """The example's page, and its process; what it would ask a streamauth server is answered by the test."""
    FakeMicrophone(recording).says("awb", "door-4")
    with (
        backend(site.replace("http", "ws", 1) + "v1/stream", "sa_not_used") as web,
        opened(browser, "about:blank") as page,
    ):
        page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        page.goto(web.base)
        yield page


@pytest.fixture
def asked(shop: Page) -> Iterator[list[object]]:
    """What the page asks its backend."""
    asked: list[object] = []

    def answer(route: Route) -> None:
        asked.append(json.loads(route.request.post_data or ""))
        route.fulfill(json={"token": "st_once"} if route.request.url.endswith("begin") else {"signed_in": "bob"})

    for path in ("**/begin", "**/finish"):
        shop.route(path, answer)
    yield asked
    for path in ("**/begin", "**/finish"):
        shop.unroute(path)


def test_the_element_listens_and_hands_the_verdict_to_the_backend(shop: Page, asked: list[object]) -> None:
    server = ScriptedServer([(0, PROMPT), (9, SIGNED), (9, decision("accept", "voice_match"))]).on(shop)
    shop.fill("#name", "bob")
    shop.click("text=Start speaking")
    shop.wait_for_selector("streamauth-verify >> text=4 7 1 0 2 9")
    shop.wait_for_selector("#welcome:text-is('Hello, bob.')")
    shop.wait_for_selector("streamauth-verify >> text=Accepted. The voice matches.")
    assert asked == [{"name": "bob"}, {"verdict": SIGNED["token"]}]
    assert [start.token for start in server.starts] == ["st_once"]
    assert shop.is_hidden("text=Stop")
    assert accessibility_faults(shop) == []


def test_the_element_says_why_not_in_the_language_of_the_page(shop: Page, asked: list[object]) -> None:
    ScriptedServer([(2, decision("reject", "voice_mismatch"))]).on(shop)
    shop.evaluate("document.querySelector('streamauth-verify').lang = 'fr'")
    shop.click("text=Parler")
    shop.wait_for_selector("streamauth-verify >> text=Non accepté. La voix n’est pas celle enregistrée.")
    assert len(asked) == 1, "no verdict is told that accepts nothing"
    failed = """() => new Promise((done) => {
      const voice = document.querySelector("streamauth-verify");
      voice.addEventListener("failure", ({ detail }) => done(detail.code), { once: true });
      void voice.start().then(() => voice.stop());
      setTimeout(() => voice.stop(), 50);
    })"""
    ScriptedServer().on(shop)
    assert shop.evaluate(failed) == "cancelled"
    shop.wait_for_selector("streamauth-verify >> text=Vous avez arrêté")
    assert shop.is_enabled("text=Parler")


def test_the_backend_serves_one_page_and_nothing_else(shop: Page) -> None:
    assert shop.request.get(shop.url).status == 200
    assert shop.request.get(f"{shop.url}backend.py").status == 404
