"""The kiosk's units and its browser's policy: as closed as can be, and no more."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from streamauth.settings import KioskSettings
from tests.login.test_units import unit

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
UNITS = ("streamauth-kiosk.service", "streamauth-kiosk-screen.service")


@pytest.mark.pam
def test_systemd_takes_them() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    files = [str(PACKAGING / "systemd" / name) for name in UNITS]
    ended = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True)
    ours = [line for line in ended.stderr.splitlines() if "streamauth-kiosk" in line]
    assert [line for line in ours if "is not executable" not in line] == []
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=30", files[0]]
    measured = subprocess.run(command, capture_output=True, text=True)
    assert measured.returncode == 0, measured.stdout[-1500:]


def test_the_kiosk_is_watched_and_never_given_up() -> None:
    read = unit(UNITS[0])
    assert read["Unit"]["StartLimitIntervalSec"] == "0"
    assert "network" not in read["Unit"].get("After", ""), "a door waits for no network"
    service = read["Service"]
    assert (service["Type"], service["NotifyAccess"], service["Restart"]) == ("notify", "main", "always")
    assert int(service["WatchdogSec"]) > 20, "longer than the kiosk takes a still loop for a dead one"
    assert service["DevicePolicy"] == "closed"
    assert service["DynamicUser"] == "yes"


def test_the_screen_has_no_right_at_the_door() -> None:
    service = unit(UNITS[1])["Service"]
    assert service["User"] not in ("root", "")
    assert "gpio" not in service.get("SupplementaryGroups", "")
    address = f"http://127.0.0.1:{KioskSettings().port}"
    assert address + "/" in service["ExecStart"]
    policy = json.loads((PACKAGING / "kiosk" / "chromium-policy.json").read_text())
    assert policy["URLBlocklist"] == ["*"]
    assert policy["URLAllowlist"] == [address]
    assert policy["AudioCaptureAllowed"] is False, "the process hears, the page does not"
    assert policy["DeveloperToolsAvailability"] == 2
