"""Text to the tokens of Whisper's vocabulary and back.

Byte-pair encoding as GPT-2's (Radford et al. 2019): a piece of text starts as its bytes, and the pair that makes the
token learned first is joined until no pair makes one. The decoder keeps a part of the vocabulary only, numbered anew;
a token that it does not keep is spelled by the two that it was joined from.
"""

import gzip
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from streamauth.errors import ModelCorrupt

_PIECES = re.compile(r"'(?:s|t|re|ve|m|ll|d)| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
_KEPT, _LEFT_OUT = "+", "-"
_SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>")


class WhisperTokens:
    """The vocabulary.

    Args:
        path: The file ``tokens.txt.gz``: all tokens in the order in which they were learned, one a line in GPT-2's
            writing of bytes, a plus sign before those that the decoder keeps; then the special ones, all kept.

    Attributes:
        end: Number of the token that ends a transcript.
        start: Numbers of the tokens before a transcript.

    Raises:
        ModelCorrupt: The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            text = gzip.decompress(path.read_bytes()).decode("utf-8")
        except (OSError, EOFError, ValueError) as error:
            raise ModelCorrupt("The vocabulary of Whisper cannot be read. Install streamauth again.") from error
        lines = text.split("\n")
        signs = sum(f"\n{text}".count(f"\n{sign}") for sign in (_KEPT, _LEFT_OUT))
        if set(lines[-len(_SPECIAL) :]) != {_KEPT + one for one in _SPECIAL} or signs != len(lines):
            raise ModelCorrupt("The vocabulary of Whisper is damaged. Install streamauth again.")
        # tokens stay as they are written, signs and all: to make bytes of each takes longer than to load the networks
        self._ranks = dict(zip(lines[: -len(_SPECIAL)], range(len(lines)), strict=False))
        self._by_number = [line for line in lines if line[0] == _KEPT]
        self._numbers = dict(zip(self._by_number, range(len(self._by_number)), strict=True))
        self.end, *start = (self._numbers[_KEPT + one] for one in _SPECIAL)
        self.start = tuple(start)
        self.encode = lru_cache(4096)(self._encode)

    def __len__(self) -> int:
        return len(self._by_number)

    def _encode(self, text: str) -> tuple[int, ...]:
        """The tokens of a text; a word that follows another one has its space in front."""
        pieces = (piece.encode("utf-8").decode("latin-1").translate(_WRITTEN) for piece in _PIECES.findall(text))
        return tuple(number for piece in pieces for number in self._kept(self._joined(piece)))

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens; bytes that are no character are replaced."""
        text = "".join(self._by_number[token][1:] for token in tokens if token not in (self.end, *self.start))
        return text.translate(_BYTES).encode("latin-1", "replace").decode("utf-8", "replace")

    def _joined(self, piece: str, below: int | None = None) -> list[str]:
        """Byte-pair encoding, by pairs whose token was learned before a given one only."""
        parts = list(piece)
        most = len(self._ranks) if below is None else below
        while len(parts) > 1:
            ranks = [self._rank(one + other, most) for one, other in pairwise(parts)]
            least = min(ranks)
            if least >= most:
                break
            at = ranks.index(least)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return parts

    def _rank(self, token: str, otherwise: int = 0) -> int:
        return self._ranks.get(_KEPT + token, self._ranks.get(_LEFT_OUT + token, otherwise))

    def _kept(self, parts: Sequence[str]) -> list[int]:
        found: list[int] = []
        for part in parts:
            number = self._numbers.get(_KEPT + part)
            if number is not None:
                found.append(number)
            else:
                found.extend(self._kept(self._joined(part, self._rank(part))))
        return found


def _characters() -> list[str]:
    """How GPT-2's files write each byte: as itself where it can be seen, else as a character from 256 on."""
    seen = (*range(33, 127), *range(161, 173), *range(174, 256))
    hidden = iter(range(256, 512))
    return [chr(byte if byte in seen else next(hidden)) for byte in range(256)]


_WRITTEN = dict(enumerate(_characters()))
_BYTES = {ord(character): byte for byte, character in _WRITTEN.items()}
