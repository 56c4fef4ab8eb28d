"""Chromium, its microphone and a server with the shipped engines, once for all tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.rig import FakeMicrophone, chromium, chromium_args, opened, server_process


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder carries the marker."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that is the microphone."""
    return tmp_path_factory.mktemp("microphone") / "microphone.wav"


@pytest.fixture
def microphone(recording: Path) -> FakeMicrophone:
    """The microphone, with something to hear."""
    fake = FakeMicrophone(recording)
    fake.says("awb", "door-4")
    return fake


@pytest.fixture(scope="package")
def browser(recording: Path) -> Iterator[Browser]:
    """The browser. Not for the whole session: while it is there, no other test of this thread can run a loop."""
    path = chromium()
    if path is None:
        pytest.skip("Chromium is not installed. Debian and Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=chromium_args(recording))
        yield running
        running.close()


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the server."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="package")
def site(home: Path) -> Iterator[str]:
    """The address of the page of a running server that knows nobody yet."""
    with server_process(home) as address:
        yield address


@pytest.fixture(scope="module")
def one_page(browser: Browser, site: str, recording: Path) -> Iterator[Page]:
    """One page for the tests of a module."""
    FakeMicrophone(recording).says("awb", "door-4")
    with opened(browser, site) as ours:
        yield ours


@pytest.fixture
def page(one_page: Page) -> Iterator[Page]:
    """The page, which nothing that a test patched outlives."""
    yield one_page
    one_page.reload()


@pytest.fixture
def usual_size(page: Page) -> Iterator[None]:
    """Who makes the page small need not make it large again."""
    yield
    page.set_viewport_size({"width": 1280, "height": 800})
