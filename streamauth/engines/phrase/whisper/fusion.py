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

from streamauth.core.ports import LEAST_LLR
from streamauth.engines.phrase.whisper.evidence import WordScores
from streamauth.engines.phrase.whisper.renderings import Difference
from streamauth.errors import ModelCorrupt

FILE = "llr.json"
BOUNDS = {
    "alignment": (-15.0, 5.0),
    "weakest": (-4.0, 0.0),
    "mean": (-8.0, 0.0),
    "end": (-8.0, 0.0),
    "lead": (-20.0, 0.0),
}
"""What is joined, each in nats and between bounds: the alignment's likelihood ratio; of Whisper, the log probability of
the least likely word, of the words on average, and that nothing follows; and by how much its own transcript explains
the utterance better than the phrase does."""
MOST_OWN = 3.0
"""What a rendering just like the person's own ones adds at most, in nats: less than a word that differs takes off."""


@dataclass(frozen=True)
class Evidence:
    """What speaks for words in one utterance.

    Attributes:
        alignment: Likelihood ratio by the alignment, in nats.
        scores: Whisper's scores; None where it was not asked.
        lead: Log probability of the words less that of Whisper's own transcript, in nats, at most 0.
        digits: Whether all words are digits: of ten words Whisper is sure too soon.
        own: Log-likelihood ratio that they were said as this person said them before, in nats; None where nothing is
            known of that.
    """

    alignment: float
    scores: WordScores | None = None
    lead: float = 0.0
    digits: bool = False
    own: float | None = None

    def measures(self) -> dict[str, float]:
        """What is joined, within bounds; as if Whisper were sure where it was not asked."""
        words = self.scores.words if self.scores is not None else (0.0,)
        end = self.scores.end if self.scores is not None else 0.0
        found = {
            "alignment": self.alignment,
            "weakest": min(words),
            "mean": sum(words) / len(words),
            "end": end,
            "lead": self.lead,
        }
        return {name: min(max(value, BOUNDS[name][0]), BOUNDS[name][1]) for name, value in found.items()}


class Fusion:
    """The regression.

    Args:
        weights: Of each measure, not negative.
        bias: What is added, in nats.
        digits_bias: What is added where all words are digits.
        own: What is added for a rendering like the person's own, in nats, and how much of it each unit of the worst
            difference takes off.

    Raises:
        ValueError: A weight is missing, too many, negative or no number.
    """

    def __init__(
        self, weights: Mapping[str, float], bias: float, digits_bias: float, own: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        if weights.keys() != BOUNDS.keys() or not all(0 <= weight < 100 for weight in weights.values()):
            raise ValueError("no weights")
        if not all(-100 < one < 100 for one in (bias, digits_bias)):
            raise ValueError("no bias")
        if not all(0 <= one < 100 for one in own):
            raise ValueError("no weights of own renderings")
        self._weights, self._bias, self._digits_bias, self._own = dict(weights), bias, digits_bias, own

    @classmethod
    def read(cls, folder: Path) -> "Fusion":
        """The regression that was fitted for a model.

        Raises:
            ModelCorrupt: It cannot be read.
        """
        try:
            content = json.loads((folder / FILE).read_text("utf-8"))
            weights = {name: float(weight) for name, weight in content["weights"].items()}
            own = float(content["own"]["bias"]), float(content["own"]["worst"])
            return cls(weights, float(content["bias"]), float(content["digits_bias"]), own)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelCorrupt("The weights of the phrase's likelihood ratio cannot be read.") from error

    def own_llr(self, differences: Sequence[Difference]) -> float | None:
        """Log-likelihood ratio that a phrase was said as the person said it before, in nats; None without any.

        Args:
            differences: To each of the person's renderings.
        """
        bias, slope = self._own
        return bias - slope * min(one.worst for one in differences) if differences else None

    def most(self, evidence: Evidence) -> float:
        """The likelihood ratio that Whisper's scores could bring the evidence to at most, or bring it to."""
        total = sum(self._weights[name] * value for name, value in evidence.measures().items())
        # noise and a cold change how a phrase sounds as another word does: what differs is left to the judges
        own = min(MOST_OWN, max(0.0, evidence.own or 0.0))
        return total + own + (self._digits_bias if evidence.digits else self._bias)

    def llr(self, evidence: Evidence) -> float:
        """Natural-log likelihood ratio that the words were said, at least ``LEAST_LLR``.

        Where Whisper was not asked, because it could not have changed anything, that is the alignment's alone if it is
        lower.
        """
        joint = self.most(evidence)
        return max(LEAST_LLR, joint if evidence.scores is not None else min(joint, evidence.alignment))
