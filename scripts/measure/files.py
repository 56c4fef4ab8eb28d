"""Every audio file that FFmpeg, SoX and libsndfile can write, tried on the reader of files.

    python -m scripts.measure.files            # about 500 files; a table of what is not taken, and why
    python -m scripts.measure.files --every 9  # every ninth
    python -m scripts.measure.files --confined # as a server reads files of strangers (Linux)

Each file holds 2 s of a rising tone. It must be taken with its right length and the tone in it to its end, or be
refused with a sentence that names the format and what to do. Anything else is a fault, and the exit code 1. A program
that is not installed is left out, and told. What a program cannot write, though it lists it, is counted apart.
"""

import argparse
import contextlib
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from shutil import which

import numpy as np
import soundfile
from numpy.typing import NDArray

from streamauth.core.audio.pcm import PcmDecoder
from streamauth.errors import AudioError
from streamauth.settings import ServerSettings
from streamauth.sources.decoders import Decoders
from streamauth.sources.files import Decode, open_audio

SECONDS = 2.0
RATES_HZ = (8_000, 22_050, 96_000)
CHANNELS = (1, 6)
MORE_SAMPLES = 2_400
"""What blocks, priming and padding of lossy codings may add."""
LESS_S = 0.06
"""What priming that is taken off, and a last block that is not written, may lack."""

_NARROW = re.compile("g72|adpcm_g|gsm|libgsm|libopencore|libcodec2|ilbc")
_REMEDY = re.compile(r"`[a-z].*`|Record|Copy|Give ")
_NO_SOUND = re.compile(
    r"""(?x)
    # pictures, streams to the network, checksums, lists, tests, devices
    alsa | caca | fbdev | opengl | oss | pulse | sdl | sdl2 | xv | decklink | null | tee | segment |
    stream_segment | ssegment | fifo | fifo_test | hash | md5 | framehash | framemd5 | framecrc | crc | streamhash
    | hls | dash | rtp | rtp_mpegts | rtsp | sap | sapstream | ismv | smoothstreaming | mpjpeg | image2 |
    image2pipe | ffmetadata | webm_chunk | webm_dash_manifest | uncodedframecrc | chromaprint | latm_net | hds |
    yuv4mpegpipe | rawvideo | gif | apng | fits | ico | webvtt | srt | ass | jacosub | lrc | microdvd | sup | ttml
    | scc | vobsub | roq | smjpeg | filmstrip | wsvqa | a64 | ivf | obu | avif | mjpeg | mpeg1video | mpeg2video |
    h261 | h263 | h264 | hevc | vvc | m4v | cavsvideo | vc1 | vc1test | dirac | evc | dnxhd | rcwtenc | mcc | data
    | bit | codec2raw
    """
)


@dataclass(frozen=True)
class Made:
    """One file that was written.

    Attributes:
        path: The file.
        program: Who wrote it.
        what: Format, coding, rate and channels.
    """

    path: Path
    program: str
    what: str


Write = Callable[[], bool]
"""Writes a file; whether its program could."""


@dataclass(frozen=True)
class Result:
    """What became of a file.

    Attributes:
        made: The file.
        verdict: "taken", "refused", or "fault".
        told: Length in seconds, or the sentence.
    """

    made: Made
    verdict: str
    told: str


def sound(rate_hz: int, channels: int) -> NDArray[np.float32]:
    """A tone that rises from 300 to 1500 Hz, shape (samples, channels)."""
    time = np.arange(round(rate_hz * SECONDS)) / rate_hz
    tone = 0.4 * np.sin(2 * np.pi * (300 * time + 300 * time**2))
    return np.repeat(tone[:, None], channels, axis=1).astype(np.float32)


def source_wav(folder: Path, rate_hz: int, channels: int) -> Path:
    """The sound as a WAV file, for the programs to convert."""
    path = folder / f"source-{rate_hz}-{channels}.wav"
    if not path.exists():
        soundfile.write(path, sound(rate_hz, channels), rate_hz, "PCM_16")
    return path


