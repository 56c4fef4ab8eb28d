import struct
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.core.audio.pcm import Encoding
from streamauth.errors import (
    AudioError,
    AudioNotFinite,
    AudioTooLong,
    EmptyAudio,
    NotAudio,
    TruncatedAudio,
    UnsupportedAudioFormat,
    UnsupportedSampleRate,
)
from streamauth.sources.files import open_audio

from .making import decoded, pcm16, samples_of, tone, wav, written

LIST = b"LIST\x06\0\0\0INFO\0\0"
TEN_HOURS = 36_000
PCM_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def refusal(tmp_path: Path, data: bytes, max_s: float = 60) -> AudioError:
    """The error on opening: none of these is found only later."""
    with pytest.raises(AudioError) as caught:
        open_audio(written(tmp_path / "a.wav", data), max_s=max_s)
    return caught.value


# --- what is taken ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["WAV", "WAVEX"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2])
def test_same_samples_as_libsndfile(tmp_path: Path, file_format: str, subtype: str, channels: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(22_050, 0.73, channels), 22_050, subtype, format=file_format)
    expected = soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)
    source = open_audio(path, max_s=60)
    assert source.duration_s == pytest.approx(0.73, abs=1e-4)
    assert (source.format.sample_rate_hz, source.format.channels) == (22_050, channels)
    np.testing.assert_array_equal(decoded(source), expected)


def test_chunks_of_100_ms(tmp_path: Path) -> None:
    source = open_audio(written(tmp_path / "a.wav", wav(pcm16(seconds=0.55))), max_s=60)
    assert source.format.encoding is Encoding.S16LE
    assert [len(chunk) for chunk in source] == [3_200] * 5 + [1_600]


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
def test_rates(tmp_path: Path, rate: int) -> None:
    assert samples_of(written(tmp_path / "a.wav", wav(pcm16(rate), rate=rate))).size == rate


def test_other_chunks_are_passed_over(tmp_path: Path) -> None:
    odd_chunk = b"junk\x03\0\0\0abc\0"
    data = wav(pcm16(), before=odd_chunk + LIST, after=LIST)
    np.testing.assert_array_equal(
        samples_of(written(tmp_path / "a.wav", data)), np.frombuffer(pcm16(), "<i2") / np.float32(32768)
    )


