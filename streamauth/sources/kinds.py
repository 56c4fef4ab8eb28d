"""The kinds of audio files: how each begins, and how it is read.

The sentences that refuse a file live here, so that they are the same at every entrance.
"""

from dataclasses import dataclass
from enum import Enum, auto

from streamauth.core.audio.pcm import MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, MIN_SAMPLE_RATE_HZ, AudioFormat, Encoding
from streamauth.errors import NotAudio, UnsupportedAudioFormat, UnsupportedSampleRate

SNIFFED_BYTES = 64
"""As much of a file as is looked at to tell what it is."""

_FFMPEG = "`ffmpeg -i INPUT -ar 16000 -ac 1 output.wav`"
_SOX = "`sox INPUT -r 16000 -c 1 output.wav`"
_SNDFILE = "`sndfile-convert -pcm16 INPUT output.wav`"
ID3_HEADER_BYTES = 10


class Reader(Enum):
    """Who reads a kind of file."""

    WAV = auto()
    """RIFF and its relatives: ``wav``."""
    BLOCKS = auto()
    """A header that tells the length, then samples: ``blocks``, decoded by libsndfile."""
    FLAC = auto()
    OGG = auto()
    MP3 = auto()
    MEDIA = auto()
    """What the optional extra decodes: ``media``."""
    NONE = auto()
    """Known by name, and by what converts it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Attributes:
        name: With its article, as in a sentence.
        reader: Who reads it.
        demuxer: What FFmpeg calls it, where FFmpeg knows it.
        converter: The command that makes a WAV file of it.
    """

    name: str
    reader: Reader
    demuxer: str | None = None
    converter: str = _FFMPEG

    def refused(self, why: str) -> UnsupportedAudioFormat:
        """The error that names the kind, says why it is not taken, and what converts it.

        Args:
            why: What follows "which", such as "is not decoded here".
        """
        return UnsupportedAudioFormat(f"This is {self.name}, which {why}. Convert it: {self.converter}.")

    def damaged(self) -> NotAudio:
        """The error for a file that begins like this kind and is none."""
        return NotAudio(f"This begins like {self.name} but cannot be decoded. Copy or record it again.")

    def format(self, sample_rate_hz: int, channels: int, encoding: Encoding) -> AudioFormat:
        """The format of the file's samples.

        Raises:
            UnsupportedSampleRate, UnsupportedAudioFormat: It is not offered; the kind is named.
        """
        if sample_rate_hz < MIN_SAMPLE_RATE_HZ:
            raise UnsupportedSampleRate(
                f"This is {self.name} of {sample_rate_hz} Hz, too few for a voice. "
                f"Record with {MIN_SAMPLE_RATE_HZ} to {MAX_SAMPLE_RATE_HZ} Hz."
            )
        if sample_rate_hz > MAX_SAMPLE_RATE_HZ:
            raise UnsupportedSampleRate(
                f"This is {self.name} of {sample_rate_hz} Hz; up to {MAX_SAMPLE_RATE_HZ} are taken. "
                f"Convert it: {self.converter}."
            )
        if not 1 <= channels <= MAX_CHANNELS:
            raise self.refused(f"has {channels} channels, not 1 to {MAX_CHANNELS}")
        return AudioFormat(sample_rate_hz, channels, encoding)


_MP4 = Kind("an MP4 or M4A file", Reader.MEDIA, "mov")
_MP3 = Kind("an MP3 file", Reader.MP3, "mp3")

