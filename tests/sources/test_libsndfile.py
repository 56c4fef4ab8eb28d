from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.core.ports import Samples
from streamauth.errors import (
    AudioError,
    AudioTooLong,
    EmptyAudio,
    NotAudio,
    TruncatedAudio,
    UnsupportedSampleRate,
)
from streamauth.sources.files import open_audio

from .making import decoded, samples_of, tone, written

KINDS = [("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]
FORMATS = {
    "flac": ("FLAC", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


def encoded(path: Path, kind: str, subtype: str, rate: int = 16_000, seconds: float = 3, channels: int = 1) -> Path:
    """A file as libsndfile writes it."""
    # a constant bit rate, for which libsndfile wants a compression level, keeps mpg123 from writing to stderr
    mp3 = {"compression_level": 0.5, "bitrate_mode": "CONSTANT"} if kind == "MP3" else {}
    with soundfile.SoundFile(path, "w", rate, channels, subtype, format=kind, **mp3) as file:
        file.write(tone(rate, seconds, channels))
    return path


def refusal(path: Path, data: bytes | bytearray) -> AudioError:
    with pytest.raises(AudioError) as caught:
        samples_of(written(path, bytes(data)))
    return caught.value


def agreement(one: Samples, other: Samples) -> float:
    return float(np.corrcoef(one, other)[0, 1])


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (16_000, 1), (24_000, 2), (48_000, 2)])
def test_samples(tmp_path: Path, kind: str, subtype: str, rate: int, channels: int) -> None:
    path = encoded(tmp_path / "a", kind, subtype, rate, 3.21, channels)
    source = open_audio(path, max_s=60)
    assert (source.format.sample_rate_hz, source.format.channels) == (rate, channels)
    assert source.duration_s == pytest.approx(3.21)
    samples = decoded(source)
    assert samples.size == round(3.21 * rate)
    assert agreement(samples, tone(rate, 3.21)[:, 0]) > 0.98
    # chunk by chunk as at once, up to the last sample
    np.testing.assert_allclose(samples, soundfile.read(path, dtype="float32", always_2d=True)[0].mean(1), atol=1e-6)


@pytest.mark.parametrize(("kind", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")])
def test_44100_hz(tmp_path: Path, kind: str, subtype: str) -> None:
    assert samples_of(encoded(tmp_path / "a", kind, subtype, 44_100)).size == 3 * 44_100


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
@pytest.mark.parametrize("kept", [0.05, 0.4, 0.7, 0.97])
def test_truncated(tmp_path: Path, kind: str, subtype: str, kept: float) -> None:
    data = encoded(tmp_path / "a", kind, subtype).read_bytes()
    with pytest.raises(TruncatedAudio):
        # told on opening, before any sample is judged
        open_audio(written(tmp_path / "cut", data[: int(len(data) * kept)]), max_s=60)


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
@pytest.mark.parametrize("missing", [1, 3, 20])
def test_a_few_bytes_short(tmp_path: Path, kind: str, subtype: str, missing: int) -> None:
    data = encoded(tmp_path / "a", kind, subtype).read_bytes()
    assert isinstance(refusal(tmp_path / "cut", data[:-missing]), TruncatedAudio)


@pytest.mark.parametrize(("kind", "subtype"), [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")])
def test_damaged_in_the_middle(tmp_path: Path, kind: str, subtype: str) -> None:
    data = bytearray(encoded(tmp_path / "a", kind, subtype).read_bytes())
    data[len(data) // 2] ^= 0x55
    error = refusal(tmp_path / "bad", data)
    assert isinstance(error, TruncatedAudio)
    assert "damaged" in error.message


@pytest.mark.parametrize("kind", list(FORMATS))
def test_header_alone_is_right(tmp_path: Path, kind: str) -> None:
    data = encoded(tmp_path / "a", *FORMATS[kind]).read_bytes()
    noise = np.random.default_rng(1).integers(0, 255, len(data) - 8, np.uint8).tobytes()
    assert isinstance(refusal(tmp_path / "bad", data[:8] + noise), NotAudio | TruncatedAudio)


@pytest.mark.parametrize("kind", ["flac", "vorbis"])
def test_no_sample(tmp_path: Path, kind: str) -> None:
    path = encoded(tmp_path / "a", *FORMATS[kind], seconds=0)
    with pytest.raises(EmptyAudio):
        open_audio(path, max_s=60)


@pytest.mark.parametrize("kind", list(FORMATS))
def test_too_long_by_the_header(tmp_path: Path, kind: str) -> None:
    path = encoded(tmp_path / "a", *FORMATS[kind])
    assert open_audio(path, max_s=3).duration_s == 3
    with pytest.raises(AudioTooLong, match=r"limit of 2\.5 s"):
        open_audio(path, max_s=2.5)


def test_ten_hours_by_the_header(tmp_path: Path) -> None:
    data = bytearray(encoded(tmp_path / "a", "FLAC", "PCM_16").read_bytes())
    data[21:26] = (int.from_bytes(data[21:26], "big") & ~(2**36 - 1) | 36_000 * 16_000).to_bytes(5, "big")
    assert isinstance(refusal(tmp_path / "long", data), AudioTooLong)


def test_longer_than_the_header_says(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a", "OGG", "VORBIS", seconds=1)
    source = open_audio(path, max_s=2)
    encoded(path, "OGG", "VORBIS", seconds=5)
    with pytest.raises(AudioTooLong):
        decoded(source)


def test_flac_without_a_length(tmp_path: Path) -> None:
    data = bytearray(encoded(tmp_path / "a", "FLAC", "PCM_16").read_bytes())
    data[21:26] = (int.from_bytes(data[21:26], "big") & ~(2**36 - 1)).to_bytes(5, "big")
    path = written(tmp_path / "open", bytes(data))
    source = open_audio(path, max_s=60)
    assert source.duration_s is None
    np.testing.assert_array_equal(decoded(source), samples_of(tmp_path / "a"))
    with pytest.raises(AudioTooLong):
        decoded(open_audio(path, max_s=2.9))
    assert isinstance(refusal(path, data[:-500]), TruncatedAudio)


def test_ogg_without_its_last_page(tmp_path: Path) -> None:
    data = encoded(tmp_path / "a", "OGG", "VORBIS").read_bytes()
    assert isinstance(refusal(tmp_path / "cut", data[: data.rfind(b"OggS")]), TruncatedAudio)


@pytest.mark.parametrize("rate", [4_000, 384_000])
def test_rate_not_offered(tmp_path: Path, rate: int) -> None:
    path = encoded(tmp_path / "a", "FLAC", "PCM_16", rate)
    with pytest.raises(UnsupportedSampleRate):
        open_audio(path, max_s=60)


def test_three_channels(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a", "FLAC", "PCM_16", channels=3)
    assert open_audio(path, max_s=60).format.channels == 3


def test_ogg_of_something_else(tmp_path: Path) -> None:
    page = b"OggS\0\6" + bytes(20) + b"\1\x20" + b"\x80theora" + bytes(25)
    error = refusal(tmp_path / "a", page)
    assert isinstance(error, NotAudio)
    assert "cannot be decoded" in error.message


@pytest.mark.parametrize("kept", [4, 6, 30, 50])
def test_flac_cut_inside_its_metadata(tmp_path: Path, kept: int) -> None:
    data = encoded(tmp_path / "a", "FLAC", "PCM_16").read_bytes()
    assert isinstance(refusal(tmp_path / "cut", data[:kept]), TruncatedAudio)


@pytest.mark.parametrize(
    "data",
    [
        b".snd",
        b"dns.\0\0\0",
        b"riff" + bytes(36) + b"fmt " + bytes(12) + (2**63 + 7).to_bytes(8, "little") + bytes(16),
        b"caff" + bytes(4) + b"desc" + (2**63 - 1).to_bytes(8, "big") + bytes(40),
    ],
)
def test_heads_that_end_early_or_point_far_away(tmp_path: Path, data: bytes) -> None:
    assert isinstance(refusal(tmp_path / "bad", data), TruncatedAudio | NotAudio)
