"""What a session is for: asked for by a start message, or fixed by a session token."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from streamauth.core.phrase.prompt import PromptKind
from streamauth.errors import Forbidden, ProtocolError

MAX_AMONG = 1000
"""Longest list of names."""
MAX_LABEL = 256
"""Longest audience or nonce, in characters."""
ATTEMPT_ID = "^[A-Za-z0-9_-]{16,64}$"
"""A client's id of an attempt."""


class Mode(StrEnum):
    """What a session is for."""

    VERIFY = "verify"
    CONTINUOUS = "continuous"
    IDENTIFY = "identify"
    ENROLL = "enroll"


_LABELS = {"audience", "nonce"}
FIELDS_OF_MODE: dict[Mode, set[str]] = {  # of a start message; "attempt_id" is no part of a purpose
    Mode.VERIFY: {"name", "prompt", "attempt_id"} | _LABELS,
    Mode.CONTINUOUS: {"name", "prompt", "attempt_id"} | _LABELS,
    Mode.IDENTIFY: {"among", "prompt"} | _LABELS,
    Mode.ENROLL: {"name", "phrase", "text_independent", "consent"} | _LABELS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a session is for.

    Attributes:
        mode: What the session is for.
        name: The profile; for all modes but IDENTIFY.
        among: The profiles to compare with, None for all; for IDENTIFY.
        phrase: The pass phrase, None lets the first utterance set it; for ENROLL.
        text_independent: No pass phrase at all; for ENROLL.
        consent: Version of the text that the person has agreed to; for ENROLL.
        prompt: A random prompt of this kind is drawn and must be said; for all modes but ENROLL.
        audience: Whom a signed verdict is for, None for no signed verdict.
        nonce: What the signed verdict repeats.

    Raises:
        ProtocolError: A field is too long, does not belong to the mode, or goes with none beside it.
    """

    mode: Mode = field(kw_only=False)
    name: str | None = field(default=None, repr=False)
    among: tuple[str, ...] | None = field(default=None, repr=False)
    phrase: str | None = field(default=None, repr=False)
    text_independent: bool = False
    consent: str | None = field(default=None, repr=False)
    prompt: PromptKind | None = None
    audience: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if foreign := sorted(set(self.given()) - FIELDS_OF_MODE[self.mode]):
            raise ProtocolError(f"The field {foreign[0]!r} does not belong to the mode {self.mode.value!r}.")
        if self.among is not None and not 1 <= len(self.among) <= MAX_AMONG:
            raise ProtocolError(f"The field 'among' has 1 to {MAX_AMONG} names.")
        if self.phrase is not None and self.text_independent:
            raise ProtocolError("Give 'phrase' or 'text_independent', not both.")
        for label in (self.audience, self.nonce):
            if label is not None and not 1 <= len(label) <= MAX_LABEL:
                raise ProtocolError(f"The fields 'audience' and 'nonce' have 1 to {MAX_LABEL} characters.")

    def given(self) -> dict[str, Any]:
        """The fields that are given, the mode excepted."""
        names = ("name", "among", "phrase", "consent", "prompt", "audience", "nonce")
        values = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return values | ({"text_independent": True} if self.text_independent else {})

    def complete(self) -> "Purpose":
        """Itself, where nothing is missing.

        Raises:
            ProtocolError: A field is missing.
        """
        if self.mode is not Mode.IDENTIFY and self.name is None:
            raise ProtocolError(f"The mode {self.mode.value!r} needs the field 'name'.")
        if self.nonce is not None and self.audience is None:
            raise ProtocolError("The field 'nonce' needs the field 'audience'.")
        return self

    def agree(self, fixed: "Purpose") -> "Purpose":
        """What a token fixes, where this asks for nothing else.

        Raises:
            Forbidden: It does.
        """
        allowed = fixed.given()
        if self.mode is not fixed.mode or any(allowed.get(name) != value for name, value in self.given().items()):
            raise Forbidden("The session token is for another session.")
        return fixed
