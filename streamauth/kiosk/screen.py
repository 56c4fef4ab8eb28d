"""What the screen shows. It only receives; nothing from it can open a door."""

from dataclasses import dataclass
from enum import StrEnum


class View(StrEnum):
    """What a visitor sees."""

    IDLE = "idle"
    """How to come in."""
    LISTENING = "listening"
    """Speak now."""
    SAY = "say"
    """Say these words."""
    WELCOME = "welcome"
    """Come in."""
    AGAIN = "again"
    """Not recognized; another try."""
    RING = "ring"
    """Please ring; the kiosk does not say why."""
    CLOSED = "closed"
    """Lockdown."""
    EXIT = "exit"
    """Evacuation."""
    OFFLINE = "offline"
    """Cut off for so long that nobody is let in any more; please ring."""
    OUT_OF_ORDER = "out_of_order"
    """No microphone, or another failure."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One picture.

    Attributes:
        view: Which one.
        words: What to say.
        phrase: Whether the pass phrase is to be said, before the words where there are some.
        name: Whom to greet; empty greets everybody alike.
    """

    view: View
    words: str = ""
    phrase: bool = False
    name: str = ""
