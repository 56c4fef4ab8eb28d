"""The operators' page in Chromium: signing in, doors that answer, people, schedules, the logs; on phone and desk."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from streamauth.core.door.access import Permission, Person
from streamauth.core.door.command import DoorAction
from streamauth.core.door.events import DoorEventKind, DoorMode, DoorState
from streamauth.core.door.message import DoorMessage
from streamauth.store.api_keys import Scope
from streamauth.store.door_plan import PersonRow, SpanRow
from tests.browser.rig import accessibility_faults, opened
from tests.server.rig import Watched, server
from tests.server.web import key_of

PICTURES = os.environ.get("DOORS_PICTURES")
"""Folder for the pictures; none are kept without it."""

DESK = {"viewport": {"width": 1280, "height": 850}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Doors:
    """Doors that obey, as kiosks do, without kiosks."""

    def __init__(self, watched: Watched) -> None:
        self.store = watched.store
        self.modes = {"front": DoorMode.NORMAL, "back": DoorMode.NORMAL}
        self.taken: list[tuple[str, DoorAction, float | None]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        for name in self.modes:
            self.report(name, DoorState.LOCKED)
        self._thread.start()

    def report(self, name: str, state: DoorState, *, problem: bool = False) -> None:
        self.store.doors.report(name, state, self.modes[name], problem=problem)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        modes = {DoorAction.LOCKDOWN: DoorMode.LOCKDOWN, DoorAction.NORMAL: DoorMode.NORMAL}
        while not self._stop.wait(0.05):
            for command in self.store.doors.take("front"):
                self.taken.append(("front", command.action, command.seconds))
                self.modes["front"] = modes.get(command.action, self.modes["front"])
                opening = command.action is DoorAction.OPEN
                self.report("front", DoorState.GRANTED if opening else DoorState.LOCKED)
                kind = DoorEventKind.GRANTED if opening else DoorEventKind.MODE
                self.store.outbox.record([event(kind, "operator")], [])


def event(kind: DoorEventKind, reason: str = "", person: str | None = None, door: str = "front") -> DoorMessage:
    """Something that happened."""
    made = event.count = getattr(event, "count", 0) + 1  # type: ignore[attr-defined]
    return DoorMessage(f"id-{made}", door, kind, 1_764_400_000_000 + made * 1000, person, reason)


@contextmanager
def site(folder: Path) -> Iterator[tuple[str, str, Doors]]:
    """A server that knows two doors and some people; the page's address, a key, and the doors."""
    with server(folder, access={"address_burst": 100_000}) as (url, watched):
        plan = watched.store.door_plan
        plan.put_people(
            [PersonRow(Person("Ada Lovelace", "ada", groups=frozenset({"staff"})), badge="159-1270", pin="2468")]
        )
        plan.put_people([PersonRow(Person("Bob, the <b>builder</b>", suspended=True))])
        plan.replace_schedules([SpanRow("office", "mon-fri", "07:00", "19:00")])
        plan.replace_permissions([Permission("@staff", "front", "office"), Permission("Ada Lovelace", "*")])
        plan.replace_holidays(["12-25"])
        watched.store.outbox.record(
            [
                event(DoorEventKind.STARTED),
                event(DoorEventKind.GRANTED, "voice", "Ada Lovelace"),
                event(DoorEventKind.PASSED, person="Ada Lovelace"),
                event(DoorEventKind.DENIED, "outside_schedule", "Bob, the <b>builder</b>"),
                event(DoorEventKind.FORCED, door="back"),
            ],
            [],
        )
        doors = Doors(watched)
        doors.report("back", DoorState.FORCED, problem=True)
        key = key_of(watched, Scope.ADMIN)
        try:
            yield url.replace("ws", "http", 1).replace("/v1/stream", "/doors"), key, doors
        finally:
            doors.close()


