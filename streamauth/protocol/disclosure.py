"""What a peer learns of an attempt: the server's messages as JSON text, reduced to what may be told.

Each thing that is told would help somebody who tries to climb towards an accept, so by default only the outcome is: not
which of voice and words failed, how near they came, which words were heard, or who else is enrolled. What is wrong with
the audio is always told, or else nobody could do better.
"""

import json
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from streamauth.core.events import Decided, RankingUpdated, Reason, ScoreUpdated, Verdict, WordsHeard
from streamauth.protocol.answers import Pronunciation, Ready, ServerMessage, SignedVerdict
from streamauth.protocol.events import event_object
from streamauth.protocol.models import VERSION

_FAR_NATS = 4.0
_OF_THE_AUDIO = frozenset(
    {
        Reason.NO_SPEECH,
        Reason.TOO_LITTLE_SPEECH,
        Reason.DIGITAL_SILENCE,
        Reason.TOO_QUIET,
        Reason.CLIPPED,
        Reason.TOO_NOISY,
        Reason.DC_OFFSET,
        Reason.OTHER_RATE,
        Reason.SPEECH_BUDGET_SPENT,
        Reason.TIME_BUDGET_SPENT,
        Reason.PROMPT_EXPIRED,
        Reason.INTERRUPTED,
        Reason.ENGINE_FAILED,
    }
)
"""Reasons that tell nothing of voice and words."""


class Disclosure(StrEnum):
    """How much a peer learns; each level tells what the one before does."""

    LEAST = "least"
    """The outcome, and what is wrong with the audio."""
    BAND = "band"
    """Reasons, words that were heard, and how far the voice is from the threshold, in four steps."""
    NUMBER = "number"
    """Scores and LLRs."""


@dataclass(frozen=True, slots=True)
class DisclosurePolicy:
    """What a peer is told.

    Attributes:
        level: How much.
        threshold: The LLR that an accept takes, in nats.
        rankings: Whether it may learn who else is enrolled, and how near they came; with NUMBER only.
    """

    level: Disclosure
    threshold: float
    rankings: bool = False

    def band(self, llr: float | None) -> str | None:
        """The step of an LLR; None where nothing was compared or nothing is told."""
        if llr is None or self.level is Disclosure.LEAST:
            return None
        margin = llr - self.threshold
        side = "above" if margin >= 0 else "below"
        return f"far_{side}" if abs(margin) > _FAR_NATS else side

    def text(self, message: ServerMessage) -> str | None:
        """The message as JSON text, None where the peer is not told of it.

        Raises:
            EngineError: A number of an event is NaN or infinite; the event must not be told.
        """
        if isinstance(message, Ready):
            return json.dumps({"type": "ready", "version": VERSION, "limits": asdict(message)})
        if isinstance(message, SignedVerdict):
            return json.dumps({"type": "signed_verdict"} | asdict(message))
        if isinstance(message, Pronunciation):
            return json.dumps({"type": "pronunciation"} | asdict(message))
        data = event_object(message)  # first of all, as it is what looks for NaN
        if isinstance(message, Decided):
            data = decision_object(message, self)
        elif isinstance(message, ScoreUpdated | RankingUpdated | WordsHeard) and self.level is Disclosure.LEAST:
            return None
        elif isinstance(message, ScoreUpdated) and self.level is not Disclosure.NUMBER:
            data = self._band_object(data, message.llr)
        elif isinstance(message, RankingUpdated) and not self.tells_rankings:
            data = self._band_object(data, message.ranking[0].llr)
        return json.dumps(data, allow_nan=False)

    @property
    def tells_rankings(self) -> bool:
        """Whether the peer learns of others than the one who was accepted."""
        return self.rankings and self.level is Disclosure.NUMBER

    def _band_object(self, data: dict[str, Any], llr: float) -> dict[str, Any]:
        return {"type": "band", "at_s": data["at_s"], "band": self.band(llr), "speech_s": data["speech_s"]}


def told_reasons(decided: Decided, level: Disclosure) -> tuple[Reason, ...]:
    """Why a decision fell as it did, as far as it is told."""
    if level is not Disclosure.LEAST or decided.verdict is Verdict.ACCEPT:
        return decided.reasons
    of_the_audio = tuple(reason for reason in decided.reasons if reason in _OF_THE_AUDIO)
    if decided.verdict is Verdict.UNDECIDED and of_the_audio:
        return of_the_audio
    # a doubtful sample rate says nothing of the voice, and explains why a voice seems to be another one
    return (Reason.NOT_ACCEPTED, *(reason for reason in of_the_audio if reason is Reason.OTHER_RATE))


def decision_object(decided: Decided, disclosure: DisclosurePolicy) -> dict[str, Any]:
    """The decision as a peer is told of it.

    Raises:
        EngineError: A number is NaN or infinite; nothing must be told.
    """
    event_object(decided)  # looks for NaN in what is left out, too
    level = disclosure.level
    band = disclosure.band(decided.llr if decided.llr is not None or not decided.ranking else decided.ranking[0].llr)
    decided = replace(decided, reasons=told_reasons(decided, level))
    if level is not Disclosure.NUMBER:
        decided = replace(decided, score=None, llr=None)
    if not disclosure.tells_rankings:
        decided = replace(decided, ranking=())
    data = event_object(decided)
    if data["phrase"] is not None:
        if decided.verdict is not Verdict.ACCEPT:
            data["phrase"]["expected"] = None
        if level is Disclosure.LEAST:
            accepted = decided.verdict is Verdict.ACCEPT
            data["phrase"] = {"expected": None, "heard": None, "matched": True} if accepted else None
    return data | {"band": band}
