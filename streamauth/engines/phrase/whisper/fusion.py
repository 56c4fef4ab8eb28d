"""One likelihood ratio from two judges: the alignment by the phrase model, and Whisper's probability of the words.

Data path: Alignment, WordScores -> **Fusion** -> Transcript. The two err at different places: the alignment takes words
that sound alike, Whisper names that it never saw written and a phrase cut short at its end. A logistic regression with
weights that are not negative joins them (``scripts/measure/phrases.py --fit``): more evidence never makes a phrase less
likely, so a bound on one judge bounds the result.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamauth.core.phrase.words import DIGITS
from streamauth.core.ports import LEAST_LLR, SAMPLE_RATE_HZ, Samples
from streamauth.engines.phrase.whisper.evidence import WordScores
from streamauth.engines.phrase.whisper.renderings import Difference
from streamauth.errors import ModelCorrupt

FILE = "llr.json"
BOUNDS = {
    "alignment": (-15.0, 5.0),
    "weakest": (-10.0, 0.0),
    "mean": (-8.0, 0.0),
    "end": (-8.0, 0.0),
    "lead": (-20.0, 0.0),
    "margin": (-10.0, 0.0),
}
"""What is joined, each in nats and between bounds: the alignment's likelihood ratio; of Whisper, the log probability of
the least likely word, of the words on average, and that nothing follows; by how much its own transcript explains the
utterance better than the phrase does, and at the worst word something else in its place."""
KNOTS = {
    "alignment": (-3.0, 0.0, 2.0),
    "weakest": (-4.0, -2.0),
    "mean": (-1.0,),
    "end": (-2.0,),
    "lead": (-4.0, -1.0),
    "margin": (-3.0, -1.0),
}
"""From where each counts less: it has a weight everywhere and one more below each knot."""
TERMS = tuple(name if knot is None else f"{name} under {knot:g}" for name in BOUNDS for knot in (None, *KNOTS[name]))
KINDS = ("words", "word", "digits")
"""Of phrases: several words; one; digits alone, of which there are so few that Whisper is sure too soon."""
PLACES = ("quiet", "noisy")
"""What is heard in noise is judged by weights of its own, and in between by both."""
_FRAME = SAMPLE_RATE_HZ // 50
_QUIET_DB, _NOISY_DB = 35.0, 15.0
MOST_OWN = 3.0
"""What a rendering just like the person's own ones adds at most, in nats: less than a word that differs takes off."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for words in one utterance.

    Attributes:
        alignment: Likelihood ratio by the alignment, in nats.
        scores: Whisper's scores; None where it was not asked.
        lead: Log probability of the words less that of Whisper's own transcript, in nats, at most 0.
        said: The words.
        noise: How noisy the utterance is, of ``noise_in``.
        own: Log-likelihood ratio that they were said as this person said them before, in nats; None where nothing is
            known of that.
    """

    alignment: float
    scores: WordScores | None = None
    lead: float = 0.0
    said: Sequence[str] = ("", "")
    noise: float = 0.0
    own: float | None = None

    def raw(self) -> dict[str, float]:
        """What is joined; as if Whisper were sure where it was not asked."""
        scores = self.scores if self.scores is not None else WordScores((0.0,), 0.0, (0.0,))
        words, margins, end = scores.words, scores.margins, scores.end
        return {
            "alignment": self.alignment,
            "weakest": min(words),
            "mean": sum(words) / len(words),
            "end": end,
            "lead": self.lead,
            "margin": min(margins),
        }

    def measures(self) -> dict[str, float]:
        """What is joined, within bounds."""
        return _bounded(self.raw())


def features(measures: Mapping[str, float], noise: float, words: Sequence[str]) -> NDArray[np.float64]:
    """What the weights belong to: for each of ``PLACES`` the ``TERMS`` and the ``KINDS``.

    Args:
        measures: Of ``Evidence.raw``.
        noise: From 0 in quiet to 1.
        words: The phrase.
    """
    bounded = _bounded(measures)
    found = [min(bounded[name], knot) for name in BOUNDS for knot in (BOUNDS[name][1], *KNOTS[name])]
    found += [float(kind == _kind(words)) for kind in KINDS]
    return np.concatenate([np.array(found) * (1 - noise), np.array(found) * noise])


def _bounded(measures: Mapping[str, float]) -> dict[str, float]:
    return {name: min(max(measures[name], low), high) for name, (low, high) in BOUNDS.items()}


def _kind(words: Sequence[str]) -> str:
    return "digits" if set(words).issubset(DIGITS) else "words" if len(words) > 1 else "word"


def noise_in(samples: Samples) -> float:
    """How noisy an utterance is, from 0 to 1, by how far its loudest parts stand out of its quietest ones."""
    frames = samples[: samples.size // _FRAME * _FRAME].reshape(-1, _FRAME)
    if not len(frames):
        return 0.0
    levels_db = 10 * np.log10(np.mean(np.square(frames, dtype=np.float64), axis=1) + 1e-12)
    span_db = float(np.diff(np.percentile(levels_db, [10, 90]))[0])
    return min(max((_QUIET_DB - span_db) / (_QUIET_DB - _NOISY_DB), 0.0), 1.0)


def forgiven_share(own: float | None, noise: float) -> float:
    """How much of what the judge usually misses in a person's words is forgiven, from 0 to 1.

    All of it where they are said as before, nothing where they are said otherwise. Noise makes renderings differ, too.

    Args:
        own: Of ``Fusion.own_llr``; all is forgiven where it is None.
        noise: From 0 in quiet to 1.
    """
    return 1.0 if own is None else max(noise, min(1.0, 1 + own / MOST_OWN))


class Fusion:
    """The regression.

    Args:
        weights: Of each of ``PLACES``, and there of each of ``TERMS``, not negative, and of ``KINDS``.
        own: What is added for a rendering like the person's own, in nats, and how much of it each unit of the worst
            difference takes off.

    Raises:
        ValueError: A weight is missing, too many, negative or no number.
    """

    def __init__(self, weights: Mapping[str, Mapping[str, float]], own: tuple[float, float] = (0.0, 0.0)) -> None:
        if weights.keys() != set(PLACES) or any(each.keys() != {*TERMS, *KINDS} for each in weights.values()):
            raise ValueError("no weights")
        if not all(0 <= each[name] < 100 for each in weights.values() for name in TERMS):
            raise ValueError("no weights")
        if not all(-100 < each[name] < 100 for each in weights.values() for name in KINDS):
            raise ValueError("no bias")
        if not all(0 <= one < 100 for one in own):
            raise ValueError("no weights of own renderings")
        self._weights = np.array([weights[place][name] for place in PLACES for name in (*TERMS, *KINDS)])
        self._own = own

    @classmethod
    def read(cls, folder: Path) -> "Fusion":
        """The regression that was fitted for a model.

        Raises:
            ModelCorrupt: It cannot be read.
        """
        try:
            content = json.loads((folder / FILE).read_text("utf-8"))
            weights = {
                place: {name: float(weight) for name, weight in each.items()}
                for place, each in content["weights"].items()
            }
            return cls(weights, (float(content["own"]["bias"]), float(content["own"]["worst"])))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelCorrupt("The weights of the phrase's likelihood ratio cannot be read.") from error

    def joint(self, measures: Mapping[str, float], noise: float, words: Sequence[str]) -> float:
        """The likelihood ratio of ``features``, without bounds."""
        return float(self._weights @ features(measures, noise, words))

    def own_llr(self, differences: Sequence[Difference]) -> float | None:
        """Log-likelihood ratio that a phrase was said as the person said it before, in nats; None without any.

        Args:
            differences: To each of the person's renderings.
        """
        bias, slope = self._own
        return bias - slope * min(one.worst for one in differences) if differences else None

    def most(self, evidence: Evidence) -> float:
        """The likelihood ratio that Whisper's scores could bring the evidence to at most, or bring it to."""
        # noise and a cold change how a phrase sounds as another word does: what differs is left to the judges
        own = min(MOST_OWN, max(0.0, evidence.own or 0.0))
        return self.joint(evidence.raw(), evidence.noise, evidence.said) + own

    def llr(self, evidence: Evidence) -> float:
        """Natural-log likelihood ratio that the words were said, at least ``LEAST_LLR``.

        Where Whisper was not asked, because it could not have changed anything, that is the alignment's alone if it is
        lower.
        """
        joint = self.most(evidence)
        return max(LEAST_LLR, joint if evidence.scores is not None else min(joint, evidence.alignment))
