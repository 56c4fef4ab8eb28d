"""``streamauth listen``."""

import math
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_BY_VERDICT, Output, opened

if TYPE_CHECKING:
    from streamauth.cli.hooks import Hooks
    from streamauth.core.events import Decided
    from streamauth.service.authenticator import Authenticator

_LOOK_AGAIN_S = 1.0


def listen(
    name: Annotated[str, typer.Argument(help="Who the speaker claims to be.")],
    continuous: Annotated[
        bool, typer.Option("--continuous", help="Go on after an accept and tell when the voice is another one.")
    ] = False,
    device: options.Device = None,
    new_prompt: options.NewPrompt = None,
    on_accept: Annotated[
        str | None, typer.Option("--on-accept", metavar="COMMAND", help="Run when accepted.", show_default=False)
    ] = None,
    on_reject: Annotated[
        str | None, typer.Option("--on-reject", metavar="COMMAND", help="Run when not accepted.", show_default=False)
    ] = None,
    on_change: Annotated[
        str | None,
        typer.Option(
            "--on-change",
            metavar="COMMAND",
            help="With --continuous: run when the voice becomes another one, and when it is the accepted one again.",
            show_default=False,
        ),
    ] = None,
    lock: Annotated[
        bool,
        typer.Option("--lock", help="With --continuous: lock the session (loginctl) when the voice is another one."),
    ] = False,
    lock_command: Annotated[
        str | None,
        typer.Option("--lock-command", metavar="COMMAND", help="Run this to lock, instead.", show_default=False),
    ] = None,
    lock_after: Annotated[
        float | None,
        typer.Option(
            "--lock-after",
            metavar="SECONDS",
            min=1,
            help="With --continuous: lock also when the accepted speaker was not heard for so long.",
            show_default=False,
        ),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Load the models here, even where the login daemon runs.")
    ] = False,
    store: options.Store = None,
    json: options.LiveJson = False,
) -> int:
    """Log in by microphone, with the score, the words heard and the decision live.

    Where the login daemon runs and knows the name as a user of this machine, it listens, and nothing need be loaded.
    """
    from streamauth.cli.hooks import LOCK_SESSION, Hooks
    from streamauth.errors import InputError, MicrophoneUnavailable

    if not continuous and (on_change or lock or lock_command or lock_after):
        raise InputError("--on-change and --lock need --continuous.")
    hooks = Hooks.of(on_accept, on_reject, on_change, lock_command)
    if (lock or lock_after) and not lock_command:
        hooks.lock = LOCK_SESSION
    hooks.lock_after_s = math.inf if lock_after is None else lock_after
    output = Output(json)
    own = local or continuous or device is not None or store is not None
    if not own and (verdict := _by_daemon(name, new_prompt, hooks, output)) is not None:
        return EXIT_BY_VERDICT[verdict]
    with opened(store) as authenticator:
        while True:
            decided: list[Decided] = []
            try:
                _once(authenticator, name, continuous, device, new_prompt, hooks, decided, output)
                break
            except MicrophoneUnavailable as error:
                if not (continuous and decided):
                    raise
                output.messages.print(f"{error.message} Waiting for it.", style="yellow", markup=False)
                _wait_for(device or authenticator.settings.microphone.device or None)
                output.messages.print("It is back. Say it again.", markup=False)
                hooks.begin_again()
    verdict = decided[-1].verdict.value if decided else "undecided"
    if continuous:
        output.event({"type": "ended", "decision": verdict})
    return EXIT_BY_VERDICT[verdict]


