"""The dictionary of the embedded recognizer: how words sound and how common they are."""

import gzip
from collections.abc import Sequence
from pathlib import Path

from streamauth.core.strength import WordFacts
from streamauth.engines.spelling import Phones, Spelling
from streamauth.errors import ModelCorrupt


class Pronunciations:
    """Words of the CMU dictionary, and others that can be read by its rules where the folder has them.

    Args:
        folder: The folder ``phrase`` of a Vosk model.

    Raises:
        ModelCorrupt: The dictionary is missing, or a file cannot be read.
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
            self._rarest = max(self._bits.values())
        except (OSError, EOFError, ValueError) as error:
            raise ModelCorrupt("The dictionary of phrases cannot be read. Install streamauth again.") from error

        spelling = folder / "spelling.npz"
        self._spelling = Spelling(spelling) if spelling.is_file() else None

    def of(self, word: str) -> tuple[Phones, ...]:
        """Pronunciations of a word, each a tuple of phones; none if it is not in the dictionary."""
        sounds = self._sounds.get(word)
        return tuple(tuple(variant.split()) for variant in sounds.split("|")) if sounds else ()

    def likely(self, word: str) -> tuple[Phones, ...]:
        """As ``of``, but those proposed from its spelling if it is not in the dictionary."""
        return self.of(word) or (self._spelling.proposals(word) if self._spelling is not None else ())

    def facts(self, word: str) -> WordFacts | None:
        """What is known of a word, a proposed one being as rare as any; None if it has no pronunciation."""
        sounds, proposed = self.likely(word), word not in self._bits
        return WordFacts(sounds, self._bits.get(word, self._rarest), proposed) if sounds else None

    def common(self, count: int) -> Sequence[str]:
        """The most common words, the commonest first."""
        return sorted(self._bits, key=lambda word: (self._bits[word], word))[:count]
