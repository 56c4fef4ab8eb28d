"""Files of phones and browsers, written and read through the extra ``media``."""

import io
import sys
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import av
import numpy as np
import pytest

from streamauth.errors import AudioError, AudioTooLong, NotAudio, TruncatedAudio, UnsupportedAudioFormat
from streamauth.sources import media
from streamauth.sources.files import open_audio

from .making import decoded, tone, written

KINDS = {
    # container, coding, rate, what it is called
    "webm": ("webm", "libopus", 48_000, "a WebM or Matroska file"),
    "m4a": ("ipod", "aac", 44_100, "an MP4 or M4A file"),
    "mp4": ("mp4", "aac", 16_000, "an MP4 or M4A file"),
    "mka": ("matroska", "flac", 16_000, "a WebM or Matroska file"),
    "aac": ("adts", "aac", 16_000, "an AAC file"),
    "mp2": ("mp2", "mp2", 32_000, "an MPEG layer II file"),
    "wv": ("wv", "wavpack", 16_000, "a WavPack file"),
    "avi": ("avi", "pcm_s16le", 16_000, "an AVI file"),
    "flv": ("flv", "aac", 44_100, "an FLV file"),
    "ts": ("mpegts", "aac", 44_100, "an MPEG transport stream"),
    "ac3": ("ac3", "ac3", 48_000, "an AC-3 file"),
    "oga": ("ogg", "flac", 16_000, "an Ogg FLAC file"),
    "tta": ("tta", "tta", 16_000, "a True Audio file"),
}


def encoded(kind: str, seconds: float = 3.0, channels: int = 1, options: dict[str, str] | None = None) -> bytes:
    """A tone in such a file."""
    container, coding, rate, _ = KINDS[kind]
    path = Path(mkdtemp()) / "a"
    with av.open(str(path), "w", format=container, container_options=options or {}) as output:
        layout = {1: "mono", 2: "stereo"}[channels]
        stream: Any = output.add_stream(coding, rate=rate, layout=layout)
        stream.bit_rate = 96_000
        samples = tone(rate, seconds, channels)
        resampler = av.AudioResampler(stream.format.name, layout, rate, stream.codec_context.frame_size or None)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    data = path.read_bytes()
    rmtree(path.parent)
    return data


@pytest.mark.parametrize("kind", KINDS)
def test_taken_with_its_length(tmp_path: Path, kind: str) -> None:
    rate = KINDS[kind][2]
    source = open_audio(written(tmp_path / "recording", encoded(kind)), max_s=60)
    assert source.format.sample_rate_hz == rate
    samples = decoded(source)
    # priming and padding of the encoder, of up to some frames
    assert 3.0 * rate - 2_200 <= samples.size <= 3.0 * rate + 4_700
    spectrum = np.abs(np.fft.rfft(samples[rate : 2 * rate]))
    assert int(spectrum.argmax()) == 440


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_extra_it_is_named_with_what_converts_it(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UnsupportedAudioFormat) as caught:
        open_audio(written(tmp_path / "recording", encoded(kind)), max_s=60)
    assert caught.value.message == (
        f"This is {KINDS[kind][3]}, which is not decoded here, as the extra streamauth[media] is not installed. "
        "Convert it: `ffmpeg -i INPUT -ar 16000 -ac 1 output.wav`."
    )


def test_the_channel_that_is_chosen(tmp_path: Path) -> None:
    source = open_audio(written(tmp_path / "a", encoded("mka", channels=2)), max_s=60, channel=2)
    assert (source.format.channels, source.format.channel) == (2, 2)
    assert decoded(source).size == 48_000


def test_mpeg_inside_wav(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, "wav", ("wav", "libmp3lame", 48_000, "a WAV file"))
    path = written(tmp_path / "a.wav", encoded("wav"))
    assert decoded(open_audio(path, max_s=60)).size == pytest.approx(3 * 48_000, abs=3 * 1_152)
    with pytest.raises(TruncatedAudio):
        open_audio(written(tmp_path / "b.wav", path.read_bytes()[:-9_000]), max_s=60)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UnsupportedAudioFormat, match="a WAV file, which has samples in a coding 0x0055"):
        open_audio(path, max_s=60)


def test_silence_of_a_telephone_line_is_not_taken_for_mpeg(tmp_path: Path) -> None:
    with pytest.raises(NotAudio, match="no audio file of a known"):
        open_audio(written(tmp_path / "a", b"\xff" * 8_000), max_s=60)


@pytest.mark.parametrize("kind", ["m4a", "mka", "wv", "tta"])
def test_cut_off(tmp_path: Path, kind: str) -> None:
    options = {"movflags": "+faststart"} if kind == "m4a" else None
    data = encoded(kind, 6, options=options)
    with pytest.raises(AudioError):
        decoded(open_audio(written(tmp_path / "a", data[: len(data) // 2]), max_s=60))


def test_an_m4a_whose_index_is_at_its_lost_end(tmp_path: Path) -> None:
    data = encoded("m4a")
    with pytest.raises(AudioError, match="begins like an MP4 or M4A file"):
        open_audio(written(tmp_path / "a", data[: len(data) * 9 // 10]), max_s=60)


def test_cut_off_while_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a", encoded("mka", 6))
    source = open_audio(path, max_s=60)
    with path.open("r+b") as file:
        file.truncate(30_000)
    with pytest.raises(TruncatedAudio):
        decoded(source)


def test_too_long(tmp_path: Path) -> None:
    path = written(tmp_path / "a", encoded("m4a", 6))
    with pytest.raises(AudioTooLong, match="limit of 5 s"):
        open_audio(path, max_s=5)
    path = written(tmp_path / "b", encoded("aac", 6))
    with pytest.raises(AudioTooLong, match="limit of 5 s"):
        decoded(open_audio(path, max_s=5))


def test_what_never_ends_is_not_read_whole_before_it_is_found_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = 0

    def frames(container: Any) -> Iterator[Any]:
        nonlocal read
        for frame in cycle([next(container.decode(container.streams.audio[0]))]):
            read += frame.samples
            assert read < 10 * frame.sample_rate
            frame.pts = None
            yield frame

    monkeypatch.setattr(media, "_frames", frames)
    with pytest.raises(AudioTooLong):
        decoded(open_audio(written(tmp_path / "a", encoded("aac", 1)), max_s=5))


def test_pictures_alone(tmp_path: Path) -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        frame = av.VideoFrame(64, 64, "yuv420p")
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(UnsupportedAudioFormat, match="holds no sound"):
        open_audio(written(tmp_path / "a", file.getvalue()), max_s=60)


def test_a_playlist_reads_nothing(tmp_path: Path) -> None:
    """FFmpeg would follow it to other files and to the network; it is no format that is known here."""
    playlist = b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    with pytest.raises(AudioError, match="no audio file of a known"):
        open_audio(written(tmp_path / "a.m3u8", playlist), max_s=60)


@pytest.mark.parametrize("kind", ["webm", "m4a", "avi", "aac"])
def test_damage_prints_nothing(tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(kind))
    rng = np.random.default_rng(1)
    for at in rng.integers(64, len(data), 200):
        data[at] = int(rng.integers(256))
    with suppress(AudioError):
        decoded(open_audio(written(tmp_path / "a", bytes(data)), max_s=60))
    assert capfd.readouterr().err == ""
