"""What the REST interface takes and gives, as its description shows it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from streamauth.core.phrase.prompt import PromptKind
from streamauth.protocol.models import Band
from streamauth.protocol.purpose import MAX_AMONG, MAX_LABEL, Mode
from streamauth.store.records import ProfileKind

Name = Annotated[str, Field(min_length=1, max_length=128)]
Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL)]
Phrase = Annotated[str, Field(min_length=1, max_length=1000)]
Names = Annotated[list[Name], Field(min_length=1, max_length=MAX_AMONG)]


class _Given(BaseModel, extra="forbid", strict=True):
    """What a client gives."""


class ErrorText(BaseModel):
    """What went wrong: a stable code and a sentence for a person."""

    code: str
    message: str


class ErrorBody(BaseModel):
    """The one shape of all errors."""

    error: ErrorText


Consent = Annotated[str, Field(min_length=1, max_length=64)]


class NewProfile(_Given):
    """A profile to be made."""

    name: Name
    kind: Annotated[ProfileKind, Field(strict=False)] = ProfileKind.TEXT_DEPENDENT
    phrase: Phrase | None = None
    consent: Consent | None = Field(None, description="Version of the text that the person has agreed to.")


class NewPhrase(_Given):
    """A phrase to be judged."""

    phrase: Phrase


class PhraseWorth(BaseModel):
    """What a phrase is worth as a pass phrase."""

    words: list[str] = Field(description="As the recognizer expects them; empty where it cannot.")
    usable: bool
    strength: Literal["weak", "fair", "strong"] | None = Field(description="Null where the recognizer cannot tell.")
    reason: str | None = Field(description="Why it is not usable.")
    code: str | None = Field(
        description="The code of the error that it would be refused with; null where it is usable."
    )
    proposed_sounds: dict[str, tuple[str, ...]] | None = Field(
        description="How words that the dictionary does not have are expected to be said; null where there are none."
    )


class ProfileName(_Given):
    """The name of a profile."""

    name: Name


class ProfileBody(BaseModel):
    """A profile; never its voiceprint."""

    id: str
    name: str
    kind: ProfileKind
    status: Literal["enrolling", "enrolled"]
    locale: str
    utterances: int
    speech_s: float
    failures: int
    locked: bool
    created_at: datetime
    updated_at: datetime


class MadeProfileBody(ProfileBody):
    """A profile that was just made, and what who chose its phrase should know of it."""

    proposed_sounds: dict[str, tuple[str, ...]] | None = Field(
        None,
        description="Words of the phrase that the dictionary does not have, with the pronunciations that the "
        "enrollment has to confirm (any of them will do); null where there are none. No other answer tells them.",
    )


class ProfileList(BaseModel):
    """Profiles by name."""

    profiles: list[ProfileBody]
    next: str | None = Field(description="Give it as `after` for the rest; null where there is none.")


class UtteranceBody(BaseModel):
    """One utterance of an enrollment file."""

    taken: bool
    reasons: list[str] = Field(description="Why it was not taken.")
    phrase: str | None = Field(
        None,
        description="What was heard, where that has just become the pass phrase; null otherwise. Show it to the "
        "person, and put what was said instead, if it is another one, to the profile's `phrase`.",
    )


class EnrollmentBody(BaseModel):
    """What came of an enrollment file."""

    utterances: list[UtteranceBody]
    profile: ProfileBody


class PhraseBody(BaseModel):
    """What was to be said and what was heard; `expected` is told with an accept only."""

    expected: str | None
    heard: str | None
    matched: bool


class CandidateBody(BaseModel):
    """One place in a ranking."""

    name: str
    llr: float
    score: float


class DecisionBody(BaseModel):
    """A decision, as in the streaming protocol."""

    decision: Literal["accept", "reject", "undecided"]
    reasons: list[str]
    llr: float | None
    score: float | None
    phrase: PhraseBody | None
    speech_s: float
    decided_at_s: float
    name: str | None
    ranking: list[CandidateBody]
    band: Band | None
    signed_verdict: str | None = Field(description="A JWT, where an audience was given.")


class NewPrompt(_Given):
    """A random prompt to be drawn."""

    profile_id: Annotated[str, Field(max_length=64)] | None = None
    kind: Annotated[PromptKind, Field(strict=False)] | None = None


class PromptBody(BaseModel):
    """A random prompt for one attempt."""

    id: str
    text: str
    expires_in_s: float


class NewSession(_Given):
    """What a session token is for; see the fields of `start` in the streaming protocol."""

    mode: Annotated[Mode, Field(strict=False)]
    audience: Label = Field(description="Whom the signed verdict is for, such as the address of your site.")
    nonce: Label | None = Field(None, description="Repeated in the signed verdict; made here if not given.")
    name: Name | None = None
    among: Names | None = None
    phrase: Phrase | None = None
    text_independent: bool = False
    consent: Consent | None = None
    prompt: Annotated[PromptKind, Field(strict=False)] | None = None


class SessionBody(BaseModel):
    """A session token for one session of a browser."""

    token: str
    mode: Mode
    nonce: str
    expires_in_s: float
    path: str = Field(description="Where to stream to, on this server.")
    second_factor: bool = Field(description="Whether an accept must be followed by a second factor.")


class JsonWebKey(BaseModel):
    """A public key, RFC 8037."""

    kty: str
    crv: str
    use: str
    alg: str
    kid: str
    x: str


class JsonWebKeySet(BaseModel):
    """The keys that signed verdicts are verified with."""

    keys: list[JsonWebKey]
