"""Runs an attempt over a file or the microphone."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamauth.cli.output import Output
from streamauth.core.audio.pcm import AudioFormat, Encoding, PcmInput
from streamauth.core.events import Decided, Event
from streamauth.core.phrase.prompt import PromptKind, PromptPlan
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.core.sessions.base import SessionState
from streamauth.errors import InputError, InternalError, MicrophoneMuted
from streamauth.service.authenticator import Attempt, Authenticator
from streamauth.settings import PromptSettings, Settings
from streamauth.sources import naming

ANYTHING = "Talk about anything for a few seconds."
"""What somebody says where the voice alone counts."""


@dataclass(frozen=True)
class Recording:
    """Audio to come.

    Attributes:
        name: What to call it in messages.
        format: Of its chunks.
        chunks: The audio.
        file: Where it comes from; None of a microphone.
    """

    name: str
    format: AudioFormat
    chunks: Iterable[PcmInput]
    file: Path | None = None


@dataclass(frozen=True)
class RawFormat:
    """What was said of the audio: its channel, and of the standard input its whole format.

    Attributes:
        rate_hz: Sample rate of the standard input.
        encoding: Of its samples.
        channels: Of its frames.
        channel: The only channel to listen to, counted from 1; None mixes all.
    """

    rate_hz: int | None = None
    encoding: str | None = None
    channels: int | None = None
    channel: int | None = None

    @property
    def given(self) -> bool:
        """Whether anything but the channel was said."""
        return (self.rate_hz, self.encoding, self.channels) != (None, None, None)

    def format(self) -> AudioFormat:
        """The format of the standard input.

        Raises:
            AudioError: There is no such one.
        """
        return AudioFormat(
            SAMPLE_RATE_HZ if self.rate_hz is None else self.rate_hz,
            1 if self.channels is None else self.channels,
            Encoding(self.encoding or Encoding.S16LE),
            self.channel,
        )


@contextmanager
def recording(
    file: Path | None,
    mic: bool,
    device: str | None,
    settings: Settings,
    max_s: float,
    output: Output,
    raw: RawFormat = RawFormat(),
) -> Iterator[Recording]:
    """Open the file or the microphone, whichever was asked for.

    Args:
        file: An audio file, None for the microphone; "-" is raw PCM on the standard input.
        mic: Whether the microphone was asked for.
        device: Which one.
        settings: All settings.
        max_s: Longest audio, in seconds.
        output: For messages.
        raw: What was said of the audio.

    Raises:
        AudioError: It cannot be opened or is no usable audio; the file is named.
    """
    if mic == (file is not None):
        raise InputError("Give either an audio file or --mic.")
    if raw.given and str(file) != "-":
        raise InputError(
            "A file tells its own format: --rate, --encoding and --channels are for the standard input, -."
        )
    if file is not None:
        from streamauth.sources.files import open_audio, read_raw

        with naming(file):
            if str(file) == "-":
                source = read_raw(sys.stdin.buffer, raw.format(), max_s=max_s)
            else:
                source = open_audio(file, max_s=max_s, max_mb=settings.audio.max_file_mb, channel=raw.channel)
        with source as audio:
            yield Recording(file.name, audio.format, audio, file)
        return
    from streamauth.sources.microphone import Microphone

    def overflow() -> None:
        output.messages.print("The computer was too slow and some audio was lost.", style="yellow")

    def muted() -> None:
        output.messages.print(MicrophoneMuted.default_message, style="yellow")

    wanted = device or settings.microphone.device or None
    with Microphone(wanted, on_overflow=overflow, on_muted=muted) as microphone:
        yield Recording("microphone", microphone.format, microphone)


def wanted_prompt(prompt: str | None, kind: str | None, settings: PromptSettings) -> str | PromptPlan | None:
    """What was asked for by ``--prompt`` or ``--new-prompt``, as the authenticator takes it."""
    if prompt is not None and kind is not None:
        raise InputError("Give either --prompt or --new-prompt.")
    return prompt if kind is None else PromptPlan.of(settings, PromptKind(kind))


def tell_what_to_say(attempt: Attempt[Any], output: Output, usual: str | None) -> None:
    """Show what must be said: a random prompt where one is asked for, else what is usual.

    Args:
        attempt: The attempt.
        output: For people, and for programs an event.
        usual: What is said without a prompt, as a sentence; None where the audio is a file.
    """
    if (given := attempt.prompt) is None:
        if usual is not None:
            output.messages.print(usual, style="bold", markup=False)
    else:
        before = "your pass phrase, then" if given.after_phrase else "this"
        output.messages.print(f"Say {before}, within {given.expires_s:.0f} s:  {given.text}", style="bold")
        if usual is not None:
            output.event({"type": "prompt", "say": given.text, "after_phrase": given.after_phrase})


def usual_words(authenticator: Authenticator, name: str) -> str:
    """What somebody says to be verified without a random prompt, as a sentence."""
    with_phrase = authenticator.store.profiles.get(name).phrase is not None
    return "Say your pass phrase." if with_phrase else ANYTHING


def feed(attempt: Attempt[Any], audio: Recording, *, end: bool = True) -> Iterator[Event]:
    """Feed the attempt until its session or the audio is over, and then conclude it if ``end``; what happened.

    Raises:
        StreamAuthError: The attempt failed, or the audio cannot be read on.
    """
    with naming(audio.file):
        for chunk in audio.chunks:
            yield from attempt.receive_audio(chunk)
            if attempt.state is not SessionState.LISTENING:
                break
        else:
            if end:
                yield from attempt.receive_end()
        if attempt.error is not None:
            raise attempt.error


def decide(attempt: Attempt[Any], audio: Recording, on_event: Callable[[Event], None]) -> Decided:
    """Feed the attempt until it is decided; the decision.

    Raises:
        StreamAuthError: The attempt failed.
    """
    for event in feed(attempt, audio):
        on_event(event)
        if isinstance(event, Decided):
            return event
    raise InternalError("The attempt ended without a decision. Nothing was accepted.")
