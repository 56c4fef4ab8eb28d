"""The dictionary of the embedded recognizer: how words sound and how common they are."""

import gzip
from collections.abc import Sequence
from pathlib import Path

from streamauth.core.strength import WordFacts
from streamauth.errors import ModelCorrupt


class Pronunciations:
    """Words of the CMU dictionary.

    Args:
        folder: The folder ``phrase`` of a Vosk model.

    Raises:
        ModelCorrupt: The dictionary is missing or cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._sounds: dict[str, str] = {}
        self._bits: dict[str, float] = {}
        try:
            for line in gzip.decompress((folder / "dictionary.tsv.gz").read_bytes()).decode("utf-8").splitlines():
                word, bits, sounds = line.split("\t")
                self._sounds[word] = sounds
                self._bits[word] = float(bits)
            if not self._bits:
                raise ValueError("no words")
        except (OSError, EOFError, ValueError) as error:
            raise ModelCorrupt("The dictionary of phrases cannot be read. Install streamauth again.") from error

    def of(self, word: str) -> tuple[tuple[str, ...], ...]:
        """Pronunciations of a word, each a tuple of phones; none if it is not in the dictionary."""
        sounds = self._sounds.get(word)
        return tuple(tuple(variant.split()) for variant in sounds.split("|")) if sounds else ()

    def facts(self, word: str) -> WordFacts | None:
        """What is known of a word; None if it is not in the dictionary."""
        return WordFacts(self.of(word), self._bits[word]) if word in self._bits else None

    def common(self, count: int) -> Sequence[str]:
        """The most common words, the commonest first."""
        return sorted(self._bits, key=lambda word: (self._bits[word], word))[:count]
