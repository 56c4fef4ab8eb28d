"""Profiles that hold the same voice: by mistake, or because somebody enrolled under a second name."""

import numpy as np

from streamauth.core.audio.quality import Quality
from streamauth.core.voice.pooling import VoiceSample
from streamauth.core.voice.scoring import Gallery
from streamauth.engines.loader import Engines
from streamauth.store.records import Profile
from streamauth.store.store import Store

SUSPICIOUS_FAR = 0.001
"""Share of pairs of different people that would be taken for one voice."""
_CLEAR = Quality(-25.0, 30.0, 0.0, 0.0, -20.0, False)


def alike(store: Store, engines: Engines, profile: Profile) -> list[str]:
    """Names of the other profiles of its tenant that may be of the same voice, likest first.

    For the operator only: whoever asks learns who else is enrolled.

    Raises:
        EngineError: The encoder cannot be used.
    """
    models = engines.models(with_words=False)
    people = store.gallery.enrolled(models.encoder.id, tenant=profile.tenant)
    mine = next((one for one in people if one.profile_id == profile.id), None)
    others = [one for one in people if one is not mine]
    if mine is None or not others:
        return []
    summary = store.profiles.summaries(name=profile.name, tenant=profile.tenant)[0]
    sample = VoiceSample(np.atleast_2d(mine.voiceprint)[0], summary.speech_s)
    scores = Gallery([one.voiceprint for one in others], models.calibration).compare(sample, _CLEAR)
    least = models.calibration.threshold(SUSPICIOUS_FAR)
    found = [(score.llr, one.name) for score, one in zip(scores, others, strict=True) if score.llr >= least]
    return [name for _, name in sorted(found, reverse=True)]
