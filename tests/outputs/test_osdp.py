"""The kiosk as a reader of a panel: both ends of OSDP over a pseudo terminal."""

import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from osdp import Channel, ControlPanel, LibFlag, LogLevel, PDInfo

from streamauth.core.door.wiegand import badge_of
from streamauth.errors import BadSetting, DoorHardwareFailed
from streamauth.outputs.osdp import OsdpReader
from tests.kiosk.rig import eventually

KEY = bytes(range(16))
BADGE = "159-1270"


class Line(Channel):  # type: ignore[misc]
    """The panel's end."""

    def __init__(self, file: int) -> None:
        super().__init__()
        self.file = file

    def read(self, max_bytes: int) -> bytes:
        try:
            return os.read(self.file, max_bytes)
        except OSError:
            return b""

    def write(self, buf: bytes) -> int:
        return os.write(self.file, buf)

    def flush(self) -> None:
        pass


@pytest.fixture
def ends() -> Iterator[tuple[int, Path]]:
    ours, theirs = pty.openpty()
    tty.setraw(ours)
    os.set_blocking(ours, False)
    yield ours, Path(os.ttyname(theirs))
    os.close(ours)
    os.close(theirs)


def panel(line: int, key: bytes) -> Any:
    made = ControlPanel([PDInfo(5, Line(line), scbk=key, flags=[LibFlag.EnforceSecure])], log_level=LogLevel.Emergency)
    made.start()
    return made


def test_who_may_pass_is_shown_to_the_panel_as_a_badge(ends: tuple[int, Path]) -> None:
    line, path = ends
    ours = panel(line, KEY)
    reader = OsdpReader(path, BADGE, KEY, address=5)
    reader.begin(lambda is_open: None, lambda: None)
    try:
        eventually(lambda: reader.is_online and ours.is_sc_active(5))
        reader.set_unlocked(False)
        reader.set_unlocked(True)
        event = ours.get_event(5, timeout=60)
        assert badge_of(bytes([event["length"]]) + bytes(event["data"])) == BADGE
        assert ours.get_event(5, timeout=1) is None, "locking shows nothing"
    finally:
        reader.close()
        reader.close()
        ours.teardown()


def test_a_panel_with_another_key_learns_nothing(ends: tuple[int, Path]) -> None:
    line, path = ends
    ours = panel(line, bytes(16))
    reader = OsdpReader(path, BADGE, KEY, address=5)
    reader.begin(lambda is_open: None, lambda: None)
    try:
        with pytest.raises(DoorHardwareFailed):
            reader.set_unlocked(True)
        assert ours.get_event(5, timeout=2) is None
        assert not reader.is_online
    finally:
        reader.close()
        ours.teardown()


def test_a_line_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DoorHardwareFailed):
        OsdpReader(tmp_path / "none", BADGE, KEY).begin(lambda is_open: None, lambda: None)


@pytest.mark.parametrize(
    ("badge", "key", "address", "baud"),
    [("x", KEY, 0, 9600), (BADGE, b"short", 0, 9600), (BADGE, KEY, 127, 9600), (BADGE, KEY, 0, 300)],
)
def test_settings_that_cannot_be_used(badge: str, key: bytes, address: int, baud: int) -> None:
    with pytest.raises(BadSetting):
        OsdpReader(Path("/dev/null"), badge, key, address=address, baud=baud)