_STARTS: dict[bytes, Kind] = {
    b"riff\x2e\x91\xcf\x11": Kind("a Wave64 file", Reader.BLOCKS, "w64"),
    b"caff": Kind("a CAF file", Reader.BLOCKS, "caf"),
    b".snd": Kind("an AU file", Reader.BLOCKS, "au"),
    b"dns.": Kind("an AU file", Reader.BLOCKS, None, _SOX),
    **dict.fromkeys((b".sd\0", b"\0ds."), Kind("a DEC sound file", Reader.NONE, converter=_SOX)),
    b"NIST_1A": Kind("a NIST SPHERE file", Reader.BLOCKS, "nistsphere", _SOX),
    b"fLaC": Kind("a FLAC file", Reader.FLAC, "flac"),
    b"OggS": Kind("an Ogg file", Reader.OGG, "ogg"),
    b"\x1aE\xdf\xa3": Kind("a WebM or Matroska file", Reader.MEDIA, "matroska"),
    b"#!AMR": Kind("an AMR file", Reader.MEDIA, "amr"),
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": Kind("a WMA file", Reader.NONE),
    b"ADIF": Kind("an AAC file", Reader.NONE),
    b"\x0b\x77": Kind("an AC-3 file", Reader.MEDIA, "ac3"),
    b"wvpk": Kind("a WavPack file", Reader.MEDIA, "wv"),
    b"TTA1": Kind("a True Audio file", Reader.MEDIA, "tta"),
    b"MAC ": Kind("a Monkey's Audio file", Reader.MEDIA, "ape"),
    b"MP+": Kind("a Musepack file", Reader.MEDIA, "mpc"),
    b"MPCK": Kind("a Musepack file", Reader.MEDIA, "mpc8"),
    b"FLV\x01": Kind("an FLV file", Reader.MEDIA, "flv"),
    b".RMF": Kind("a RealMedia file", Reader.MEDIA, "rm"),
    b"\x00\x00\x01\xba": Kind("an MPEG video file", Reader.MEDIA, "mpeg"),
    b"\x47\x40": Kind("an MPEG transport stream", Reader.MEDIA, "mpegts"),
    b"ajkg": Kind("a Shorten file", Reader.NONE),
    b"DSD ": Kind("a DSF file", Reader.NONE),
    b"FRM8": Kind("a DSDIFF file", Reader.NONE),
    b"\x7f\xfe\x80\x01": Kind("a DTS file", Reader.MEDIA, "dts"),
    b"Creative Voice File": Kind("a VOC file", Reader.NONE),
    **dict.fromkeys(
        (
            b"\x64\xa3\x01\x00",
            b"\x64\xa3\x02\x00",
            b"\x64\xa3\x03\x00",
            b"\x64\xa3\x04\x00",
            b"\x00\x01\xa3\x64",
            b"\x00\x02\xa3\x64",
            b"\x00\x03\xa3\x64",
            b"\x00\x04\xa3\x64",
        ),
        Kind("an IRCAM file", Reader.NONE),
    ),
    b"2BIT": Kind("an AVR file", Reader.NONE, converter=_SOX),
    b"PVF1": Kind("a PVF file", Reader.NONE),
    b"PVF2": Kind("a PVF file", Reader.NONE),
    b" paf": Kind("a PARIS file", Reader.NONE, converter=_SOX),
    b"fap ": Kind("a PARIS file", Reader.NONE, converter=_SOX),
    b"ALawSoundFile**": Kind("a Psion WVE file", Reader.NONE),
    b"Extended Instrument:": Kind("a FastTracker instrument", Reader.NONE, converter=_SOX),
    b"MATLAB 5.0": Kind("a Matlab file", Reader.NONE, converter=_SOX),
    b"SOUND SAMPLE DATA ": Kind("a SoundTool or Turtle Beach file", Reader.NONE, converter=_SOX),
    b"SOUND\x1a": Kind("a Sounder file", Reader.NONE, converter=_SOX),
    b".SoX": Kind("a SoX file", Reader.NONE),
    b"XoS.": Kind("a SoX file", Reader.NONE),
    b"; Sample Rate": Kind("a SoX text file", Reader.NONE, converter=_SOX),
    b"\x01\x04": Kind("an Akai MPC file", Reader.NONE, converter=_SOX),
    b"\xf0\x7e": Kind("a MIDI sample dump", Reader.NONE, converter=_SNDFILE),
    b"MThd": Kind("a MIDI file, which holds notes and no sound", Reader.NONE),
    b"SCDL": Kind("a DSP file of a game", Reader.NONE),
    b"AFp": Kind("a KVAG or AFP file of a game", Reader.NONE),
    b"#!SILK_V3": Kind("a Silk file", Reader.NONE),
    b"\x02#!SILK_V3": Kind("a Silk file", Reader.NONE),
    b"\x1f\x8b": Kind("a gzip file", Reader.NONE, converter="`gunzip INPUT`"),
    b"PK\x03\x04": Kind("a ZIP file", Reader.NONE, converter="`unzip INPUT`"),
    b"ID3": _MP3,
}
"""By what a file starts with."""