@pytest.mark.parametrize("claimed", [0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
@pytest.mark.parametrize("riff", [0, 36, 36 + 32_000, 0x7FFF_F024, 0xFFFF_FFFF])
def test_length_left_open_by_a_writer_into_a_pipe(tmp_path: Path, claimed: int, riff: int) -> None:
    source = open_audio(written(tmp_path / "a.wav", wav(pcm16(), data_bytes=claimed, riff_bytes=riff)), max_s=60)
    assert source.duration_s == 1
    assert decoded(source).size == 16_000


def test_a_long_file_is_never_in_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", wav(b"", data_bytes=600 * 32_000))
    with path.open("r+b") as file:
        file.truncate(44 + 600 * 32_000)
    tracemalloc.start()
    try:
        assert sum(len(chunk) for chunk in open_audio(path, max_s=3600)) == 600 * 32_000
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


# --- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [b"", LIST])
def test_no_sample(tmp_path: Path, after: bytes) -> None:
    assert isinstance(refusal(tmp_path, wav(b"", after=after)), EmptyAudio)


@pytest.mark.parametrize("missing", [700, 3_200, 31_999])
def test_less_than_promised(tmp_path: Path, missing: int) -> None:
    assert isinstance(refusal(tmp_path, wav(pcm16())[:-missing]), TruncatedAudio)


@pytest.mark.parametrize("more", [1, 2, 8, 16, 36, 44, 100, 640])
@pytest.mark.parametrize("riff", [0, 44])
def test_a_length_a_little_too_long(tmp_path: Path, more: int, riff: int) -> None:
    """Writers count the header, or a last block that is not full; libsndfile and FFmpeg read what is there."""
    data = wav(pcm16(), data_bytes=32_000 + more, riff_bytes=36 + 32_000 + riff)
    path = written(tmp_path / "a.wav", data)
    np.testing.assert_array_equal(samples_of(path), soundfile.read(path, dtype="float32")[0])
    assert samples_of(path).size == 16_000


def test_a_length_that_counts_a_long_header(tmp_path: Path) -> None:
    notes = b"LIST" + struct.pack("<I", 2_000) + bytes(2_000)
    data = wav(pcm16(), before=notes, data_bytes=32_000 + 44 + 2_008)
    assert samples_of(written(tmp_path / "a.wav", data)).size == 16_000


@pytest.mark.parametrize("byte_rate", [0, 16_000, 1, 2**32 - 1])
@pytest.mark.parametrize("block_bytes", [0, 1, 4, 65_535])
def test_derived_fields_that_are_wrong(tmp_path: Path, byte_rate: int, block_bytes: int) -> None:
    path = written(tmp_path / "a.wav", wav(pcm16(), bytes_per_s=byte_rate, block_bytes=block_bytes))
    np.testing.assert_array_equal(samples_of(path), np.frombuffer(pcm16(), "<i2") / np.float32(32768))


def test_a_chunk_of_odd_length_without_its_filling(tmp_path: Path) -> None:
    data = wav(pcm16(), before=b"junk\x03\0\0\0abc")
    assert samples_of(written(tmp_path / "a.wav", data)).size == 16_000


@pytest.mark.parametrize(("encoding", "subtype"), [("mulaw", "ULAW"), ("alaw", "ALAW")])
def test_telephone_codings(tmp_path: Path, encoding: str, subtype: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(8_000, 1.0), 8_000, subtype)
    source = open_audio(path, max_s=60)
    assert (source.format.encoding, source.format.sample_rate_hz, source.duration_s) == (encoding, 8_000, 1)
    np.testing.assert_array_equal(decoded(source), soundfile.read(path, dtype="float32")[0])


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "MS_ADPCM", "GSM610", "NMS_ADPCM_32", "G721_32"])
def test_rarer_codings_by_libsndfile(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(8_000, 1.0), 8_000, subtype)
    samples = samples_of(path)
    assert 8_000 <= samples.size < 9_100  # whole blocks
    np.testing.assert_allclose(samples, soundfile.read(path, dtype="float32")[0], atol=1e-6)
    with pytest.raises(TruncatedAudio):
        open_audio(written(path, path.read_bytes()[:-1_000]), max_s=60)


def test_big_endian(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(16_000, 1.0), 16_000, "PCM_16", endian="BIG")
    assert path.read_bytes().startswith(b"RIFX")
    assert samples_of(path).size == 16_000


def test_the_channel_that_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    frames = tone(16_000, 1.0, 4) * np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    soundfile.write(path, frames, 16_000, "FLOAT")
    for channel in (1, 4):
        np.testing.assert_array_equal(decoded(open_audio(path, max_s=60, channel=channel)), frames[:, channel - 1])
    with pytest.raises(UnsupportedAudioFormat, match="no such channel: the audio has 4"):
        open_audio(path, max_s=60, channel=5)


@pytest.mark.parametrize("kept", [12, 15, 20, 30, 36, 43])
def test_cut_inside_the_header(tmp_path: Path, kept: int) -> None:
    assert isinstance(refusal(tmp_path, wav(pcm16())[:kept]), TruncatedAudio)


def test_shortened_while_it_is_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", wav(pcm16()))
    source = open_audio(path, max_s=60)
    with path.open("r+b") as file:
        file.truncate(20_000)
    with pytest.raises(TruncatedAudio):
        decoded(source)


@pytest.mark.parametrize(("bits", "bad"), [(32, np.nan), (32, np.inf), (64, -np.inf), (64, 1e300)])
def test_not_finite(tmp_path: Path, bits: int, bad: float) -> None:
    values = tone(16_000, 1)[:, 0].astype(f"<f{bits // 8}")
    values[8_000] = bad
    path = written(tmp_path / "a.wav", wav(values.tobytes(), tag=3, bits=bits))
    with pytest.raises(AudioNotFinite):
        samples_of(path)


