"""The page of the REST interface: made of the server's own description, without a network."""

import json
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser

from tests.browser.rig import accessibility_faults, opened

pytestmark = pytest.mark.browser


def test_every_operation_is_shown_with_its_fields(browser: Browser, site: str) -> None:
    address = site.rstrip("/")
    with urlopen(f"{address}/openapi.json") as answer:  # noqa: S310 - the server of the test
        described = json.load(answer)["paths"]
    operations = sum(len(methods) for methods in described.values())
    with opened(browser, site, microphone=None) as page:
        page.goto(f"{address}/docs")
        page.wait_for_selector("details")
        assert page.locator("details").count() == operations
        page.click("summary:has-text('/v1/sessions')")
        assert page.locator("details[open] code:has-text('audience')").count() >= 1
        # all are made by the same code, and looking at each would take minutes
        page.evaluate("for (const each of [...document.querySelectorAll('details')].slice(0, 6)) each.open = true")
        assert accessibility_faults(page) == []