_RIFF = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_CONTENTS: dict[bytes, tuple[tuple[bytes, ...], Kind]] = {
    b"WAVE": (_RIFF, Kind("a WAV file", Reader.WAV, "wav")),
    b"AIFF": ((b"FORM",), Kind("an AIFF file", Reader.BLOCKS, "aiff")),
    b"AIFC": ((b"FORM",), Kind("an AIFF file", Reader.BLOCKS, "aiff")),
    b"AVI ": (_RIFF, Kind("an AVI file", Reader.MEDIA, "avi")),
    b"CDXA": (_RIFF, Kind("a video CD file", Reader.NONE)),
    b"8SVX": ((b"FORM",), Kind("an 8SVX file", Reader.NONE)),
    b"16SV": ((b"FORM",), Kind("a 16SV file", Reader.NONE, converter=_SOX)),
    b"MAUD": ((b"FORM",), Kind("a MAUD file", Reader.NONE, converter=_SOX)),
}
"""By the bytes from the eighth on, of a file of chunks that starts with one of these."""

_BOXES = (b"ftyp", b"moov", b"mdat", b"wide")
"""The name of an MP4 file's first box, after its length."""


_RAW = "`streamauth verify NAME - --rate 8000 --encoding {0} < INPUT`, with its true rate"
_SUFFIXES: dict[str, Kind] = {
    ".gsm": Kind("a raw GSM 06.10 file", Reader.NONE),
    ".g722": Kind("a raw G.722 file", Reader.NONE),
    ".g729": Kind("a raw G.729 file", Reader.NONE),
    ".vox": Kind("a raw Dialogic ADPCM file", Reader.NONE, converter=_SOX),
    ".lpc": Kind("a raw LPC-10 file", Reader.NONE, converter=_SOX),
    ".cvs": Kind("a raw CVSD file", Reader.NONE, converter=_SOX),
    ".cvu": Kind("a raw CVSD file", Reader.NONE, converter=_SOX),
    ".wve": Kind("a Psion WVE file", Reader.NONE),
    ".htk": Kind("an HTK file", Reader.NONE, converter=_SOX),
    ".sds": Kind("a MIDI sample dump", Reader.NONE, converter=_SNDFILE),
    **dict.fromkeys(
        (".ul", ".ulaw", ".mulaw", ".pcmu"), Kind("a raw µ-law file", Reader.NONE, converter=_RAW.format("mulaw"))
    ),
    **dict.fromkeys((".al", ".alaw", ".pcma"), Kind("a raw A-law file", Reader.NONE, converter=_RAW.format("alaw"))),
    **dict.fromkeys(
        (".raw", ".pcm", ".sln", ".s16", ".sw", ".cdda"),
        Kind("a file of raw samples", Reader.NONE, converter=_RAW.format("s16le")),
    ),
}
"""Files without any header, by the end of their names."""


def kind_of(head: bytes, suffix: str = "") -> Kind | None:
    """What a file is by its first bytes; by the end of its name where these tell nothing. None if neither does.

    Args:
        head: The first SNIFFED_BYTES, or all that there is. An ID3 tag is passed over before, as FLAC and AAC files
            may have one, too; a file that is over before its tag is taken for MP3.
        suffix: The end of the name, such as ``.gsm``, for files that have no header at all.
    """
    outers, kind = _CONTENTS.get(head[8:12], ((), _MP3))
    if head[:4] in outers:
        return kind
    if head[4:8] in _BOXES:
        return _MP4
    started = next((kind for start, kind in _STARTS.items() if head.startswith(start)), None)
    return started or _SUFFIXES.get(suffix.lower()) or _mpeg_kind(head)


def _mpeg_kind(head: bytes) -> Kind | None:
    """A frame of MPEG audio: 11 or 12 bits of sync, version, layer, and no reserved value after them."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        is_aac = head[1] & 0xF0 == 0xF0 and head[2] >> 2 & 15 < 13
        return Kind("an AAC file", Reader.MEDIA, "aac") if is_aac else None
    if version == 1 or head[2] >> 4 == 15 or head[2] >> 2 & 3 == 3:
        return None  # reserved values; 0xFF alone is silence in µ-law
    if layer == 1:
        return _MP3
    return Kind(f"an MPEG layer {'II' if layer == 2 else 'I'} file", Reader.MEDIA, "mp3")


def tag_bytes(head: bytes) -> int:
    """Length of an ID3v2 tag that a file begins with; 0 where there is none."""
    if not head.startswith(b"ID3"):
        return 0
    # the length has 7 bits in each byte and leaves out the header
    size = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:ID3_HEADER_BYTES], (21, 14, 7, 0), strict=False))
    return ID3_HEADER_BYTES + size
