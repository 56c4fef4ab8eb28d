"""Runs an attempt over a file or the microphone."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamauth.cli.output import Output
from streamauth.core.events import Decided, Event
from streamauth.core.listening import SessionState
from streamauth.core.pcm import AudioFormat, PcmInput
from streamauth.errors import InputError, InternalError
from streamauth.service import Attempt


@dataclass(frozen=True)
class Recording:
    """Audio to come.

    Attributes:
        name: What to call it in messages.
        format: Of its chunks.
        chunks: The audio.
    """

    name: str
    format: AudioFormat
    chunks: Iterable[PcmInput]


@contextmanager
def recording(file: Path | None, mic: bool, device: str | None, max_s: float, output: Output) -> Iterator[Recording]:
    """Open the file or the microphone, whichever was asked for.

    Raises:
        AudioError: It cannot be opened or is no usable audio.
    """
    if mic == (file is not None):
        raise InputError("Give either an audio file or --mic.")
    if file is not None:
        from streamauth.sources.files import open_audio

        with open_audio(file, max_s=max_s) as audio:
            yield Recording(file.name, audio.format, audio)
        return
    from streamauth.sources.microphone import Microphone

    def overflow() -> None:
        output.messages.print("The computer was too slow and some audio was lost.", style="yellow")

    with Microphone(device, on_overflow=overflow) as microphone:
        yield Recording("microphone", microphone.format, microphone)


def feed(attempt: Attempt[Any], audio: Recording, *, end: bool = True) -> Iterator[Event]:
    """Feed the attempt until its session or the audio is over; what happened.

    Args:
        attempt: Takes the audio.
        audio: The audio.
        end: Whether nothing follows it.

    Raises:
        StreamAuthError: The attempt failed, or the audio cannot be read on.
    """
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