@contextmanager
def at_the_desk(browser: Browser, address: str, key: str, **options: Any) -> Iterator[Page]:
    """The page with somebody signed in."""
    with opened(browser, address, microphone=None, **(DESK | options)) as page:
        page.wait_for_selector("#view-sign-in:not([hidden])")
        page.fill("#key", key)
        page.click("#sign-in button")
        page.wait_for_selector("#door-list li")
        yield page


def card(page: Page, door: str) -> Any:
    return page.locator(f'#door-list li[data-door="{door}"]')


def picture(page: Page, *names: str) -> None:
    if PICTURES:
        page.wait_for_timeout(150)
        page.screenshot(path=Path(PICTURES, "-".join(names) + ".png"), full_page=True)


def test_an_operators_day(browser: Browser, tmp_path: Path) -> None:
    with site(tmp_path) as (address, key, doors), at_the_desk(browser, address, key) as page:
        assert page.evaluate("document.cookie") == "", "no script reads the cookie"
        assert page.evaluate("[...Object.values(localStorage), ...Object.values(sessionStorage)]") == []
        assert key not in page.content()
        expect(card(page, "front").locator(".state")).to_have_text("Locked")
        expect(card(page, "back").locator(".state")).to_have_text("Forced open")
        expect(card(page, "back").locator(".note")).to_have_text("Something at this door needs you.")

        page.get_by_role("button", name="Open: front").click()
        expect(page.locator("#said")).to_have_text("The door front has taken the command.")
        expect(card(page, "front").locator(".state")).to_have_text("Released")
        expect(page.locator("#news li").first.locator(".what")).to_have_text("Let in · by an operator")

        page.get_by_role("button", name="Lockdown: front").click()
        page.click('#sure button[value="no"]')
        page.get_by_role("button", name="Lockdown: front").click()
        page.click("#sure-yes")
        expect(card(page, "front").locator(".state")).to_have_text("Lockdown, Locked")
        page.get_by_role("button", name="Back to normal: front").click()
        page.click("#sure-yes")
        expect(card(page, "front").locator(".state")).to_have_text("Locked")
        assert [each[1] for each in doors.taken] == [DoorAction.OPEN, DoorAction.LOCKDOWN, DoorAction.NORMAL]

        page.click('#tabs a[href="#audit"]')
        cells = page.locator("#audit-table tbody tr").first.locator("td")
        expect(cells.nth(3)).to_have_text("door.normal")
        expect(cells.nth(4)).to_have_text("front")

        page.click("#sign-out")
        page.wait_for_selector("#view-sign-in:not([hidden])")
        assert page.locator("#door-list li").first.is_hidden()


def test_who_may_pass(browser: Browser, tmp_path: Path) -> None:
    with site(tmp_path) as (address, key, doors), at_the_desk(browser, address, key, refusals=True) as page:
        plan = doors.store.door_plan
        page.click('#tabs a[href="#people"]')
        rows = page.locator("#table-people tbody tr")
        expect(rows).to_have_count(2)
        assert "2468" not in page.content()
        expect(rows.nth(1).locator("td").first).to_have_text("Bob, the <b>builder</b>")

        page.get_by_role("button", name="Add person").click()
        page.fill("#row-name", "Grace")
        page.fill("#row-groups", "staff night")
        page.fill("#row-valid_until", "2027-01-31")
        page.fill("#row-pin", "9753")
        page.click("#row-form .primary")
        expect(rows).to_have_count(3)
        assert plan.load().people["Grace"].groups == {"staff", "night"}
        claimed = plan.by_pin("9753")
        assert claimed is not None
        assert claimed.person == "Grace"

        page.get_by_role("button", name="Edit Grace").click()
        assert not page.locator("#row-name").is_editable(), "a name is what events call them"
        page.check("#row-suspended")
        page.click("#row-form .primary")
        expect(rows.nth(2)).to_contain_text("yes")
        assert plan.load().people["Grace"].suspended
        assert plan.by_pin("9753") is not None, "an empty field leaves the PIN"

        page.get_by_role("button", name="Add person").click()
        page.fill("#row-name", "Eve")
        page.fill("#row-badge", "159-1270")
        page.click("#row-form .primary")
        expect(page.locator("#row-problem")).to_have_text("Another person has this badge.")
        page.click("#row-cancel")

        page.get_by_role("button", name="Remove Grace").click()
        page.click("#sure-yes")
        expect(rows).to_have_count(2)

        permissions = page.locator("#table-permissions tbody tr")
        page.get_by_role("button", name="Add permission").click()
        page.fill("#row-who", "Bob, the <b>builder</b>")
        page.fill("#row-door", "back")
        page.click("#row-form .primary")
        expect(permissions).to_have_count(3)
        assert Permission("Bob, the <b>builder</b>", "back") in plan.load().permissions


