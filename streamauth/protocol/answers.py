"""What the server answers in protocol version 1, as typed objects and as JSON text, cut down to what a peer may learn.

The words that were expected are told with an accept only, and scores as the settings say: each of them would help
somebody who tries to climb towards an accept.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from streamauth.core.events import Candidate, Decided, Event, RankingUpdated, ScoreUpdated, Verdict, WordsHeard
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.errors import ProtocolError, UnsupportedVersion
from streamauth.protocol.events import event_classes, event_object, wire_name
from streamauth.protocol.models import (
    VERSION,
    BandMessage,
    CandidateModel,
    DecisionMessage,
    PronunciationMessage,
    ReadyMessage,
    SignedVerdictMessage,
    server_message,
    server_messages,
)
from streamauth.protocol.strict_json import json_object

_FAR_NATS = 4.0


@dataclass(frozen=True, slots=True)
class Ready:
    """The first answer of the server: audio may come.

    Attributes:
        max_message_bytes: Largest message that is taken.
        max_queue_s: Audio that may wait at the server; it reads no further while so much waits.
        idle_timeout_s: Longest time without a message.
        max_session_s: Longest session, None for a continuous one.
        max_audio_s: Most audio of this session.
    """

    max_message_bytes: int
    max_queue_s: float
    idle_timeout_s: float
    max_session_s: float | None
    max_audio_s: float


@dataclass(frozen=True, slots=True)
class SignedVerdict:
    """What comes next, signed for a backend.

    Attributes:
        token: A JWT.
        expires_s: Seconds for which it is good.
    """

    token: str = field(repr=False)
    expires_s: float


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """How words of the phrase must be said that the dictionary does not have; for the person who enrolls alone.

    Attributes:
        words: For each word its pronunciations, phones with one space between; any of them will do.
    """

    words: Mapping[str, Sequence[str]] = field(repr=False)


ServerMessage = Ready | SignedVerdict | Pronunciation | Event


class Scores(StrEnum):
    """What a peer learns of scores."""

    NONE = "none"
    BAND = "band"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class DisclosurePolicy:
    """What a peer is told.

    Attributes:
        scores: What it learns of scores.
        threshold: The LLR that an accept takes.
    """

    scores: Scores
    threshold: float

    def band(self, llr: float | None) -> str | None:
        """The step of an LLR; None where nothing was compared or nothing is told."""
        if llr is None or self.scores is Scores.NONE:
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
        elif self.scores is not Scores.NUMBER:
            if isinstance(message, ScoreUpdated | RankingUpdated):
                llr = message.llr if isinstance(message, ScoreUpdated) else message.ranking[0].llr
                data = {"type": "band", "at_s": data["at_s"], "band": self.band(llr), "speech_s": data["speech_s"]}
            if self.scores is Scores.NONE and isinstance(message, ScoreUpdated | RankingUpdated | WordsHeard):
                return None
        return json.dumps(data, allow_nan=False)


def decision_object(decided: Decided, disclosure: DisclosurePolicy) -> dict[str, Any]:
    """The decision as a peer is told of it.

    Raises:
        EngineError: A number is NaN or infinite; nothing must be told.
    """
    band = disclosure.band(decided.llr if decided.llr is not None or not decided.ranking else decided.ranking[0].llr)
    if disclosure.scores is not Scores.NUMBER:
        event_object(decided)  # looks for NaN in what is left out, too
        decided = replace(decided, score=None, llr=None, ranking=())
    data = event_object(decided)
    if data["phrase"] is not None:
        if decided.verdict is not Verdict.ACCEPT:
            data["phrase"]["expected"] = None
        if disclosure.scores is Scores.NONE:
            data["phrase"]["heard"] = None
    return data | {"band": band}


def parse_server_text(text: str) -> ServerMessage | None:
    """A server's message from JSON text; None for a type that a later server may have added.

    Raises:
        UnsupportedVersion: The server is ready for another version.
        ProtocolError: It is no message of a server.
    """
    fields = json_object(text)
    kind = fields.get("type")
    if not isinstance(kind, str):
        raise ProtocolError("The server sent a message without a type.")
    if kind == "ready" and fields.get("version") != VERSION:
        raise UnsupportedVersion()
    match server_message(kind, text) if kind in server_messages() else None:
        case ReadyMessage() as ready:
            return Ready(**ready.limits.model_dump())
        case SignedVerdictMessage() as signed:
            return SignedVerdict(signed.token, signed.expires_s)
        case PronunciationMessage() as pronunciation:
            return Pronunciation({word: tuple(sounds) for word, sounds in pronunciation.words.items()})
        case None | BandMessage():
            return None
        case message:
            return _event_of(kind, message)


def event_of(data: Mapping[str, Any]) -> Event:
    """The event of a JSON object; fields that are not known are ignored.

    Raises:
        ProtocolError: It is no event, or a field is missing or of a wrong type.
    """
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in event_classes():
        raise ProtocolError("The server sent an event that is not known.")
    return _event_of(kind, server_message(kind, json.dumps(data)))


def _event_of(kind: str, message: Any) -> Event:
    event = event_classes()[kind]
    values = dict(message)
    if isinstance(message, DecisionMessage):
        phrase = message.phrase
        values |= {
            "at_s": message.decided_at_s,
            "verdict": message.decision,
            "phrase_expected": phrase and phrase.expected,
            "phrase_heard": phrase and phrase.heard,
            "phrase_matched": phrase and phrase.matched,
        }
    try:
        return event(**{item.name: _field_of(item.name, values[wire_name(item.name)]) for item in fields(event)})
    except OverflowError:
        raise ProtocolError("The server sent an event that cannot be read.") from None


def _field_of(name: str, value: Any) -> Any:
    if name.endswith("_sample"):
        return round(value * SAMPLE_RATE_HZ)
    if isinstance(value, list):
        return tuple(_field_of("", each) for each in value)
    return Candidate(value.name, value.score, value.llr) if isinstance(value, CandidateModel) else value
