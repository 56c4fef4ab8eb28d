"""The parts around a login: choice of the microphone, level check, state, claims, users, systemd."""

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from streamauth.errors import LoginError, MicrophoneAbsent, MicrophoneBusy, MicrophoneUnavailable, UnknownUser
from streamauth.login.claims import MicrophoneClaims
from streamauth.login.daemon import systemd_listener
from streamauth.login.doctor import check_services, check_sound_cards, services_with_module
from streamauth.login.guidance import TO_READ, level_advice
from streamauth.login.microphones import choose_for_login
from streamauth.login.pam_switch import folder_reader
from streamauth.login.state import DaemonState
from streamauth.login.users import UnixUser, unix_user
from streamauth.outputs.systemd import sd_notify
from streamauth.sources.microphone import InputDevice


def device(number: int, name: str, *, default: bool = False) -> InputDevice:
    return InputDevice(number, name, "ALSA", 2, 48_000, is_default=default)


CARD, USB = device(0, "HDA Intel PCH: ALC257 (hw:0,0)"), device(3, "USB Audio: - (hw:1,0)")
BEST = device(4, "Desk: - (hw:2,0)", default=True)
PULSE, DEFAULT = device(1, "pulse"), device(2, "default", default=True)


@pytest.mark.parametrize(
    ("devices", "wanted", "expected", "why"),
    [
        ([CARD, PULSE, DEFAULT], "", CARD, "the only one"),
        ([PULSE, DEFAULT, CARD, USB], "", CARD, "the first of several"),
        ([PULSE, CARD, BEST], "", BEST, "system's default"),
        ([PULSE, DEFAULT], "", DEFAULT, "sound server"),
        ([CARD, USB, DEFAULT], "usb", USB, "by name"),
    ],
)  # fmt: skip
def test_choice_of_the_microphone(devices: list[InputDevice], wanted: str, expected: InputDevice, why: str) -> None:
    chosen, told = choose_for_login(devices, wanted)
    assert chosen == expected
    assert why in told


def test_no_choice() -> None:
    with pytest.raises(MicrophoneUnavailable):
        choose_for_login([], "")
    with pytest.raises((MicrophoneAbsent, MicrophoneBusy)):
        choose_for_login([CARD], "neumann")


def levels(*dbfs: float, clipped: bool = False) -> list[dict[str, Any]]:
    return [{"rms_dbfs": value, "clipped": clipped} for value in dbfs]


@pytest.mark.parametrize(
    ("given", "good", "text"),
    [
        ([], False, "no audio"),
        (levels(*[-70.0] * 10, *[-25.0] * 20), True, "Good"),
        (levels(*[-70.0] * 10, *[-55.0] * 20), False, "Too quiet"),
        (levels(*[-70.0] * 10, *[-3.0] * 20, clipped=True), False, "Too loud"),
        (levels(*[-30.0] * 30), False, "much noise"),
        (levels(*[-44.0] * 30), False, "No speech stands out"),
    ],
)
def test_level_advice(given: list[dict[str, Any]], good: bool, text: str) -> None:
    verdict, advice = level_advice(given)
    assert verdict is good
    assert text in advice


def test_the_text_to_read_is_long_enough() -> None:
    assert 50 < len(TO_READ.split()) < 100
    assert set("0123456789") <= set(TO_READ)


def test_state_is_kept_and_damage_enables_nothing(tmp_path: Path) -> None:
    state = DaemonState(tmp_path / "login.json")
    assert state.enabled() == frozenset()
    assert state.device == ""
    state.enable("sudo", True)
    state.enable("su", True)
    state.choose_device("USB")
    state.enable("su", False)
    state.enable("swaylock", True, fixed=True)
    state.enable("i3lock", True, fixed=True)
    state.enable("i3lock", False)
    assert state.fixed() == {"swaylock"}
    state.enable("swaylock", True)
    assert state.fixed() == frozenset()
    state.enable("swaylock", False)
    again = DaemonState(tmp_path / "login.json")
    assert again.enabled() == {"sudo"}
    assert again.device == "USB"
    for text in ("", "[]", '{"services": "sudo"}', '{"services": [1]}', "\x00"):
        (tmp_path / "login.json").write_text(text)
        assert again.enabled() == frozenset()


@pytest.mark.parametrize("name", ["", "../etc", "a/b", "-x", ".x", "a b", "ä", "x" * 65])
def test_names_that_are_no_services(tmp_path: Path, name: str) -> None:
    with pytest.raises(LoginError):
        DaemonState(tmp_path / "login.json").enable(name, True)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(LoginError, match="cannot keep this"):
        DaemonState(tmp_path / "absent" / "login.json").enable("sudo", True)


def test_a_claim_expires_by_itself() -> None:
    now = [0.0]
    claims = MicrophoneClaims(lambda: now[0])
    with claims.claim(5.0):
        with pytest.raises(MicrophoneBusy), claims.claim(5.0):
            pass
        now[0] = 5.0
        with claims.claim(5.0) as second:
            assert second.until_s == 10.0
    with claims.claim(1.0):
        pass


def test_users() -> None:
    root = unix_user("root")
    assert (root.uid, root.profile) == (0, "0 root")
    assert UnixUser("a", 1).profile != UnixUser("a", 2).profile
    for name in ("nobody-of-this-name", "a\0b", ""):
        with pytest.raises(UnknownUser):
            unix_user(name)


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told(tmp_path: Path, abstract: bool) -> None:
    address = f"@streamauth-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind("\0" + address[1:] if abstract else address)
        server.settimeout(5)
        sd_notify("READY=1", {"NOTIFY_SOCKET": address})
        assert server.recv(100) == b"READY=1"
    sd_notify("READY=1", {"NOTIFY_SOCKET": address})  # systemd is gone: nothing happens
    sd_notify("READY=1", {})
    sd_notify("READY=1", {"NOTIFY_SOCKET": "vsock:2:1"})


def test_sockets_of_other_processes_are_not_taken() -> None:
    for environment in (
        {},
        {"LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"},
    ):
        assert systemd_listener(environment) is None


def test_doctor_tells_each_service(tmp_path: Path) -> None:
    voice = "auth [success=2 default=ignore] pam_streamauth.so\n"
    rest = "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n"
    for name, text in {
        "sudo": voice + rest,
        "su": voice + rest,
        "open": "auth [default=2] pam_streamauth.so\n" + rest,
        "broken": "auth whatever pam_unix.so\n",
        "plain": rest,
    }.items():
        (tmp_path / name).write_text(text)
    read = folder_reader(tmp_path)
    assert services_with_module(tmp_path, read) == {"sudo", "su", "open"}
    checks = {
        check.name: check
        for check in check_services(["sudo", "su", "open", "broken", "plain"], {"sudo", "plain"}, read)
    }
    assert checks["service sudo"].ok
    assert "right voice opens" in checks["service sudo"].found
    assert "answers it with no" in checks["service su"].found
    assert checks["service open"].danger
    assert not checks["service broken"].ok
    assert not checks["service plain"].ok
    assert "enable plain" in checks["service plain"].advice


def test_doctor_looks_at_sound_cards(tmp_path: Path) -> None:
    assert not check_sound_cards(tmp_path / "absent")[0].ok
    card = tmp_path / "pcmC0D0c"
    card.touch(mode=0o660)
    card.chmod(0o660)
    assert all(check.ok for check in check_sound_cards(tmp_path))
    card.chmod(0o666)
    assert any(check.danger for check in check_sound_cards(tmp_path))
