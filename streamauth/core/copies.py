"""The voice of an enrolled utterance, as it also sounds in noise, on a line and in a room.

People enroll where it is quiet and log in where it is not. An encoder moves a voice in noise away from the same voice
in quiet, and every person in much the same direction; a voiceprint that lies a little on that side is nearer to all
that its owner will sound like. What it is worth is in docs/decisions.md.
"""

from collections.abc import Callable

import numpy as np

from streamauth.core.degradation import coloured_noise, telephone, with_noise
from streamauth.core.ports import Samples, SpeakerEncoder
from streamauth.core.rooms import in_room, random_room
from streamauth.core.voice import VoiceSample, unit, voice_of

_SEED = 0
_NOISE_DB = 10.0
_OWN_WEIGHT = 3.0
"""Weight of the utterance itself; each copy has weight 1. With less, quiet speech loses (measured on part "fit")."""


def _noisy(speech: Samples, rng: np.random.Generator) -> Samples:
    return with_noise(speech, coloured_noise(speech.size, 1.0, rng), _NOISE_DB)


def _reverberant(speech: Samples, rng: np.random.Generator) -> Samples:
    return in_room(speech, random_room(rng))


_COPIES: tuple[Callable[[Samples, np.random.Generator], Samples], ...] = (
    _noisy,
    lambda speech, rng: telephone(speech),
    _reverberant,
    _reverberant,
    lambda speech, rng: telephone(_noisy(speech, rng)),
    lambda speech, rng: _noisy(_reverberant(speech, rng), rng),
)


def enrolled_voice(voice: VoiceSample, speech: Samples, encoder: SpeakerEncoder) -> VoiceSample:
    """The voice of an utterance and of its copies; the same speech gives the same voice.

    Args:
        voice: The voice of the utterance as it is (``voice_of``).
        speech: Its voiced audio, shape (samples,).
        encoder: The shared encoder.

    Raises:
        EngineError: The encoder failed.
    """
    rng = np.random.default_rng(_SEED)
    total = _OWN_WEIGHT * voice.embedding
    for copy in _COPIES:
        heard = voice_of(copy(speech, rng), encoder)
        if heard is not None:
            total = total + heard.embedding
    return VoiceSample(unit(total), voice.speech_s)
