"""Speech probabilities of frames in, utterances out: hysteresis, least lengths, padding.

Four states, after the usual voice-activity vocabulary: quiet, starting, speaking, stopping. Speech only begins, and
only goes on, where a voice was heard shortly before; what the detector takes for speech without one, such as a tone, is
left out, and so is what lies before the last of it.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.settings import SpeechSettings


class _State(Enum):
    QUIET = "quiet"
    STARTING = "starting"
    SPEAKING = "speaking"
    STOPPING = "stopping"


@dataclass(slots=True)
class Segmented:
    """What one frame brought.

    Attributes:
        started: Start sample of an utterance that is now known to have begun, padding included.
        utterance: Frames of the running utterance in order, pauses included, each with whether it is voiced
            (speech or its padding).
        paused: Whether the running utterance has been silent for ``pause_ms`` just now.
        ended: (start sample, end sample) of an utterance that is now over, padding included.
    """

    started: int | None = None
    utterance: list[tuple[Samples, bool]] = field(default_factory=list)
    paused: bool = False
    ended: tuple[int, int] | None = None


class SpeechSegmenter:
    """Finds utterances in one stream.

    Args:
        settings: Thresholds and lengths.
        frame_samples: Length of every frame.
        lead_ms: Audio before the padded start that the utterance also carries, unvoiced, so that a recognizer
            hears soft word onsets.
    """

    def __init__(self, settings: SpeechSettings, frame_samples: int, lead_ms: int = 0) -> None:
        def frames(milliseconds: float) -> int:
            return round(milliseconds * SAMPLE_RATE_HZ / 1000 / frame_samples)

        self._onset = settings.onset_probability
        self._offset = min(settings.offset_probability, settings.onset_probability)
        self._frame_samples = frame_samples
        self._pad = frames(settings.pad_ms)
        self._min_speech = max(1, frames(settings.min_speech_ms))
        self._min_silence = max(1, frames(settings.min_silence_ms), self._pad)
        self._pause = max(1, frames(settings.pause_ms))
        self._max_utterance = max(2, frames(settings.max_utterance_s * 1000))
        self._state = _State.QUIET
        self._frames = 0
        self._before: deque[Samples] = deque(maxlen=self._pad + frames(lead_ms))
        self._hold = max(1, frames(settings.voicing_hold_ms))
        self._voiceless = max(1, frames(settings.voiceless_onset_ms))
        self._voicing = settings.voicing_probability
        self._min_voice = max(1, frames(settings.min_voice_ms))
        self._voice_run = 0
        self._since_voice = self._hold + 1
        self._probability = 0.0
        self._sounded = False  # whether something without a voice lies before what may be starting
        self._starting: deque[tuple[Samples, bool]] = deque()
        self._paused: list[Samples] = []
        self._speech_run = 0
        self._silence_run = 0
        self._length = 0
        self._start_sample = 0

    @property
    def in_utterance(self) -> bool:
        """Whether an utterance has started and not ended."""
        return self._state in (_State.SPEAKING, _State.STOPPING)

    @property
    def hears_voice(self) -> bool:
        """Whether an utterance is running and a voice was heard in it shortly before."""
        return self.in_utterance and self._since_voice <= self._hold

    @property
    def hears_other(self) -> bool:
        """Whether the latest frame was taken for speech, but no voice was heard shortly before."""
        return self._probability >= self._onset and self._since_voice > self._hold

    def push(self, frame: Samples, probability: float, voicing: float = 1.0) -> Segmented:
        """Take the next frame, shape (frame_samples,).

        Args:
            frame: The frame.
            probability: That it is speech, in [0, 1].
            voicing: Probability that it carries a voice, likewise.
        """
        self._frames += 1
        self._probability = probability
        self._voice_run = self._voice_run + 1 if voicing >= self._voicing else 0
        self._since_voice = 0 if self._voice_run >= self._min_voice else self._since_voice + 1
        result = Segmented()
        if self._state in (_State.QUIET, _State.STARTING):
            self._wait(frame, probability, result)
        else:
            self._follow(frame, probability, result)
        return result

    def finish(self) -> Segmented:
        """The stream is over: end a running utterance."""
        result = Segmented()
        if self.in_utterance:
            self._end(result)
        self._starting.clear()
        self._state = _State.QUIET
        return result

    def _wait(self, frame: Samples, probability: float, result: Segmented) -> None:
        if probability >= self._onset:
            self._state = _State.STARTING
            self._starting.append((frame, True))
            self._speech_run += 1
            self._silence_run = 0
        elif self._state is _State.STARTING:
            self._starting.append((frame, False))
            self._silence_run += 1
            if self._silence_run > self._pad:
                self._forget_start()
        else:
            self._before.append(frame)
        if self._speech_run >= self._min_speech:
            if self._since_voice <= self._hold:
                self._start(result)
            else:
                self._wait_for_voice()

    def _wait_for_voice(self) -> None:
        """Keep what may be the voiceless begin of a word; what is older is no speech, and no lead of any."""
        while len(self._starting) > self._voiceless:
            _, speech = self._starting.popleft()
            self._speech_run -= speech
            self._sounded = True
            self._before.clear()

    def _forget_start(self) -> None:
        if not self._sounded:
            self._before.extend(frame for frame, _ in self._starting)
        self._sounded = False
        self._starting.clear()
        self._speech_run = self._silence_run = 0
        self._state = _State.QUIET

    def _start(self, result: Segmented) -> None:
        padded = min(self._pad, len(self._before))
        first = self._frames - len(self._starting) - padded
        self._start_sample = result.started = first * self._frame_samples
        voiced_from = len(self._before) - padded
        result.utterance = [(frame, i >= voiced_from) for i, frame in enumerate(self._before)]
        result.utterance += [(frame, True) for frame, _ in self._starting]
        self._length = len(self._starting) + padded
        self._before.clear()
        self._starting.clear()
        self._speech_run = self._silence_run = 0
        self._sounded = False
        self._state = _State.SPEAKING

    def _follow(self, frame: Samples, probability: float, result: Segmented) -> None:
        self._length += 1
        threshold = self._onset if self._state is _State.STOPPING else self._offset
        if probability >= threshold and self._since_voice <= self._hold:
            # a pause inside speech: only its ends, the padding, count as voiced
            skipped = max(0, len(self._paused) - self._pad)
            result.utterance = [(paused, i >= skipped) for i, paused in enumerate(self._paused)]
            result.utterance.append((frame, True))
            self._paused.clear()
            self._silence_run = 0
            self._state = _State.SPEAKING
        else:
            self._state = _State.STOPPING
            self._silence_run += 1
            result.paused = self._silence_run == self._pause
            if self._silence_run <= self._pad:
                result.utterance.append((frame, True))
            else:
                self._paused.append(frame)
            if self._silence_run >= self._min_silence:
                self._end(result)
                return
        if self._length >= self._max_utterance:
            self._end(result)
            # the speech goes on: its very next frame begins another utterance
            self._state = _State.STARTING
            self._speech_run = self._min_speech - 1

    def _end(self, result: Segmented) -> None:
        result.utterance += [(frame, False) for frame in self._paused]
        self._before.extend(self._paused)
        trailing = max(0, self._silence_run - self._pad)
        result.ended = (self._start_sample, (self._frames - trailing) * self._frame_samples)
        self._paused.clear()
        self._speech_run = self._silence_run = self._length = 0
        self._state = _State.QUIET
