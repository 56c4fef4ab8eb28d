"""Where the samples lie in files with a header, and how many bytes of them there are.

Data path: **header** -> ``wav`` or ``libsndfile`` -> PcmDecoder.

Lengths are read here, and not by libsndfile, because that shortens a truncated file without a word.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from streamauth.errors import EmptyAudio, NotAudio, TruncatedAudio

UNKNOWN_LENGTH = 0x7FFF_0000
"""Lengths from here on are placeholders of writers into a pipe: 7FFFF000 (sox), 7FFFFFFF, 80000000, FFFFFFFF."""

_MAX_CHUNKS = 1000
_SLACK_S = 0.02


@dataclass(frozen=True, slots=True)
class Layout:
    """How one kind of file is made of chunks.

    Attributes:
        start: Position of the first chunk.
        head: Of a chunk, as ``struct`` writes it: name, and length.
        padding: Chunks begin at a multiple of this many bytes.
        counts_head: Whether the length counts the chunk's head.
        samples: Name of the chunk of samples.
        before: Bytes in that chunk before the first sample.
    """

    start: int
    head: str
    padding: int
    counts_head: bool
    samples: bytes
    before: int = 0


_LAYOUTS = {
    b"RIFF": Layout(12, "<4sI", 2, False, b"data"),
    b"RF64": Layout(12, "<4sI", 2, False, b"data"),
    b"BW64": Layout(12, "<4sI", 2, False, b"data"),
    b"RIFX": Layout(12, ">4sI", 2, False, b"data"),
    b"FORM": Layout(12, ">4sI", 2, False, b"SSND", before=8),
    b"caff": Layout(8, ">4sq", 1, False, b"data", before=4),
    b"riff": Layout(40, "<4s12xQ", 8, True, b"data"),
}


@dataclass(frozen=True, slots=True)
class Block:
    """The samples of a file.

    Attributes:
        start: Position of the first byte.
        claimed: How many bytes there are by the header; None where it leaves that open.
        present: How many bytes follow in the file.
        format: What the chunk says that describes a sample; of RIFF, RIFX, RF64 and Wave64 only.
    """

    start: int
    claimed: int | None
    present: int
    format: bytes = b""

    def usable(self, bytes_per_s: float) -> int:
        """Bytes of samples, as libsndfile and FFmpeg take them, unless that would cut something off.

        Programs write lengths that are a little too long: they count the header, or a last block that is not full.
        What may be missing is the larger of 20 ms and the bytes before the samples.

        Args:
            bytes_per_s: Of the samples.

        Raises:
            TruncatedAudio: More is missing.
            EmptyAudio: There is nothing.
        """
        claimed = self.present if self.claimed is None else self.claimed
        if claimed - self.present > max(self.start, _SLACK_S * bytes_per_s):
            raise TruncatedAudio()
        if not min(claimed, self.present):
            raise EmptyAudio()
        return min(claimed, self.present)


def find_block(file: BinaryIO) -> Block:
    """Find the samples of a RIFF, RIFX, RF64, Wave64, AIFF, CAF, AU or NIST SPHERE file.

    Raises:
        TruncatedAudio: The file ends before they begin.
        NotAudio: It is broken in another way.
    """
    file_bytes = file.seek(0, 2)
    file.seek(0)
    magic = file.read(8)
    if magic[:4] in (b".snd", b"dns."):
        return _au(file, magic, file_bytes)
    if magic.startswith(b"NIST_1A"):
        return _nist(file, file_bytes)
    layout = _LAYOUTS[magic[:4]]
    described, long_bytes = b"", None
    for name, start, size in _chunks(file, layout, file_bytes):
        if name == b"ds64":
            long_bytes = _field(file, start + 8, "<Q")
        elif name == b"fmt ":
            described = file.read(min(size, 40))
            if len(described) < min(size, 16):
                raise TruncatedAudio()
        elif name == layout.samples:
            start, size = start + layout.before, size - layout.before
            if name == b"SSND":
                offset = _field(file, start - layout.before, ">I")
                start, size = start + offset, size - offset
            if magic[:4] in (b"RF64", b"BW64") and size >= UNKNOWN_LENGTH and long_bytes is not None:
                size = long_bytes
            present = max(file_bytes - start, 0)
            outer = struct.unpack_from(layout.head[0] + "I", magic, 4)[0]
            left = 8 + outer - start if layout.start == 12 and _names_a_chunk(file, start) else 0
            return Block(start, _claimed(size, present, left), present, described)
    raise NotAudio("This audio file has no usable header. Export or record it again.")


def _chunks(file: BinaryIO, layout: Layout, file_bytes: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, position and length of each chunk; the file stands at its position."""
    head_bytes, at = struct.calcsize(layout.head), layout.start
    for _ in range(_MAX_CHUNKS):
        if at > file_bytes:  # by lengths of 64 bits even beyond what can be sought
            raise TruncatedAudio()
        file.seek(at)
        head = file.read(head_bytes)
        if len(head) < head_bytes:
            raise TruncatedAudio()
        name, size = struct.unpack(layout.head, head)
        start = at + head_bytes
        size -= head_bytes if layout.counts_head else 0
        yield name, start, size
        if size < 0:
            return
        at = start + size + -(start + size) % layout.padding
        if at != start + size and at < file_bytes and not _names_a_chunk(file, at):
            # some writers leave out the byte that fills up a chunk of odd length
            at = start + size if _names_a_chunk(file, start + size) else at


def _names_a_chunk(file: BinaryIO, at: int) -> bool:
    file.seek(at)
    name = file.read(4)
    return len(name) == 4 and name.isascii() and name.decode().isprintable()


def _claimed(size: int, present: int, outer_left: int) -> int | None:
    """The length by a chunk's head; None where it is a placeholder.

    Args:
        size: What it says.
        present: What follows in the file.
        outer_left: What follows by the head of the file, where that may be another chunk; else 0.
    """
    if size < 0 or (size >= UNKNOWN_LENGTH and size > present):
        return None
    # a length of 0 is true where the head of the file counts a chunk that follows, such as one of metadata
    return None if size == 0 and (outer_left <= 0 or outer_left >= UNKNOWN_LENGTH) else size


def _au(file: BinaryIO, magic: bytes, file_bytes: int) -> Block:
    order = ">" if magic.startswith(b".snd") else "<"
    start = _field(file, 4, f"{order}I")
    size, present = _field(file, 8, f"{order}I"), max(file_bytes - start, 0)
    return Block(start, _claimed(size, present, 0), present)


def _nist(file: BinaryIO, file_bytes: int) -> Block:
    """A header of text, such as ``sample_count -i 16000``, whose length stands in its second line."""
    file.seek(0)
    lines = file.read(1024).decode("latin-1").splitlines()
    fields = {words[0]: words[2] for line in lines if len(words := line.split()) == 3}
    try:
        start = int(lines[1])
        claimed = int(fields["sample_count"]) * int(fields["sample_n_bytes"]) * int(fields.get("channel_count", 1))
    except (IndexError, KeyError, ValueError):
        raise NotAudio("This audio file has no usable header. Export or record it again.") from None
    return Block(start, claimed, max(file_bytes - start, 0))


def _field(file: BinaryIO, at: int, form: str) -> int:
    file.seek(at)
    raw = file.read(struct.calcsize(form))
    if len(raw) < struct.calcsize(form):
        raise TruncatedAudio()
    value: int = struct.unpack(form, raw)[0]
    return value
