"""``streamauth enroll``."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_INCOMPLETE, EXIT_MISUSE, EXIT_OK, Output, counted, opened

if TYPE_CHECKING:
    from streamauth.cli.attempt import Recording
    from streamauth.core.events import Event
    from streamauth.core.reasons import Reason
    from streamauth.service.authenticator import EnrollmentAttempt

_ANEW = (
    "`streamauth profiles reset {name}` drops the voice, `streamauth profiles delete {name}` all; a further voiceprint "
    "beside it is made with --label."
)


def enroll(
    name: Annotated[str, typer.Argument(help="Whose voice it is.")],
    files: Annotated[
        list[Path] | None, typer.Argument(help="Audio files, one utterance each.", show_default=False)
    ] = None,
    phrase: Annotated[
        str | None,
        typer.Option("--phrase", help="The pass phrase; without it the first utterance sets it.", show_default=False),
    ] = None,
    text_independent: Annotated[bool, typer.Option("--text-independent", help="Voice only, no pass phrase.")] = False,
    label: Annotated[
        str | None,
        typer.Option("--label", help="A further voiceprint, for this place or device.", show_default=False),
    ] = None,
    consent: Annotated[
        str | None,
        typer.Option("--consent", metavar="VERSION", help="The text the person agreed to.", show_default=False),
    ] = None,
    mic: options.Mic = False,
    device: options.Device = None,
    channel: options.Channel = None,
    store: options.Store = None,
    json: options.LiveJson = False,
) -> int:
    """Enroll a person: one pass phrase said several times, or free speech. Exit code 5 where more is needed."""
    from streamauth.cli.attempt import RawFormat, recording
    from streamauth.cli.live import LiveView
    from streamauth.cli.phrase import proposals
    from streamauth.core.reasons import Reason
    from streamauth.errors import InputError, ProfileExists
    from streamauth.protocol.events import event_object
    from streamauth.service.twins import alike

    output = Output(json)
    if phrase is not None and text_independent:
        raise InputError("A text-independent enrollment has no phrase: give --phrase or --text-independent.")
    if label is not None and (phrase is not None or text_independent):
        raise InputError("A further voiceprint is made in the way of the first: give neither of the two with --label.")
    problems: list[Reason] = []
    with opened(store) as authenticator, ExitStack() as stack:
        # all are opened first, so that a bad file is told before anything is enrolled
        settings, raw = authenticator.settings, RawFormat(channel=channel)
        takes: list[Path | None] = [*files] if files else [None]
        recordings = [
            stack.enter_context(recording(file, mic, device, settings, settings.audio.max_enroll_s, output, raw))
            for file in takes
        ]
        with output.busy("Loading the models"):
            try:
                attempt = authenticator.enroll(
                    name,
                    recordings[0].format,
                    phrase=phrase,
                    text_independent=text_independent,
                    label=label,
                    by_owner=False,
                    consent=consent,
                )
            except ProfileExists as error:
                raise ProfileExists(f"{error.message} {_ANEW.format(name=shlex.quote(name))}") from None
        stack.enter_context(attempt)
        for line in proposals(attempt.proposed_sounds):
            output.messages.print(line, markup=False)
        if mic:
            output.messages.print(_prompt(attempt.session.needed, phrase, text_independent), markup=False)
        free_s = attempt.session.needed_speech_s
        with LiveView(output.messages, None, speech_s=free_s) if mic else output.busy("Listening") as view:
            for recorded, event in _events(attempt, recordings):
                if view is not None:
                    view.show(event)
                    output.event(event_object(event))
                _tell(event, recorded.name, phrase, problems, output)
        session = attempt.session
        count, speech_s = len(session.everything), sum(u.speech_s for u in session.everything)
        stored = next((u.phrase for u in session.everything if u.phrase), None)
        needed = session.needed or int(session.needed_speech_s > 0)
        status = "enrolled" if session.complete else "enrolling" if session.utterances or not problems else "failed"
        known = authenticator.store.profiles
        twins = alike(authenticator.store, authenticator.engines, known.get(name)) if status == "enrolled" else []
    spoken = f"{counted(count, 'utterance')}, {speech_s:.1f} s of speech"
    texts = {
        "enrolled": f"{name} is enrolled: {spoken}.",
        "enrolling": f"{name} is not fully enrolled yet: {spoken} so far.",
        "failed": f"Nothing was enrolled for {name}.",
    }
    if status == "enrolling" and not text_independent:
        texts[status] += f" {needed} more to go: run the same command with further recordings."
    if stored is not None:
        told = f" The pass phrase is “{stored}”."
        if phrase is None and label is None:
            told += (
                f" Was something else said? `streamauth profiles reset {shlex.quote(name)}`, then enroll with --phrase."
            )
        texts = {key: text + told if key != "failed" else text for key, text in texts.items()}
    data = {
        "name": name,
        "status": status,
        "utterances": count,
        "needed": needed,
        "phrase": stored,
        "alike": twins,
        "speech_s": round(speech_s, 3),
        "problems": [str(problem) for problem in problems],
    }
    output.result({"type": "enrollment"} | data if mic else data, texts[status])
    if twins:
        told = f"This may be the voice of another profile: {', '.join(twins)}. Was {name} enrolled under two names?"
        output.messages.print(told, style="yellow", markup=False)
    if Reason.OTHER_VOICE in problems:
        told = (
            f"If {name} was begun with another voice or a sound: `streamauth profiles reset {shlex.quote(name)}`, "
            "then enroll anew."
        )
        output.messages.print(told, markup=False)
    # what the recognizer wrote down on its own is often not what was said
    unsure = stored is not None and phrase is None and label is None and not json and sys.stdin.isatty()
    if unsure and not typer.confirm(f"Is “{stored}” what was said?", err=True):
        with opened(store) as authenticator:
            authenticator.store.profiles.reset(authenticator.store.profiles.get(name).id)
        output.messages.print("The enrollment is dropped. Enroll again with --phrase “your words”.", markup=False)
        return EXIT_MISUSE
    if status == "failed":
        return EXIT_MISUSE
    return EXIT_OK if status == "enrolled" else EXIT_INCOMPLETE


def _events(attempt: "EnrollmentAttempt", recordings: "list[Recording]") -> "Iterator[tuple[Recording, Event]]":
    from streamauth.cli.attempt import feed
    from streamauth.core.sessions.base import SessionState

    for number, recorded in enumerate(recordings):
        last = number + 1 == len(recordings)
        for event in feed(attempt, recorded, end=last):
            yield recorded, event
        if not last and attempt.state is SessionState.LISTENING:
            for event in attempt.end_utterance(recordings[number + 1].format):
                yield recorded, event
        if attempt.state is not SessionState.LISTENING:
            break
    if attempt.error is not None:
        raise attempt.error


def _tell(event: "Event", where: str, phrase: str | None, problems: "list[Reason]", output: Output) -> None:
    from streamauth.core.events import REASON_TEXTS, Enrolled, UtteranceRefused, UtteranceTaken
    from streamauth.core.phrase.words import normalize

    if isinstance(event, UtteranceRefused):
        problems.extend(reason for reason in event.reasons if reason not in problems)
        for reason in event.reasons:
            output.messages.print(f"{where}: not taken. {REASON_TEXTS[reason]}", markup=False)
        if event.heard and phrase is not None and event.heard != " ".join(normalize(phrase)):
            output.messages.print(f"I heard “{event.heard}”; say “{phrase}”.", markup=False)
    elif isinstance(event, Enrolled):
        expected = [
            f"{text} {rate:.1%}"
            for text, rate in (("refused wrongly:", event.expected_frr), ("others accepted:", event.expected_far))
            if rate is not None
        ]
        if expected:
            output.messages.print(f"Expected in quiet, of attempts: {', '.join(expected)}.", markup=False)
        for advice in event.advice:
            output.messages.print(REASON_TEXTS[advice], markup=False)
    elif isinstance(event, UtteranceTaken):
        if event.needed_speech_s:
            more = f"{event.needed_speech_s:.0f} s of speech to go"
        else:
            more = f"{event.needed} to go" if event.needed else "complete"
        output.messages.print(f"{where}: taken, {more}.", markup=False)
        if event.phrase is not None and phrase is None and event.count == 1:
            told = f"The pass phrase is “{event.phrase}”. If you said something else, enroll again with --phrase."
            output.messages.print(told, markup=False)


def _prompt(needed: int, phrase: str | None, text_independent: bool) -> str:
    if text_independent:
        from streamauth.login.guidance import TO_READ

        return f"Talk about anything until the enrollment is complete, or read this aloud:\n\n{TO_READ}\n"
    if phrase is not None:
        return f"Say “{phrase}”, {needed} times, with a pause after each."
    return f"Say your pass phrase {needed} times, with a pause after each."
