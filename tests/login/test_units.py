"""The systemd units: well formed, as closed as the docs say, and open where the product needs it."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from streamauth.login import protocol

UNITS = Path(__file__).resolve().parents[2] / "packaging" / "systemd"
SERVICES = ("streamauthd.service", "streamauth.service")


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(UNITS / name)
    return parser


@pytest.mark.pam
@pytest.mark.parametrize("name", SERVICES)
def test_exposure(name: str) -> None:
    """By systemd's own measure: 0 is closed, 10 open; 2.0 and less is asked for."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNITS / name)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr


@pytest.mark.pam
def test_systemd_takes_the_units() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    files = [str(UNITS / name) for name in (*SERVICES, "streamauthd.socket")]
    ended = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True)
    complaints = [line for line in ended.stderr.splitlines() if UNITS.name in line or "streamauth" in line]
    assert [line for line in complaints if "is not executable" not in line] == []


def test_the_socket_is_the_one_that_the_module_asks() -> None:
    assert unit("streamauthd.socket")["Socket"]["ListenStream"] == protocol.SOCKET
    source = (UNITS.parent / "pam" / "pam_streamauth.c").read_text()
    assert f'"{protocol.SOCKET}"' in source


def test_the_login_daemon_reaches_sound_cards_and_no_network() -> None:
    service = unit("streamauthd.service")["Service"]
    assert service["DeviceAllow"] == "char-alsa rw"
    assert service["DevicePolicy"] == "closed"
    assert service["SupplementaryGroups"] == "audio"
    assert service["PrivateNetwork"] == "yes"
    assert "PrivateUsers" not in service  # users' numbers would arrive changed
    assert "MemoryDenyWriteExecute" not in service  # PortAudio's callback needs it


def test_deadlines_nest() -> None:
    """Engine within daemon within module; the module's default is in its source."""
    import re

    from streamauth.login import conversation
    from streamauth.settings import LoginSettings

    source = (UNITS.parent / "pam" / "pam_streamauth.c").read_text()
    found = re.search(r"LISTEN_WAIT_S = (\d+)", source)
    assert found is not None
    module_s = int(found[1])
    assert LoginSettings().silence_s < LoginSettings().max_listen_s
    assert LoginSettings().max_listen_s <= module_s - conversation._MARGIN_MS / 1000
    assert protocol.Ask("1", "a", "b").wait_ms == module_s * 1000