@pytest.mark.parametrize(("channels", "bits", "size"), [(1, 16, 3_001), (2, 16, 3_002), (1, 24, 3_001)])
@pytest.mark.parametrize("claimed", [None, 0xFFFF_FFFF])
def test_an_incomplete_last_sample_is_left_out(
    tmp_path: Path, channels: int, bits: int, size: int, claimed: int | None
) -> None:
    data = wav(bytes(size), channels=channels, bits=bits, data_bytes=claimed, riff_bytes=claimed)
    samples = samples_of(written(tmp_path / "a.wav", data[: 44 + size]))
    assert samples.size == size // (channels * bits // 8)


@pytest.mark.parametrize("rate", [0, 4_000, 7_999, 192_001, 384_000, 2**32 - 1])
def test_rate_not_offered(tmp_path: Path, rate: int) -> None:
    error = refusal(tmp_path, wav(pcm16(), rate=rate, bytes_per_s=rate * 2 % 2**32))
    assert isinstance(error, UnsupportedSampleRate)
    assert f"a WAV file of {rate} Hz" in error.message


@pytest.mark.parametrize("channels", [0, 17, 1_000])
def test_channels_not_offered(tmp_path: Path, channels: int) -> None:
    error = refusal(tmp_path, wav(pcm16(channels=6), channels=channels, block_bytes=12))
    assert isinstance(error, UnsupportedAudioFormat)
    assert f"a WAV file, which has {channels} channels" in error.message


@pytest.mark.parametrize(("tag", "bits"), [(0x161, 16), (0xFF, 0), (0x65, 4), (0, 16), (0x270, 0)])
def test_coding_not_decoded(tmp_path: Path, tag: int, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    error = refusal(tmp_path, wav(pcm16(), tag=tag, bits=bits, block_bytes=2))
    assert isinstance(error, UnsupportedAudioFormat)
    assert "This is a WAV file" in error.message
    assert "ffmpeg -i INPUT" in error.message


def test_extensible_of_another_family(tmp_path: Path) -> None:
    def file(tail: bytes) -> bytes:
        return wav(pcm16(), tag=0xFFFE, extension=struct.pack("<HHIH", 22, 16, 4, 1) + tail)

    assert samples_of(written(tmp_path / "a.wav", file(PCM_GUID_TAIL))).size == 16_000
    with pytest.raises(AudioError, match="a WAV file"):
        open_audio(written(tmp_path / "a.wav", file(bytes(14))), max_s=60)


def test_ten_hours_by_the_header(tmp_path: Path) -> None:
    error = refusal(tmp_path, wav(pcm16(8_000), rate=8_000, data_bytes=TEN_HOURS * 16_000))
    assert isinstance(error, AudioTooLong)
    assert "limit of 60 s" in error.message


def test_ten_hours_of_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", wav(b"", rate=8_000, data_bytes=TEN_HOURS * 16_000))
    with path.open("r+b") as file:
        file.truncate(44 + TEN_HOURS * 16_000)
    with pytest.raises(AudioTooLong, match="limit of 120 s"):
        open_audio(path, max_s=120, max_mb=1000)
    with pytest.raises(AudioTooLong, match="limit of 512 MB"):
        open_audio(path, max_s=120)


def test_longest_audio(tmp_path: Path) -> None:
    assert open_audio(written(tmp_path / "a.wav", wav(pcm16())), max_s=1).duration_s == 1
    assert isinstance(refusal(tmp_path, wav(pcm16(seconds=1.001)), max_s=1), AudioTooLong)


def test_too_long_where_the_header_is_silent(tmp_path: Path) -> None:
    data = wav(pcm16(seconds=2), data_bytes=0xFFFF_FFFF, riff_bytes=0xFFFF_FFFF)
    assert isinstance(refusal(tmp_path, data, max_s=1), AudioTooLong)


def test_samples_before_their_format(tmp_path: Path) -> None:
    assert isinstance(refusal(tmp_path, b"RIFF\x24\0\0\0WAVEdata\x04\0\0\0abcd"), NotAudio)


def test_chunks_without_end(tmp_path: Path) -> None:
    assert isinstance(refusal(tmp_path, b"RIFF\x24\0\0\0WAVE" + b"junk\0\0\0\0" * 5_000), NotAudio)
