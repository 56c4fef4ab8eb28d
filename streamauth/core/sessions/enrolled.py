"""What an enrollment keeps of each utterance that passed, and what several of them make together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamauth.core.ports import Rendering, Samples, Usual, Voiceprint
from streamauth.core.replay.trail import Trail
from streamauth.core.voice.voiceprint import mean_of


@dataclass(frozen=True, slots=True)
class EnrolledUtterance:
    """One utterance that passed the gate.

    Attributes:
        voiceprint: Its voice as it is and augmented (``core/voice/augmentation.py``).
        speech_s: Net speech, in seconds.
        audio_s: Audio it was found in, in seconds.
        phrase: Its words with one space between, None if text-independent.
        pronunciation_scores: ``Word.pronunciation_score`` of each word; empty where the recognizer gives none.
        snr_db: Estimated signal-to-noise ratio; None where it is no longer known.
        audio: The speech that the voiceprint is of, shape (samples,); None where it is not to be kept.
        trail: By which the same recording is known again; None where it was taken in an earlier session.
        recognition_scores: ``Word.recognition_score`` of each word; empty where the recognizer gives none.
        rendering: How the phrase was said; None where the recognizer makes none, or a pause fell inside.
    """

    voiceprint: Voiceprint
    speech_s: float
    audio_s: float
    phrase: str | None
    pronunciation_scores: tuple[float, ...] = ()
    snr_db: float | None = None
    audio: Samples | None = None
    trail: Trail | None = None
    recognition_scores: tuple[float, ...] = ()
    rendering: Rendering | None = None


def renderings_of(utterances: Sequence[EnrolledUtterance]) -> tuple[Rendering, ...]:
    """How the speaker said the phrase, of each utterance that tells."""
    return tuple(u.rendering for u in utterances if u.rendering is not None)


def voiceprint_of(utterances: Sequence[EnrolledUtterance]) -> Voiceprint:
    """The mean of the utterances' voiceprints, weighted by net speech."""
    return mean_of([u.voiceprint for u in utterances], [u.speech_s for u in utterances])


def usual_of(utterances: Sequence[EnrolledUtterance]) -> Usual:
    """How the speaker said the phrase: mean scores of each word, empty where no utterance has any, and renderings."""
    scores, recognition = [u.pronunciation_scores for u in utterances], [u.recognition_scores for u in utterances]
    return Usual(_mean(scores), _mean(recognition), renderings_of(utterances))


def _mean(scores: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    known = [one for one in scores if one]
    return tuple(float(score) for score in np.mean(known, axis=0)) if known else ()
