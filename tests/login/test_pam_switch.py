"""The module put into PAM's configuration and taken out: byte for byte what was there, in all cases."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from streamauth.errors import LoginError
from streamauth.login.pam_switch import PROFILE, PamSwitch
from tests.login.machine import LOGIN, PASSWORD, Machine, machine, missing

COMMON_AUTH = "auth\t[success=1 default=ignore]\tpam_unix.so nullok\nauth\trequisite\tpam_deny.so\n"
LINE = "auth\t[success=2 default=ignore]\tpam_streamauth.so\n"


class Folders:
    """PAM's folders, and a pam-auth-update that can misbehave."""

    def __init__(self, folder: Path) -> None:
        self.pam, self.profiles, self.modules = folder / "pam.d", folder / "profiles", folder / "security"
        for each in (self.pam, self.profiles, self.modules):
            each.mkdir()
        (self.modules / "pam_streamauth.so").touch()
        self.auth = self.pam / "common-auth"
        self.auth.write_text(COMMON_AUTH)
        (self.pam / "common-session").write_text("session required pam_unix.so\n")
        self.ran: list[Sequence[str]] = []
        self.works = True
        self.leaves = ""
        self.switch = PamSwitch(self.pam, self.profiles, folder / "kept" / "before.json", (self.modules,), self.run)

    def run(self, command: Sequence[str]) -> int:
        self.ran.append(command)
        if "--enable" in command and self.works:
            self.auth.write_text(LINE + self.auth.read_text().replace("nullok", "nullok try_first_pass"))
        elif "--enable" in command:
            self.auth.write_text("half a file")
        elif self.works:
            text = self.auth.read_text().replace(LINE, "").replace(" try_first_pass", "")
            self.auth.write_text(self.leaves + text)
        return 0 if self.works else 1


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/sbin/{name}")
    return Folders(tmp_path)


def test_on_and_off(folders: Folders) -> None:
    folders.leaves = "# pam-auth-update was here\n"
    folders.switch.turn_on()
    assert folders.switch.is_on
    assert (folders.profiles / "streamauth").read_text() == PROFILE
    folders.switch.turn_on()
    folders.switch.turn_off()
    assert folders.auth.read_text() == COMMON_AUTH
    assert not (folders.profiles / "streamauth").exists()
    assert not folders.switch.is_on
    folders.switch.turn_off()
    assert len(folders.ran) == 2


def test_a_change_of_somebody_else_stays(folders: Folders) -> None:
    folders.switch.turn_on()
    folders.auth.write_text(folders.auth.read_text() + "auth optional pam_cap.so\n")
    folders.switch.turn_off()
    assert folders.auth.read_text() == COMMON_AUTH + "auth optional pam_cap.so\n"


def test_a_profile_of_the_package_stays(folders: Folders) -> None:
    (folders.profiles / "streamauth").write_text(PROFILE)
    folders.switch.turn_on()
    folders.switch.turn_off()
    assert (folders.profiles / "streamauth").exists()


def test_a_failure_leaves_everything_as_it_was(folders: Folders) -> None:
    folders.works = False
    with pytest.raises(LoginError, match="pam-auth-update did not take"):
        folders.switch.turn_on()
    assert folders.auth.read_text() == COMMON_AUTH
    assert not (folders.profiles / "streamauth").exists()
    assert not folders.switch.kept.exists()


def test_without_the_module_nothing_is_touched(folders: Folders) -> None:
    (folders.modules / "pam_streamauth.so").unlink()
    switch = PamSwitch(folders.pam, folders.profiles, folders.switch.kept, (folders.modules,), folders.run)
    if not switch.module_installed():  # it is where the machine itself has it
        with pytest.raises(LoginError, match="not installed"):
            switch.turn_on()
    assert folders.ran == []


def test_without_pam_auth_update(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(LoginError, match=r"auth sufficient pam_streamauth\.so"):
        folders.switch.turn_on()


def test_a_line_by_hand_is_for_the_hand_to_take_out(folders: Folders) -> None:
    folders.auth.write_text(LINE + COMMON_AUTH)
    folders.works = False
    with pytest.raises(LoginError, match="by hand"):
        folders.switch.turn_off()


def test_a_remark_is_no_line(folders: Folders) -> None:
    folders.auth.write_text("# pam_streamauth.so is not in use\n" + COMMON_AUTH)
    assert not folders.switch.is_on


def test_the_package_brings_the_same_profile() -> None:
    file = Path(__file__).resolve().parents[2] / "packaging" / "deb" / "pam-config"
    assert file.read_text() == PROFILE


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if lacking := missing():
        pytest.skip(f"not there: {', '.join(lacking)}")
    with machine(tmp_path_factory.mktemp("machine"), in_stack=False) as made:
        yield made


def digests(box: Machine) -> str:
    return box.run("sh", "-c", "cd /etc/pam.d; sha256sum *; stat -c '%n %a %U %G' *")


@pytest.mark.pam
def test_debians_own_pam_auth_update(box: Machine) -> None:
    box.use_daemon("bare")
    before = digests(box)
    assert "asks for your voice now" in box.run(*LOGIN, "enable", "sudo")
    terminal = box.terminal("sudo", "id", "-u")
    terminal.wait_for("press Enter and say")
    terminal.type(PASSWORD)
    assert terminal.end().code == 0
    checks = {check["name"]: check for check in json.loads(box.run(*LOGIN, "doctor", "--json", check=False))["checks"]}
    assert checks["service sudo"]["found"].startswith("The right voice opens")
    assert "answers it with no" in checks["service su"]["found"]
    box.run(*LOGIN, "enable", "su")
    assert "Still enabled: su" in box.run(*LOGIN, "disable", "sudo")
    assert digests(box) != before
    assert "as they were before" in box.run(*LOGIN, "disable")
    assert digests(box) == before
    terminal = box.terminal("sudo", "id", "-u")
    terminal.wait_for("assword")
    assert "press Enter" not in terminal.text
    terminal.type(PASSWORD)
    assert terminal.end().code == 0


@pytest.mark.pam
def test_all_is_undone_without_the_daemon(box: Machine) -> None:
    box.use_daemon("bare")
    before = digests(box)
    box.run(*LOGIN, "enable", "sudo")
    box.stop_daemon()
    box.run(*LOGIN, "disable")
    assert digests(box) == before


@pytest.mark.pam
def test_others_than_root_change_nothing(box: Machine) -> None:
    before = digests(box)
    printed = box.run("runuser", "-u", "ada", "--", *LOGIN, "enable", "sudo", check=False)
    assert "not_permitted" in printed or "Permission denied" in printed or "No module" in printed
    assert digests(box) == before
