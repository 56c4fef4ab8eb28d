"""The voice of an enrolled utterance, as it also sounds in noise, on a line and in a room.

People enroll where it is quiet and log in where it is not. An encoder moves a voice in noise away from the same voice
in quiet; so the voiceprint also holds what the encoder makes of augmented speech, which is never kept.
"""

from __future__ import annotations  # numpy.random is imported when something is drawn, not when its name stands here

from collections.abc import Callable

import numpy as np

from streamauth.core.audio.degradation import coloured_noise, telephone, with_noise
from streamauth.core.audio.rooms import in_room, random_room
from streamauth.core.ports import Samples, SpeakerEncoder, Voiceprint
from streamauth.core.voice.pooling import VoiceSample, voice_of

_SEED = 0
_NOISE_DB = 10.0


def _noisy(speech: Samples, rng: np.random.Generator) -> Samples:
    return with_noise(speech, coloured_noise(speech.size, 1.0, rng), _NOISE_DB)


def _reverberant(speech: Samples, rng: np.random.Generator) -> Samples:
    return in_room(speech, random_room(rng))


_AUGMENTATIONS: tuple[Callable[[Samples, np.random.Generator], Samples], ...] = (
    _noisy,
    lambda speech, rng: telephone(speech),
    _reverberant,
    _reverberant,
    lambda speech, rng: telephone(_noisy(speech, rng)),
    lambda speech, rng: _noisy(_reverberant(speech, rng), rng),
)


def augmented_voiceprint(voice: VoiceSample, speech: Samples, encoder: SpeakerEncoder) -> Voiceprint:
    """The voice of an utterance as it is and augmented, shape (views, dim); the same speech gives the same.

    Args:
        voice: The voice of the utterance as it is (``voice_of``).
        speech: Its voiced audio, shape (samples,).
        encoder: The shared encoder.

    Raises:
        EngineError: The encoder failed.
    """
    rng = np.random.default_rng(_SEED)
    augmented = [voice_of(change(speech, rng), encoder) for change in _AUGMENTATIONS]
    return np.stack([voice.embedding, *(one.embedding for one in augmented if one is not None)])
