"""The pages of an Ogg file (RFC 3533, 6), looked at without decoding."""

import mmap
from dataclasses import dataclass

from streamauth.errors import NotAudio, TruncatedAudio

_HEADER_BYTES = 27
_FIRST, _LAST = 0x02, 0x04
_DECODED = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC")
_OTHERS = {b"Speex   ": "Speex", b"\x80theora": "video", b"fishead": "more than one stream", b"CELT": "CELT"}
_HOLE = "A part is missing inside this Ogg file. Copy or record it again."


@dataclass(frozen=True, slots=True)
class _Page:
    number: int
    flags: int
    body: int
    end: int


def check_ogg(data: mmap.mmap) -> str | None:
    """Check that the file is whole; why libsndfile must not decode it, None if it may.

    Raises:
        TruncatedAudio: A page is missing.
        NotAudio: It does not begin with a stream.
    """
    page = _page(data, 0)
    if not page.flags & _FIRST:
        raise NotAudio(_HOLE)
    coding = data[page.body : page.body + 8]
    if not coding.startswith(_DECODED):
        other = next((name for mark, name in _OTHERS.items() if coding.startswith(mark)), "a coding")
        return f"holds {other} that is not decoded here"
    at = page.end
    while at < len(data) and (not page.flags & _LAST or data[at : at + 4] == b"OggS"):
        following = _page(data, at)
        if following.flags & _FIRST:
            # libsndfile would give the first one only
            return "holds several recordings"
        if following.number != page.number + 1 & 0xFFFF_FFFF:
            raise TruncatedAudio(_HOLE)
        page, at = following, following.end
    if not page.flags & _LAST:
        raise TruncatedAudio()
    return None


def _page(data: mmap.mmap, at: int) -> _Page:
    table = at + _HEADER_BYTES
    if table > len(data):
        raise TruncatedAudio()
    if data[at : at + 4] != b"OggS":
        raise TruncatedAudio(_HOLE)
    body = table + data[table - 1]
    end = body + sum(data[table:body])
    if end > len(data):
        raise TruncatedAudio()
    number = int.from_bytes(data[at + 18 : at + 22], "little")
    return _Page(number, data[at + 5], body, end)
