"""Runs the same recording against many claims at the cost of one run.

The first stages and the encoder do not depend on the claim: their results are kept and handed to the product's own
sessions, which do everything else as ever.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from streamauth.core.audio.frontend import FrontEnd, FrontEndStep, PcmFrontEnd
from streamauth.core.audio.pcm import AudioFormat, Encoding, PcmInput
from streamauth.core.audio.quality import Quality, QualityMeter
from streamauth.core.ports import SAMPLE_RATE_HZ, Embedding, Samples, SpeakerEncoder, Voiceprint
from streamauth.core.sessions.base import Models
from streamauth.core.voice.augmentation import augmented_voiceprint
from streamauth.core.voice.pooling import RollingVoice, VoiceSample, voice_of
from streamauth.settings import Settings

FORMAT = AudioFormat(SAMPLE_RATE_HZ, 1, Encoding.F32LE)


class CachingEncoder:
    """Remembers the embedding of every window that it has seen.

    Args:
        encoder: The encoder.
        known: Embeddings from an earlier run, by the digest of their window.

    Attributes:
        known: All of them.
    """

    def __init__(self, encoder: SpeakerEncoder, known: Mapping[bytes, Embedding] | None = None) -> None:
        self._encoder = encoder
        self.known: dict[bytes, Embedding] = dict(known or {})
        self.id, self.dim = encoder.id, encoder.dim
        self.window_samples, self.min_samples = encoder.window_samples, encoder.min_samples

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """As the encoder's; those that it has not seen, together."""
        keys = [_digest(window) for window in windows]
        unknown = {key: window for key, window in zip(keys, windows, strict=True) if key not in self.known}
        if unknown:
            self.known.update(zip(unknown, self._encoder.embed(np.stack(list(unknown.values()))), strict=True))
        return np.stack([self.known[key] for key in keys])

    def learn(self, windows: Iterable[Samples]) -> None:
        """Embed windows that will be asked for, many at a time, which is faster."""
        by_length: dict[int, list[Samples]] = defaultdict(list)
        for window in windows:
            by_length[window.size].append(window)
        for same_length in by_length.values():
            self.embed(np.stack(same_length))


class WindowCollector:
    """Keeps the windows that an encoder would be given, and takes all of them for the same voice."""

    def __init__(self, encoder: SpeakerEncoder) -> None:
        self.id, self.dim = encoder.id, encoder.dim
        self.window_samples, self.min_samples = encoder.window_samples, encoder.min_samples
        self.windows: list[Samples] = []

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """The same unit vector for each."""
        self.windows.extend(windows)
        return np.eye(1, self.dim, dtype=np.float32).repeat(len(windows), axis=0)


@dataclass(frozen=True, slots=True)
class Look:
    """What a session knows when a window has been embedded.

    Attributes:
        voice: Of all speech so far.
        newest: Of the latest window alone.
        quality: Of all audio so far.
    """

    voice: VoiceSample
    newest: VoiceSample
    quality: Quality


def _look(voice: RollingVoice, quality: QualityMeter) -> Look:
    whole, newest = voice.sample(), voice.newest()
    assert whole is not None  # noqa: S101 - a window has been embedded
    assert newest is not None  # noqa: S101 - likewise
    return Look(whole, newest, quality.result())


def _digest(window: Samples) -> bytes:
    return blake2b(np.ascontiguousarray(window).tobytes(), digest_size=16).digest()


class Probe:
    """One recording, heard once.

    Args:
        audio: Shape (samples,), float32 at 16 kHz; or chunks in another format.
        models: With a CachingEncoder.
        settings: As the trials'.
        audio_format: Of the chunks.
        with_words: Whether a recognizer will hear it, too.
    """

    def __init__(
        self,
        audio: Samples | Iterable[bytes],
        models: Models,
        settings: Settings,
        *,
        audio_format: AudioFormat = FORMAT,
        with_words: bool = False,
    ) -> None:
        lead_ms = settings.phrase.lead_ms if with_words else 0
        front = PcmFrontEnd(audio_format, models.detector, settings.speech, lead_ms, 1e9)
        chunks: Iterable[PcmInput] = [audio] if isinstance(audio, np.ndarray) else audio
        self._steps = [step for chunk in chunks for step in front.feed(chunk)]
        self._steps += front.flush()
        self._models = models
        self._settings = settings

    def front(self) -> "ReplayedFrontEnd":
        """First stages that bring the recording, whatever they are fed."""
        return ReplayedFrontEnd(self._steps)

    def voice(self, speech_s: float | None = None) -> VoiceSample | None:
        """The voice of the first ``speech_s`` seconds of net speech, or of all; None if that is too little."""
        look = self.heard(speech_s)
        return None if look is None else look.voice

    def enrolled(self) -> Voiceprint | None:
        """The voiceprint of all, as an enrollment keeps it; None if that is too little."""
        frames = [frame for step in self._steps for frame, voiced in step.segmented.utterance if voiced]
        speech = np.concatenate((*frames, np.zeros(0, np.float32)))
        voice = voice_of(speech, self._models.encoder)
        return None if voice is None else augmented_voiceprint(voice, speech, self._models.encoder)

    def heard(self, speech_s: float | None = None) -> Look | None:
        """What is known after the first ``speech_s`` seconds of net speech, or all; None if that is too little."""
        looks = self._looks(self._models.encoder, speech_s)
        return looks[-1] if looks else None

    def looks(self) -> list[Look]:
        """What a session knows each time that a window has been embedded, and at the end."""
        return self._looks(self._models.encoder)

    def windows(self) -> list[Samples]:
        """The windows that the voice of all speech takes."""
        collector = WindowCollector(self._models.encoder)
        self._looks(collector)
        return collector.windows

    def _looks(self, encoder: SpeakerEncoder, speech_s: float | None = None) -> list[Look]:
        voice, quality = RollingVoice(encoder, self._settings.voice), QualityMeter()
        limit = np.inf if speech_s is None else speech_s * SAMPLE_RATE_HZ
        found: list[Look] = []
        taken = 0
        for step in self._steps:
            if step.measures is not None:
                quality.add(step.measures)
            fresh = False
            for frame, voiced in step.segmented.utterance:
                taken += frame.size * voiced
                if voiced and taken <= limit:
                    fresh |= voice.accept(frame)
            if fresh:
                found.append(_look(voice, quality))
            if taken > limit:
                break
        if voice.flush():
            found.append(_look(voice, quality))
        return found


class ReplayedFrontEnd(FrontEnd):
    """Brings recorded steps: all of them at the first ``feed``."""

    def __init__(self, steps: list[FrontEndStep]) -> None:
        self._steps = steps
        self._at = 0

    @property
    def at_sample(self) -> int:
        """Position after the last step that was brought, at 16 kHz."""
        return self._at

    @property
    def taken_samples(self) -> int:
        """The same: a replay brings whole frames."""
        return self._at

    @property
    def suspects_rate(self) -> bool:
        """Never: files tell their rate."""
        return False

    def begin_recording(self, audio_format: AudioFormat) -> None:
        """Nothing: a replay is one recording."""

    def feed(self, data: PcmInput) -> Iterator[FrontEndStep]:
        """Every step that was recorded; what is fed is not looked at."""
        for step in self._steps:
            self._at = step.at_sample
            yield step

    def flush(self) -> Iterator[FrontEndStep]:
        """Nothing more."""
        yield from ()
