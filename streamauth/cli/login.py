"""``streamauth login``: the microphone login of this machine."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_INTERNAL, EXIT_MISUSE, EXIT_OK, Output

if TYPE_CHECKING:
    from streamauth.login.client import LoginClient

app = typer.Typer(help="Log in to this machine by voice: sudo, lock screen, console.")
UserOption = Annotated[
    str | None, typer.Option("--user", help="Whose login; your own if not given.", show_default=False)
]
SocketOption = Annotated[
    Path | None, typer.Option("--socket", help="Of another daemon than the usual one.", show_default=False)
]
_SHOW_NO_TEXTS = ("swaylock", "i3lock")  # swaylock/swaylock#213; i3lock answers every prompt by the password
_LEVEL_S = 3.0
ServiceArgument = Annotated[str, typer.Argument(help="A PAM service, as sudo, su, login, swaylock, gdm-password.")]


@app.command()
def setup(
    phrase: Annotated[
        str | None,
        typer.Option("--phrase", help="A pass phrase to say three times; without it, free speech.", show_default=False),
    ] = None,
    device: Annotated[
        str | None, typer.Option("--device", help="Microphone by name, or a part of it.", show_default=False)
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Forget the voice that is enrolled, and enroll anew.")] = False,
    user: UserOption = None,
    socket: SocketOption = None,
    json: options.Json = False,
) -> int:
    """Enroll your voice for logins, with a check of the microphone's level before. Run it with sudo."""
    from streamauth.login.client import LoginClient
    from streamauth.login.guidance import TO_READ

    output = Output(json)
    name = _user(user)
    with LoginClient(socket) as client:
        if again and client.status(name)["enrolled"]:
            client.forget(name)
        if device is not None:
            client.choose_device(device)
        chosen = client.devices()
        output.messages.print(f"Microphone: {chosen['chosen']}. {chosen['why']}", markup=False)
        good, advice = _check_level(client, output)
        output.messages.print(advice, markup=False)
        if not good:
            output.result({"user": name, "enrolled": False, "level": advice}, "Nothing was enrolled.")
            return EXIT_MISUSE
        if phrase is None:
            output.messages.print(f"Now read aloud, as you speak to a friend:\n\n  {TO_READ}\n", markup=False)
        else:
            output.messages.print(f"Now say “{phrase}” three times, with a pause after each.", markup=False)
        enrolled = _enroll(client, name, phrase, output)
    text = (
        f"{name}'s voice is enrolled. Try it: `streamauth login test`. Use it: `sudo streamauth login enable sudo`."
        if enrolled
        else "Not fully enrolled yet. Run it again; what was taken is kept."
    )
    output.result({"user": name, "enrolled": enrolled}, text)
    return EXIT_OK if enrolled else EXIT_MISUSE


def _check_level(client: "LoginClient", output: Output) -> tuple[bool, str]:
    from streamauth.cli.live import LiveView
    from streamauth.login.guidance import level_advice
    from streamauth.protocol.answers import event_of

    output.messages.print("Speak for three seconds: “This is how I speak at my desk.”", markup=False)
    levels = []
    with LiveView(output.messages, None, _LEVEL_S) as view:
        for event in client.level(_LEVEL_S):
            levels.append(event)
            view.show(event_of(event))
    return level_advice(levels)


def _enroll(client: "LoginClient", name: str, phrase: str | None, output: Output) -> bool:
    from streamauth.cli.live import LiveView
    from streamauth.protocol.answers import event_of
    from streamauth.protocol.events import event_classes

    with LiveView(output.messages, None) as view:
        for event in client.enroll(name, phrase):
            if event["type"] in event_classes():
                view.show(event_of(event))
            _guide(event, output)
            if event["type"] == "enrolled":
                return True
    return False


def _guide(event: Mapping[str, Any], output: Output) -> None:
    from streamauth.cli.phrase import proposals
    from streamauth.core.reasons import REASON_TEXTS, Reason

    match event["type"]:
        case "pronunciation":
            for line in proposals(event["words"]):
                output.messages.print(line, markup=False)
        case "utterance_taken" if event["needed_speech_s"]:
            output.messages.print(f"Good. {event['needed_speech_s']:.0f} s of speech to go.")
        case "utterance_taken" if event["needed"]:
            output.messages.print(f"Good. {event['needed']} to go.")
        case "utterance_refused":
            output.messages.bell()
            for reason in event["reasons"]:
                output.messages.print(f"Not taken. {REASON_TEXTS[Reason(reason)]}", markup=False)
        case "enrolled":
            output.messages.bell()
            for reason in event["advice"]:
                output.messages.print(REASON_TEXTS[Reason(reason)], markup=False)


@app.command("test")
def try_out(
    fixed: Annotated[bool, typer.Option("--fixed", help="The pass phrase alone, as some lock screens ask.")] = False,
    socket: SocketOption = None,
    json: options.Json = False,
) -> int:
    """Log in by voice without opening anything. It counts as an attempt."""
    from streamauth.cli.output import EXIT_BY_VERDICT
    from streamauth.login.client import LoginClient
    from streamauth.login.state import OWN_SERVICE

    output = Output(json)
    with LoginClient(socket) as client:
        asked = client.ask(_user(None), OWN_SERVICE, digits=not fixed)
        what = " then ".join(filter(None, ("your pass phrase" if asked.after_phrase else "", asked.say)))
        output.messages.print(f"Say:  {what}", style="bold", markup=False)
        judged = client.listen()
    data = {"verdict": judged.verdict, "reasons": judged.reasons.split()}
    output.result(data, f"{judged.verdict.upper()}  {judged.message}".rstrip())
    return EXIT_BY_VERDICT[judged.verdict]