def judged(made: Made, decode: Decode | None = None) -> Result:
    """Read a file as every entrance does; ``decode`` is for what takes a library, this process if None."""
    try:
        with open_audio(made.path, max_s=60, decode=decode) as source:
            decoder = PcmDecoder(source.format)
            samples = np.concatenate([np.zeros(0, np.float32), *(decoder.feed(chunk) for chunk in source)])
            decoder.finish()
            rate_hz = source.format.sample_rate_hz
    except AudioError as error:
        # a good file is neither empty nor damaged
        wrong = error.code in ("empty_audio", "truncated_audio") or "begins like" in error.message
        good = not wrong and _REMEDY.search(error.message) is not None
        return Result(made, "refused" if good else "fault", f"{error.code}: {error.message}")
    except Exception as error:
        return Result(made, "fault", f"unexpected {type(error).__name__}")
    length_s = samples.size / rate_hz
    told = f"{length_s:.3f} s"
    if not SECONDS - LESS_S <= length_s <= SECONDS + MORE_SAMPLES / rate_hz:
        return Result(made, "fault", f"length {told}")
    last = samples[-round((length_s - SECONDS + 0.3) * rate_hz) :]
    if float(np.sqrt(np.mean(np.square(last)))) < 0.02:
        return Result(made, "fault", f"{told}, but silent at the end")
    return Result(made, "taken", told)


def by_libsndfile(folder: Path) -> Iterator[tuple[Made, Write]]:
    """All formats, codings and byte orders."""
    for kind in soundfile.available_formats():
        if kind == "SD2":
            continue  # half of it lies in another file, where only its Macintosh finds it
        for subtype in soundfile.available_subtypes(kind):
            for endian in ("FILE", "LITTLE", "BIG"):
                for rate_hz, channels in ((16_000, 1), (44_100, 2), (8_000, 1)):
                    if (endian != "FILE" and rate_hz != 16_000) or not soundfile.check_format(kind, subtype, endian):
                        continue
                    path = folder / f"sf-{kind}-{subtype}-{endian}-{rate_hz}-{channels}.{kind.lower()}"
                    made = Made(path, "libsndfile", f"{kind} {subtype} {endian} {rate_hz} Hz {channels} ch")
                    yield made, partial(_libsndfile, path, kind, subtype, endian, rate_hz, channels)


def _libsndfile(path: Path, kind: str, subtype: str, endian: str, rate_hz: int, channels: int) -> bool:
    try:
        soundfile.write(path, sound(rate_hz, channels), rate_hz, subtype, endian, kind)
    except (soundfile.LibsndfileError, ValueError):
        return False
    return path.stat().st_size > 0


def by_ffmpeg(folder: Path) -> Iterator[tuple[Made, Write]]:
    """All containers with their usual coding, all codings in WAV and Matroska, rates and channels."""
    listed = subprocess.run(["ffmpeg", "-hide_banner", "-muxers"], capture_output=True, text=True, check=True).stdout
    muxers = [name for line in listed.splitlines() if (found := re.match(r"\s+E\s+(\S+)", line)) for name in [found[1]]]
    for muxer in muxers:
        if not _NO_SOUND.fullmatch(muxer):
            for rate_hz, channels in ((16_000, 1), (44_100, 2), (8_000, 1)):
                yield _ffmpeg(folder, muxer, None, rate_hz, channels)
    listed = subprocess.run(["ffmpeg", "-hide_banner", "-encoders"], capture_output=True, text=True, check=True).stdout
    coders = [line.split()[1] for line in listed.splitlines() if re.match(r"\s+A[.FXBDS]{5} \w", line)]
    for coder in coders:
        for muxer in ("wav", "matroska"):
            yield _ffmpeg(folder, muxer, coder, 8_000 if _NARROW.match(coder) else 48_000, 1)
    for muxer in ("wav", "flac", "ogg", "webm", "ipod", "mp3", "aiff", "caf", "w64", "au"):
        for rate_hz in RATES_HZ:
            for channels in CHANNELS:
                yield _ffmpeg(folder, muxer, None, rate_hz, channels)
    for muxer in ("wav", "flac", "ogg", "webm", "mp3", "au", "caf", "matroska", "w64", "aiff", "adts"):
        yield _ffmpeg(folder, muxer, None, 16_000, 1, piped=True)


def _ffmpeg(
    folder: Path, muxer: str, coder: str | None, rate_hz: int, channels: int, piped: bool = False
) -> tuple[Made, Write]:
    path = folder / f"ff-{muxer}-{coder}-{rate_hz}-{channels}{'-piped' * piped}.{muxer}"
    what = f"{muxer} {coder or ''} {rate_hz} Hz {channels} ch{' into a pipe' * piped}"
    command = ["ffmpeg", "-loglevel", "error", "-y", "-i", str(source_wav(folder, rate_hz, channels)), "-vn"]
    command += ["-strict", "experimental"] + (["-c:a", coder] if coder else []) + ["-f", muxer]

    def write() -> bool:
        try:
            done = subprocess.run([*command, "-" if piped else str(path)], capture_output=True, timeout=20)
        except subprocess.TimeoutExpired:
            return False
        if piped:
            path.write_bytes(done.stdout)
        return done.returncode == 0 and path.exists() and path.stat().st_size > 200

    return Made(path, "ffmpeg", what), write


