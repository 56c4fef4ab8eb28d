"""Random prompts: words drawn for one attempt, which no recording made before can hold."""

from dataclasses import dataclass, field
from enum import StrEnum
from math import log2, perm
from typing import Protocol

from streamauth.core.phrase.prompt_words import PROMPT_WORDS
from streamauth.core.phrase.words import DIGITS
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.core.settings import PromptSettings
from streamauth.errors import BadPrompt


class RandomSource(Protocol):
    """What draws; ``secrets.SystemRandom`` is one that nobody can foresee."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to ``stop`` - 1, each as likely as any other."""


class PromptKind(StrEnum):
    """What a prompt is made of."""

    DIGITS = "digits"
    WORDS = "words"


LENGTHS = {PromptKind.DIGITS: range(4, 13), PromptKind.WORDS: range(2, 9)}
"""How many digits or words a prompt may have. Two words are 20 bits, four digits 11."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """Words to be said, in this order and with nothing between them.

    Attributes:
        kind: Digits or words.
        words: As a recognizer writes them.
    """

    kind: PromptKind
    words: tuple[str, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """What the speaker is shown: ``4 7 1 0 2 9`` or ``garden velvet ...``."""
        shown = (str(DIGITS.index(word)) for word in self.words) if self.kind is PromptKind.DIGITS else self.words
        return " ".join(shown)


@dataclass(frozen=True, slots=True)
class PromptPlan:
    """What kind of prompt is to be drawn.

    Attributes:
        kind: Digits or words.
        length: How many, in the range of ``LENGTHS``.

    Raises:
        BadPrompt: There is no prompt of such a length.
    """

    kind: PromptKind
    length: int

    def __post_init__(self) -> None:
        legal = LENGTHS[self.kind]
        if self.length not in legal:
            raise BadPrompt(f"A prompt has {legal.start} to {legal.stop - 1} {self.kind}.")

    @classmethod
    def of(cls, settings: PromptSettings, kind: PromptKind | None = None, length: int | None = None) -> "PromptPlan":
        """The plan of the settings where nothing else is asked for."""
        kind = kind or PromptKind(settings.kind)
        default = settings.digits if kind is PromptKind.DIGITS else settings.words
        return cls(kind, default if length is None else length)

    @property
    def bits(self) -> float:
        """Entropy of what is drawn, in bits."""
        if self.kind is PromptKind.DIGITS:
            without_repeat = perm(len(DIGITS), self.length)
            return log2(len(DIGITS) * (len(DIGITS) - 1) ** (self.length - 1) - without_repeat)
        return sum(log2(len(PROMPT_WORDS) - drawn) for drawn in range(self.length))

    def draw(self, source: RandomSource) -> Prompt:
        """Draw a prompt.

        No word comes twice. Of digits one does, so that who joins single recordings needs two of each, or one is heard
        twice in the same way (``core.replay``); but none twice in a row, which people and recognizers run together.
        """
        words = self._draw(source)
        while self.kind is PromptKind.DIGITS and len(set(words)) == len(words):
            words = self._draw(source)
        return Prompt(self.kind, tuple(words))

    def _draw(self, source: RandomSource) -> list[str]:
        words: list[str] = []
        left = list(PROMPT_WORDS if self.kind is PromptKind.WORDS else DIGITS)
        while len(words) < self.length:
            word = left.pop(source.randrange(len(left)))
            if words and self.kind is PromptKind.DIGITS:
                left.append(words[-1])
            words.append(word)
        return words


@dataclass(frozen=True, slots=True)
class Challenge:
    """A prompt that one session waits for.

    Attributes:
        prompt: What must be said.
        lifetime_s: From the begin of the session's audio to where it must be over, in seconds.
    """

    prompt: Prompt
    lifetime_s: float

    def expired(self, at_sample: int) -> bool:
        """Whether it is too late at this sample of the session's audio."""
        return at_sample >= self.lifetime_s * SAMPLE_RATE_HZ