def test_when(browser: Browser, tmp_path: Path) -> None:
    calendar = Path(__file__).parents[1] / "data" / "office.ics"
    with site(tmp_path) as (address, key, doors), at_the_desk(browser, address, key) as page:
        page.click('#tabs a[href="#schedules"]')
        rows = page.locator("#table-schedules tbody tr")
        page.get_by_role("button", name="Edit office").click()
        page.fill("#row-from", "06:30")
        page.select_option("#row-on_holidays", "yes")
        page.click("#row-form .primary")
        expect(rows.first.locator("td").nth(2)).to_have_text("06:30")
        assert doors.store.door_plan.schedules() == [SpanRow("office", "mon-fri", "06:30", "19:00", "yes")]
        page.set_input_files('input[aria-label="Import Hours"]', calendar)
        page.click("#sure-yes")
        expect(rows).to_have_count(3)
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download Hours as CSV").click()
        assert waiting.value.path().read_text().startswith("name,days,from,to,on_holidays\n")
        page.get_by_role("button", name="Remove 12-25").click()
        page.click("#sure-yes")
        expect(page.locator("#table-holidays tbody tr")).to_have_text("None yet.")


def test_a_door_that_does_not_answer(browser: Browser, tmp_path: Path) -> None:
    with site(tmp_path) as (address, key, _), at_the_desk(browser, address, key) as page:
        page.clock.install()
        page.get_by_role("button", name="Open: back").click()
        said = "The door back does not answer. The command is void: it is not carried out later."
        while page.inner_text("#said") != said:
            page.clock.run_for(500)


def test_a_key_that_is_none_or_too_weak(browser: Browser, tmp_path: Path) -> None:
    with site(tmp_path) as (address, _, doors), opened(browser, address, microphone=None, refusals=True) as page:
        weak = doors.store.api_keys.create("weak", [Scope.VERIFY])[1]
        page.wait_for_selector("#view-sign-in:not([hidden])")
        page.fill("#key", weak)
        page.click("#sign-in button")
        expect(page.locator("#sign-in-problem")).to_have_text("This API key lacks the scope admin.")
        page.fill("#key", "sa_0_0")
        page.click("#sign-in button")
        expect(page.locator("#sign-in-problem")).to_contain_text("API key or session token")


@pytest.mark.parametrize("kind", ["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Browser, tmp_path: Path, kind: str, scheme: str) -> None:
    panel = PHONE if kind == "phone" else DESK
    with site(tmp_path) as (address, key, _), at_the_desk(browser, address, key, color_scheme=scheme, **panel) as page:
        for part in ("doors", "events", "people", "schedules", "audit"):
            page.click(f'#tabs a[href="#{part}"]')
            page.wait_for_function(
                "part => document.querySelector(`#view-${part} li, #view-${part} tbody tr`)", arg=part
            )
            picture(page, part, kind, scheme)
            assert accessibility_faults(page) == [], part
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), part
        page.click('#tabs a[href="#people"]')
        page.get_by_role("button", name="Edit Ada Lovelace").first.click()
        picture(page, "edit", kind, scheme)
        assert accessibility_faults(page) == []
        page.click("#row-cancel")
        page.click("#sign-out")
        page.wait_for_selector("#view-sign-in:not([hidden])")
        picture(page, "sign-in", kind, scheme)
        assert accessibility_faults(page) == []