def by_sox(folder: Path) -> Iterator[tuple[Made, Write]]:
    """All formats, codings, rates and channels."""
    shown = subprocess.run(["sox", "--help"], capture_output=True, text=True).stdout
    found = re.search(r"AUDIO FILE FORMATS: (.*)", shown)
    for kind in found[1].split() if found else ():
        for rate_hz, channels in ((16_000, 1), (8_000, 1), (44_100, 2)):
            yield _sox(folder, kind, [], rate_hz, channels)
    for coding in ("mu-law", "a-law", "ima-adpcm", "ms-adpcm", "gsm-full-rate", "floating-point", "unsigned-integer"):
        for kind in ("wav", "aiff", "au", "caf", "w64", "sph", "voc"):
            yield _sox(folder, kind, ["-e", coding], 8_000, 1)
    for bits in ("8", "16", "24", "32"):
        for kind in ("wav", "aiff", "au", "caf", "w64", "sph", "flac"):
            yield _sox(folder, kind, ["-b", bits], 16_000, 2)
    for order in ("-B", "-L"):
        for kind in ("wav", "au", "sph"):
            yield _sox(folder, kind, [order], 16_000, 1)


def _sox(folder: Path, kind: str, options: list[str], rate_hz: int, channels: int) -> tuple[Made, Write]:
    path = folder / f"sox-{kind}-{'_'.join(options)}-{rate_hz}-{channels}.{kind}"
    made = Made(path, "sox", f"{kind} {' '.join(options)} {rate_hz} Hz {channels} ch")
    command = ["sox", str(source_wav(folder, rate_hz, channels)), *options, "-t", kind, str(path)]

    def write() -> bool:
        done = subprocess.run(command, capture_output=True, timeout=20)
        return done.returncode == 0 and path.exists() and path.stat().st_size > 100

    return made, write


WRITERS = {"libsndfile": (None, by_libsndfile), "ffmpeg": ("ffmpeg", by_ffmpeg), "sox": ("sox", by_sox)}


def results(folder: Path, programs: list[str], every: int = 1, decode: Decode | None = None) -> Iterator[Result | Made]:
    """Write and judge all files; a Made alone is one that its program could not write.

    Args:
        folder: Where they are written, and deleted again.
        programs: Of WRITERS; those that are not installed are passed over.
        every: One file of so many.
        decode: As of ``judged``.
    """
    for name in programs:
        program, write = WRITERS[name]
        if program is not None and which(program) is None:
            print(f"{name} is not installed: left out")
            continue
        for made, write_it in islice(write(folder), 0, None, every):
            yield judged(made, decode) if write_it() else made
            made.path.unlink(missing_ok=True)


def main() -> int:
    """Print what is not taken, and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", help=f"of {', '.join(WRITERS)}; all, if none is named")
    parser.add_argument("--every", type=int, default=1, help="try one file of so many")
    parser.add_argument("--confined", action="store_true", help="decode in a confined process, as a server does")
    parser.add_argument("--all", action="store_true", help="print those that are taken, too")
    wanted = parser.parse_args()
    counts: Counter[str] = Counter()
    limits = ServerSettings()
    decoders = Decoders(memory_mb=limits.decoder_memory_mb, step_s=limits.decoder_step_s)
    decode = decoders.open if wanted.confined else None
    # some formats put the half of a file beside it, where the program stands
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.closing(decoders):
        for result in results(Path(folder), wanted.programs or list(WRITERS), wanted.every, decode):
            if isinstance(result, Made):
                counts["not written by its program"] += 1
                continue
            counts[result.verdict] += 1
            if wanted.all or result.verdict != "taken":
                print(f"{result.verdict:8} {result.made.program:10} {result.made.what:44} {result.told}", flush=True)
    print(", ".join(f"{kind}: {count}" for kind, count in counts.items()))
    return 1 if counts["fault"] else 0


if __name__ == "__main__":
    sys.exit(main())