def _once(
    authenticator: "Authenticator",
    name: str,
    continuous: bool,
    device: str | None,
    new_prompt: Any,
    hooks: "Hooks",
    decided: "list[Decided]",
    output: Output,
) -> None:
    """One attempt at the microphone; its decisions are added to ``decided`` as they come."""
    from streamauth.cli.attempt import feed, recording, tell_what_to_say, usual_words, wanted_prompt
    from streamauth.cli.hooks import Absence
    from streamauth.cli.live import LiveView, decision_text, follower
    from streamauth.core.events import Decided
    from streamauth.protocol.events import event_object

    limits = authenticator.settings.audio
    wanted = wanted_prompt(None, new_prompt, authenticator.settings.prompt)
    limit_s = limits.max_continuous_s if continuous else limits.max_attempt_s
    with recording(None, True, device, authenticator.settings, limit_s, output) as audio:
        with output.busy("Loading the models"):
            attempt = authenticator.verify(name, audio.format, continuous=continuous, prompt=wanted)
        what = usual_words(authenticator, name)
        if continuous:
            what += " Go on talking after it; Ctrl-C ends."
        tell_what_to_say(attempt, output, what)
        counted_s = None if continuous else authenticator.settings.decision.max_time_s
        with attempt, LiveView(output.messages, attempt.session.threshold, counted_s) as view:
            take = follower(view, output, live=True)
            absence = Absence(hooks.lock_after_s, attempt.session.threshold)
            try:
                for event in feed(attempt, audio):
                    take(event)
                    if isinstance(event, Decided):
                        decided.append(event)
                        if continuous:
                            output.result(event_object(event), _line(event))
                            _tell(hooks.decided(event), output)
                    if absence.begins_with(event):
                        output.event({"type": "absent", "absent_s": hooks.lock_after_s})
                        _tell(hooks.absent(), output)
            except KeyboardInterrupt:
                if not decided:
                    raise
    if decided and not continuous:
        output.result(event_object(decided[-1]), decision_text(decided[-1]))
        _tell(hooks.decided(decided[-1]), output)


def _by_daemon(name: str, new_prompt: Any, hooks: "Hooks", output: Output) -> str | None:
    """Have the login daemon listen; the verdict. None where it cannot be asked about this name."""
    from streamauth.cli.live import LiveView, decision_text
    from streamauth.core.events import Decided
    from streamauth.errors import LoginDaemonAbsent, LoginError
    from streamauth.login.client import LoginClient
    from streamauth.login.state import OWN_SERVICE
    from streamauth.protocol.answers import event_of
    from streamauth.protocol.events import event_object

    try:
        client = LoginClient()
    except LoginDaemonAbsent:
        return None
    with client:
        try:
            standing = client.status(name)
        except LoginError:  # no user of this machine, or somebody else
            return None
        if not standing["enrolled"] or new_prompt == "words":
            return None
        asked = client.ask(name, OWN_SERVICE, digits=new_prompt is not None or not standing["with_phrase"])
        what = " then ".join(filter(None, ("your pass phrase" if asked.after_phrase else "", asked.say)))
        output.messages.print(f"Say:  {what}", style="bold", markup=False)
        output.event({"type": "prompt", "say": asked.say, "after_phrase": asked.after_phrase})
        decided: list[Decided] = []
        with LiveView(output.messages, 0.0) as view:

            def show(data: dict[str, Any]) -> None:
                if data["type"] != "decision":
                    output.event(data)
                if data["type"] != "band":
                    event = event_of(data)
                    view.show(event)
                    decided.extend([event] if isinstance(event, Decided) else ())

            judged = client.listen(show)
    if decided:
        output.result(event_object(decided[-1]), decision_text(decided[-1]))
        _tell(hooks.decided(decided[-1]), output)
    return judged.verdict


def _wait_for(device: str | None) -> None:
    """Come back when the microphone is there again."""
    from streamauth.errors import MicrophoneUnavailable
    from streamauth.sources.microphone import choose_device, list_devices, refresh_devices

    while True:
        time.sleep(_LOOK_AGAIN_S)
        try:
            refresh_devices()
            choose_device(list_devices(), device)
            return
        except MicrophoneUnavailable:
            continue


def _tell(problems: list[str], output: Output) -> None:
    for problem in problems:
        output.messages.print(problem, style="yellow", markup=False)


def _line(decided: "Decided") -> str:
    """One line of the history of a continuous session, with the time since its begin."""
    from streamauth.core.ports import SAMPLE_RATE_HZ
    from streamauth.core.reasons import REASON_TEXTS

    at_s = round(decided.at_sample / SAMPLE_RATE_HZ)
    reasons = " ".join(REASON_TEXTS[reason] for reason in decided.reasons)
    return f"{at_s // 3600}:{at_s // 60 % 60:02}:{at_s % 60:02}  {decided.verdict.upper():<9}  {reasons}"