@app.command()
def status(user: UserOption = None, socket: SocketOption = None, json: options.Json = False) -> None:
    """Whether a voice is enrolled, failed attempts, and the services that ask for it."""
    from streamauth.login.client import LoginClient

    with LoginClient(socket) as client:
        found = client.status(_user(user))
    kind = "with a pass phrase" if found["with_phrase"] else "free speech"
    lines = [
        f"voice     {kind if found['enrolled'] else 'not enrolled'}",
        f"failures  {found['failures']}{', locked' if found['locked'] else ''}",
        f"services  {', '.join(found['services']) or 'none'}",
    ]
    Output(json).result(found, "\n".join(lines))


@app.command()
def enable(
    service: ServiceArgument,
    fixed: Annotated[
        bool, typer.Option("--fixed", help="Ask for the pass phrase alone: for lock screens that show no texts.")
    ] = False,
    socket: SocketOption = None,
    json: options.Json = False,
) -> None:
    """Let a service ask for your voice beside the password. Run it with sudo."""
    from streamauth.login.client import LoginClient
    from streamauth.login.pam_switch import PamSwitch
    from streamauth.login.state import check_service

    check_service(service)
    _need_root()
    with LoginClient(socket) as client:
        PamSwitch().turn_on()
        client.enable(service, True, fixed=fixed)
    text = f"{service} asks for your voice now; the password goes on to work. Try it in a second terminal first."
    if service in _SHOW_NO_TEXTS and not fixed:
        text += f" {service} shows nobody the digits: run it again with --fixed, which has the pass phrase asked for."
    Output(json).result({"service": service, "enabled": True}, text)


@app.command()
def disable(
    service: Annotated[
        str | None, typer.Argument(help="The service; all if none is given.", show_default=False)
    ] = None,
    socket: SocketOption = None,
    json: options.Json = False,
) -> None:
    """Let a service ask no longer. After the last one, PAM's files are as they were before. Run it with sudo.

    Without a service it works without the daemon, too.
    """
    from streamauth.errors import LoginDaemonAbsent
    from streamauth.login.client import LoginClient
    from streamauth.login.pam_switch import PamSwitch

    _need_root()
    left: list[str] = []
    try:
        with LoginClient(socket) as client:
            enabled = client.status("root")["services"]
            for each in enabled if service is None else [service]:
                client.enable(each, False)
            left = [each for each in enabled if service is not None and each != service]
    except LoginDaemonAbsent:
        if service is not None:
            raise
    if not left:
        PamSwitch().turn_off()
    rest = f"Still enabled: {', '.join(left)}." if left else "PAM's files are as they were before."
    Output(json).result({"service": service, "enabled": left}, rest)


@app.command()
def forget(user: UserOption = None, socket: SocketOption = None, json: options.Json = False) -> None:
    """Delete the voice of a user."""
    from streamauth.login.client import LoginClient

    name = _user(user)
    with LoginClient(socket) as client:
        client.forget(name)
    Output(json).result({"user": name, "deleted": True}, f"The voice of {name} is deleted.")


@app.command()
def unlock(user: UserOption = None, socket: SocketOption = None, json: options.Json = False) -> None:
    """Forget failed attempts. Run it with sudo."""
    from streamauth.login.client import LoginClient

    name = _user(user)
    with LoginClient(socket) as client:
        client.unlock(name)
    Output(json).result({"user": name, "unlocked": True}, f"The voice of {name} may be tried again.")


@app.command()
def doctor(user: UserOption = None, socket: SocketOption = None, json: options.Json = False) -> int:
    """What would happen at each service, and what stands in the way."""
    from streamauth.login.doctor import examine, keyring_note
    from streamauth.login.pam_switch import PamSwitch

    checks = examine(_user(user), socket, PamSwitch())
    good = all(check.ok for check in checks)
    lines = []
    for check in checks:
        mark = "ok  " if check.ok else "DANGER" if check.danger else "FAIL"
        lines.append(f"{mark}  {check.name}: {check.found}")
        if check.advice:
            lines.append(f"      {check.advice}")
    lines.append(keyring_note())
    Output(json).result({"ready": good, "checks": [asdict(check) for check in checks]}, "\n".join(lines))
    return EXIT_OK if good else EXIT_INTERNAL


@app.command()
def daemon(
    socket: Annotated[
        Path | None, typer.Option("--socket", help="Where to listen if systemd does not.", show_default=False)
    ] = None,
) -> None:
    """Run the login daemon; systemd does it by streamauthd.socket."""
    import logging

    from streamauth.cli.output import opened
    from streamauth.login.daemon import serve
    from streamauth.login.microphones import AlsaMicrophones
    from streamauth.login.state import DaemonState
    from streamauth.login.voices import LoginVoices
    from streamauth.settings import data_folder

    logging.basicConfig(format="%(message)s")
    logging.getLogger("streamauth").setLevel(logging.INFO)
    home = data_folder()
    with opened(None) as authenticator:
        state = DaemonState(home / "login.json")
        wanted = authenticator.settings.login.device
        voices = LoginVoices(authenticator, AlsaMicrophones(lambda: wanted or state.device))
        serve(voices, state, socket)


def _user(given: str | None) -> str:
    """Whose login: as given, else whoever called sudo or pkexec, else whoever runs this."""
    import pwd

    if given is not None:
        return given
    if os.geteuid() == 0 and (caller := os.environ.get("SUDO_USER")):
        return caller
    if os.geteuid() == 0 and (number := os.environ.get("PKEXEC_UID", "")).isdecimal():
        return pwd.getpwuid(int(number)).pw_name
    return pwd.getpwuid(os.getuid()).pw_name


def _need_root() -> None:
    from streamauth.errors import LoginNotPermitted

    if os.geteuid() != 0:
        raise LoginNotPermitted("Only root may change PAM. Run it with sudo.")
