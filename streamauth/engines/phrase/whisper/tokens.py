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
_BETWEEN = 256  # no byte
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
            lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
        except (OSError, EOFError, ValueError) as error:
            raise ModelCorrupt("The vocabulary of Whisper cannot be read. Install streamauth again.") from error
        written = lines[: -len(_SPECIAL)]
        special = [line[1:] for line in lines[-len(_SPECIAL) :]]
        byte_of = {ord(character): byte for byte, character in enumerate(_characters())} | {ord("\n"): _BETWEEN}
        try:
            # in one go: there are many lines
            tokens = [one.encode("latin-1") for one in "\n".join(written).translate(byte_of).split(chr(_BETWEEN))]
        except UnicodeEncodeError:
            tokens = []
        signs = {line[:1] for line in lines}
        if set(special) != set(_SPECIAL) or not signs <= {"+", "-"} or len(tokens) != len(written):
            raise ModelCorrupt("The vocabulary of Whisper is damaged. Install streamauth again.")
        self._ranks = {token[1:]: rank for rank, token in enumerate(tokens)}
        self._bytes = [token[1:] for token in tokens if token[:1] == b"+"]
        self._numbers = {token: number for number, token in enumerate(self._bytes)}
        for one in special:
            self._numbers[one.encode()] = len(self._bytes)
            self._bytes.append(b"")
        self.end, *start = (self._numbers[one.encode()] for one in _SPECIAL)
        self.start = tuple(start)
        self.encode = lru_cache(4096)(self._encode)

    def __len__(self) -> int:
        return len(self._bytes)

    def _encode(self, text: str) -> tuple[int, ...]:
        """The tokens of a text; a word that follows another one has its space in front."""
        return tuple(
            number for piece in _PIECES.findall(text) for number in self._kept(self._joined(piece.encode("utf-8")))
        )

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens; bytes that are no character are replaced."""
        return b"".join(self._bytes[token] for token in tokens).decode("utf-8", "replace")

    def _joined(self, piece: bytes, below: int | None = None) -> list[bytes]:
        """Byte-pair encoding, by pairs whose token was learned before a given one only."""
        parts = [piece[index : index + 1] for index in range(len(piece))]
        most = len(self._ranks) if below is None else below
        while len(parts) > 1:
            ranks = [self._ranks.get(one + other, most) for one, other in pairwise(parts)]
            least = min(ranks)
            if least >= most:
                break
            at = ranks.index(least)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return parts

    def _kept(self, parts: Sequence[bytes]) -> list[int]:
        found: list[int] = []
        for part in parts:
            number = self._numbers.get(part)
            if number is not None:
                found.append(number)
            else:
                found.extend(self._kept(self._joined(part, self._ranks[part])))
        return found


def _characters() -> list[str]:
    """How GPT-2's files write each byte: as itself where it can be seen, else as a character from 256 on."""
    seen = (*range(33, 127), *range(161, 173), *range(174, 256))
    hidden = iter(range(256, 512))
    return [chr(byte if byte in seen else next(hidden)) for byte in range(256)]
