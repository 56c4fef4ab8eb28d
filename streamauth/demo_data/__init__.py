"""Synthetic speech of four voices for ``streamauth demo`` and the tests; made by scripts/fixtures/demo_speech.py."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
VOICES = ("awb", "rms", "slt", "kal16")


@dataclass(frozen=True, slots=True)
class DemoUtterance:
    """One file of synthetic speech, 16 kHz mono OGG/Opus, between 0.6 s of faint noise on either side.

    Attributes:
        voice: Name of the flite voice.
        name: What is said: ``door-1`` to ``door-4`` (the pass phrase, in four deliveries), ``door-half`` (its
            begin only), ``window`` (the pass phrase with one other word), ``coffee`` (another phrase),
            ``passport`` (another phrase, one that is hard to recognize), ``long-1`` (about 27 s of speech),
            ``long-2`` (about 8 s of speech, other text).
        text: The words as they were given to the synthesizer.
    """

    voice: str
    name: str
    text: str

    @property
    def path(self) -> Path:
        """The audio file."""
        return FOLDER / self.voice / f"{self.name}.ogg"


def demo_utterances() -> dict[tuple[str, str], DemoUtterance]:
    """Every utterance by (voice, name)."""
    entries = tomllib.loads((FOLDER / "manifest.toml").read_text("utf-8"))["utterance"]
    return {(entry["voice"], entry["name"]): DemoUtterance(**entry) for entry in entries}
