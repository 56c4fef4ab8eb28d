"""What would happen at each login, and what prevents it: daemon, module, PAM's stacks, sound cards."""

import grp
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamauth.errors import StreamAuthError
from streamauth.login.client import LoginClient
from streamauth.login.pam_check import DANGEROUS, FINDING_TEXTS, GOOD, VOICE_MODULE, Finding, check_stack
from streamauth.login.pam_files import BadPamFile, Read, stack_of
from streamauth.login.pam_switch import PamSwitch, folder_reader

PAM_FOLDERS = (Path("/etc/pam.d"), Path("/usr/lib/pam.d"))


@dataclass(frozen=True, slots=True)
class LoginCheck:
    """One thing looked at.

    Attributes:
        name: What it is.
        ok: Whether it is as it should be.
        found: What there is.
        advice: What to do; empty if nothing.
        danger: Whether it lets people in who must not be.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""
    danger: bool = False


def examine(user: str, path: Path | None, switch: PamSwitch, devices: Path = Path("/dev/snd")) -> list[LoginCheck]:
    """Look at everything.

    Args:
        user: Whose login.
        path: Of the daemon's socket; the usual one if None.
        switch: Where PAM's files are.
        devices: Folder of the sound cards.
    """
    checks, status = check_daemon(user, path)
    read = folder_reader(switch.pam_folder, *PAM_FOLDERS)
    installed = switch.module_installed()
    checks.append(
        LoginCheck("PAM module", installed, "installed" if installed else "not installed",
                   "" if installed else "Install libpam-streamauth, or `make pam` and copy it.")
    )  # fmt: skip
    enabled = set(status.get("services", ()))
    checks += check_services(sorted(enabled | services_with_module(switch.pam_folder, read)), enabled, read)
    checks += check_sound_cards(devices)
    return checks


def check_daemon(user: str, path: Path | None) -> tuple[list[LoginCheck], dict[str, Any]]:
    """The daemon, and how it stands with a person; the second is empty without an answer."""
    try:
        with LoginClient(path) as client:
            status = client.status(user)
    except StreamAuthError as error:
        return [LoginCheck("daemon", False, error.code, error.message)], {}
    checks = [LoginCheck("daemon", True, "answers")]
    if not status["enrolled"]:
        checks.append(LoginCheck("voice", False, "not enrolled", "Enroll with `sudo streamauth login setup`."))
    elif status["locked"] or status["wait_s"] > 0:
        found = "locked" if status["locked"] else f"{status['wait_s']:.0f} s to wait after failed attempts"
        checks.append(LoginCheck("voice", False, found, "`sudo streamauth login unlock` opens it."))
    else:
        kind = "with a pass phrase" if status["with_phrase"] else "free speech"
        checks.append(LoginCheck("voice", True, f"enrolled, {kind}; {status['failures']} failed attempts"))
    return checks, status


def services_with_module(folder: Path, read: Read) -> set[str]:
    """Services whose own file or what it includes has the module."""
    found = set()
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.name.startswith("common-") or not file.is_file():
            continue
        try:
            if any(module.name == VOICE_MODULE for module in stack_of(file.name, read)):
                found.add(file.name)
        except BadPamFile:
            continue
    return found


def check_services(services: Iterable[str], enabled: set[str], read: Read) -> list[LoginCheck]:
    """What would happen at each service."""
    checks = []
    for service in services:
        name = f"service {service}"
        try:
            findings = check_stack(stack_of(service, read))
        except BadPamFile as error:
            checks.append(LoginCheck(name, False, str(error), "Mend this file; libpam lets nobody in by it."))
            continue
        danger = bool(DANGEROUS & set(findings))
        bad = [finding for finding in findings if finding not in GOOD]
        if bad:
            text = " ".join(FINDING_TEXTS[finding] for finding in bad)
            checks.append(LoginCheck(name, False, text, f"See /etc/pam.d/{service}.", danger))
        elif service not in enabled and Finding.OPENS in findings:
            found = "The module is in the stack and the daemon answers it with no: the password alone opens."
            checks.append(LoginCheck(name, True, found))
        elif service in enabled and Finding.ABSENT in findings:
            advice = f"Run `sudo streamauth login enable {service}` again."
            checks.append(LoginCheck(name, False, FINDING_TEXTS[Finding.ABSENT], advice))
        else:
            checks.append(LoginCheck(name, True, FINDING_TEXTS[findings[0]]))
    return checks


def check_sound_cards(folder: Path) -> list[LoginCheck]:
    """Who may record: whoever can, can also record a login."""
    cards = sorted(folder.glob("pcm*c")) if folder.is_dir() else []
    if not cards:
        found = "none"
        return [
            LoginCheck("sound cards that record", False, found, "Plug in a microphone; see `arecord --list-devices`.")
        ]
    world = [card for card in cards if card.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH)]
    checks = [LoginCheck("sound cards that record", True, ", ".join(card.name for card in cards))]
    if world:
        advice = "Take the rights of others from it; udev's rule gives it to the group audio."
        checks.append(LoginCheck("sound card for everybody", False, world[0].name, advice, danger=True))
    try:
        members = grp.getgrnam("audio").gr_mem
    except KeyError:
        members = []
    if members:
        found = f"{len(members)} in the group audio"
        advice = "They may record each login. Take out who need not be: gpasswd -d USER audio"
        checks.append(LoginCheck("people who may record", True, found, advice))
    return checks


def keyring_note() -> str:
    """What nobody can mend."""
    return (
        "A login by voice does not open the keyring (GNOME Keyring, KWallet): its key is made from the password, which "
        "nobody typed. Programs will ask for it once. Log in by password at the greeter, and by voice at sudo and the "
        "lock screen."
    )
