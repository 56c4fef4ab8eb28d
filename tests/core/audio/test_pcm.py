import array
import contextlib
import io
import itertools
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamauth.core.audio.pcm import AudioFormat, Encoding, PcmDecoder, PcmInput
from streamauth.core.audio.resampling import Resampler
from streamauth.core.ports import Samples
from streamauth.errors import (
    AudioNotFinite,
    NotAudio,
    OddByteCount,
    SampleRateMismatch,
    UnsupportedAudioFormat,
    UnsupportedSampleRate,
)

S16_MONO = AudioFormat(16_000)
F32_MONO = AudioFormat(16_000, 1, Encoding.F32LE)


def decode(audio_format: AudioFormat, *chunks: PcmInput) -> Samples:
    decoder = PcmDecoder(audio_format)
    samples = [decoder.feed(chunk) for chunk in chunks]
    decoder.finish()
    return np.concatenate(samples)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def noise(frames: int, audio_format: AudioFormat, seed: int) -> bytes:
    values = np.random.default_rng(seed).uniform(-0.9, 0.9, frames * audio_format.channels)
    if audio_format.encoding is Encoding.S16LE:
        return (values * 32768).astype("<i2").tobytes()
    if audio_format.encoding is not Encoding.F32LE:
        return ((values + 1) * 128).astype("u1").tobytes()
    return values.astype("<f4").tobytes()


# --- AudioFormat --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [7_999, 192_001, 384_000, 0, -16_000, 16_000.0, "16000", True, None])
def test_sample_rate_must_be_offered(rate: object) -> None:
    with pytest.raises(UnsupportedSampleRate):
        AudioFormat(rate)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000, 96_000, 192_000])
def test_offered_sample_rates(rate: int) -> None:
    assert AudioFormat(rate).sample_rate_hz == rate


@pytest.mark.parametrize("channels", [0, 17, -1, 1.0, "2", True, None])
def test_channels_must_be_offered(channels: object) -> None:
    with pytest.raises(UnsupportedAudioFormat):
        AudioFormat(16_000, channels)  # type: ignore[arg-type]


@pytest.mark.parametrize("encoding", ["s16be", "u8", "", None, 16])
def test_encoding_must_be_offered(encoding: object) -> None:
    with pytest.raises(UnsupportedAudioFormat):
        AudioFormat(16_000, 1, encoding)  # type: ignore[arg-type]


def test_encoding_by_its_name() -> None:
    audio_format = AudioFormat(16_000, 2, "f32le")  # type: ignore[arg-type]
    assert audio_format.encoding is Encoding.F32LE
    assert (audio_format.sample_bytes, audio_format.frame_bytes, audio_format.bytes_per_s) == (4, 8, 128_000)


# --- values -------------------------------------------------------------------------------------------------


def test_16_bit_values_are_scaled() -> None:
    samples = decode(S16_MONO, struct.pack("<4h", 0, 16384, 32767, -32768))
    assert samples.dtype == np.float32
    assert samples.tolist() == [0, 0.5, 32767 / 32768, -1]


def test_floats_are_kept_and_clamped() -> None:
    samples = decode(F32_MONO, struct.pack("<5f", 0.25, -1, 1.5, -7e30, 1))
    assert samples.dtype == np.float32
    assert samples.tolist() == [0.25, -1, 1, -1, 1]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_not_finite(bad: float) -> None:
    decoder = PcmDecoder(F32_MONO)
    decoder.feed(struct.pack("<2f", 0.1, 0.2))
    with pytest.raises(AudioNotFinite):
        decoder.feed(struct.pack("<2f", 0.1, bad))


def test_not_finite_cut_inside_the_sample() -> None:
    decoder = PcmDecoder(F32_MONO)
    data = struct.pack("<f", float("nan"))
    assert decoder.feed(data[:3]).size == 0
    with pytest.raises(AudioNotFinite):
        decoder.feed(data[3:])


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("channels", [1, 2])
def test_bytes_left_over(encoding: Encoding, channels: int) -> None:
    audio_format = AudioFormat(16_000, channels, encoding)
    for extra in range(1, audio_format.frame_bytes):
        decoder = PcmDecoder(audio_format)
        assert decoder.feed(bytes(audio_format.frame_bytes + extra)).size == 1
        with pytest.raises(OddByteCount):
            decoder.finish()


def test_nothing_at_all() -> None:
    assert decode(S16_MONO, b"").size == 0


def test_every_kind_of_bytes() -> None:
    data = struct.pack("<2h", 100, -100)
    views: list[PcmInput] = [data, bytearray(data), memoryview(data), memoryview(array.array("h", [100, -100]))]
    for view in views:
        assert decode(S16_MONO, view).tolist() == [100 / 32768, -100 / 32768]


@pytest.mark.parametrize("wrong", [4, "text", None])
def test_no_bytes(wrong: object) -> None:
    with pytest.raises(TypeError):
        PcmDecoder(S16_MONO).feed(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(("encoding", "subtype"), [(Encoding.MULAW, "ULAW"), (Encoding.ALAW, "ALAW")])
def test_telephone_codings_as_libsndfile_reads_them(encoding: Encoding, subtype: str) -> None:
    every = bytes(range(256))
    expected, _ = soundfile.read(
        io.BytesIO(every), dtype="float32", samplerate=8_000, channels=1, subtype=subtype, format="RAW"
    )
    audio_format = AudioFormat(8_000, 1, encoding)
    np.testing.assert_array_equal(decode(audio_format, every), expected)
    np.testing.assert_array_equal(decode(audio_format, np.frombuffer(every, np.uint8)), expected)


def test_one_channel_alone() -> None:
    data = struct.pack("<6h", 1, 2, 3, 4, 5, 6)
    for channel, expected in ((1, [1, 4]), (3, [3, 6])):
        samples = decode(AudioFormat(16_000, 3, channel=channel), data[:3], data[3:])
        assert (samples * 32768).tolist() == expected


@pytest.mark.parametrize("channel", [0, 3, -1, True, "1", 1.0])
def test_a_channel_that_is_not_there(channel: object) -> None:
    with pytest.raises(UnsupportedAudioFormat, match="no such channel"):
        AudioFormat(16_000, 2, channel=channel)  # type: ignore[arg-type]


# --- arrays -------------------------------------------------------------------------------------------------


def test_float_arrays_go_the_same_way() -> None:
    values = np.array([0.5, -0.25, 2.0])
    assert decode(F32_MONO, values).tolist() == [0.5, -0.25, 1]
    assert decode(F32_MONO, values.astype(np.float32)[:, None]).tolist() == [0.5, -0.25, 1]
    stereo = AudioFormat(16_000, 2, Encoding.F32LE)
    assert decode(stereo, np.array([[0.5, 0.25], [0.1, 0.1]], np.float32)).tolist() == pytest.approx([0.375, 0.1])


def test_an_array_in_another_order_of_memory() -> None:
    stereo = AudioFormat(16_000, 2, Encoding.F32LE)
    frames = np.asfortranarray(np.array([[0.5, 0.25], [0.1, 0.3]], np.float32))
    assert decode(stereo, frames).tolist() == pytest.approx([0.375, 0.2])


def test_int_arrays() -> None:
    assert decode(S16_MONO, np.array([16384, -32768], np.int16)).tolist() == [0.5, -1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_array_not_finite(bad: float) -> None:
    with pytest.raises(AudioNotFinite):
        decode(F32_MONO, np.array([0.0, bad]))


@pytest.mark.parametrize(
    ("audio_format", "values"),
    [
        (S16_MONO, np.zeros(4, np.float32)),
        (S16_MONO, np.zeros(4, np.int32)),
        (F32_MONO, np.zeros(4, np.int16)),
        (F32_MONO, np.zeros((4, 2), np.float32)),
        (AudioFormat(16_000, 2), np.zeros((4, 1), np.int16)),
        (F32_MONO, np.zeros((1, 4, 1), np.float32)),
    ],
)
def test_array_of_another_format(audio_format: AudioFormat, values: NDArray[np.float32]) -> None:
    with pytest.raises(UnsupportedAudioFormat):
        decode(audio_format, values)


# --- files in place of raw PCM ------------------------------------------------------------------------------


def wav_header(rate: int) -> bytes:
    return b"RIFF\x24\x7d\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate * 2, 2, 16) + b"data\0\x7d\0\0"


def flac_header(rate: int) -> bytes:
    return b"fLaC\0\0\0\x22" + bytes(10) + (rate << 12 | 15 << 4).to_bytes(4, "big") + bytes(20)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (wav_header(16_000), "a WAV file"),
        (b"RIFF\x24\x7d\0\0WAVEJUNK" + bytes(40), "a WAV file"),
        (flac_header(16_000), "a FLAC file"),
        (b"OggS\0\2" + bytes(40), "an OGG file"),
        (b"ID3\4\0" + bytes(40), "an MP3 file"),
        (b"\x1aE\xdf\xa3" + bytes(40), "a WebM file"),
    ],
)
def test_a_file_is_no_raw_pcm(header: bytes, name: str) -> None:
    with pytest.raises(NotAudio, match=f"This is {name}. Send its samples as raw PCM"):
        decode(S16_MONO, header)


@pytest.mark.parametrize("header", [wav_header(44_100), flac_header(44_100)])
def test_a_file_of_another_rate(header: bytes) -> None:
    with pytest.raises(SampleRateMismatch, match="of 44100 Hz, but raw PCM of 16000 Hz"):
        decode(S16_MONO, header)


def test_a_file_in_single_bytes() -> None:
    with pytest.raises(SampleRateMismatch):
        decode(S16_MONO, *cut(wav_header(8_000), list(range(44))))


def test_a_file_cut_inside_its_header() -> None:
    with pytest.raises(NotAudio):
        decode(S16_MONO, b"RIFF\x24\x7d")


def test_pcm_that_only_resembles_a_file() -> None:
    assert decode(S16_MONO, b"RI").size == 1
    assert decode(S16_MONO, bytes(2) + wav_header(8_000)).size == 23
    assert decode(S16_MONO, b"RIFE" + bytes(60)).size == 32


# --- chunks -------------------------------------------------------------------------------------------------

FORMATS = st.builds(
    AudioFormat,
    st.one_of(st.sampled_from([8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000]), st.integers(8_000, 192_000)),
    st.sampled_from([1, 2, 5]),
    st.sampled_from(Encoding),
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(FORMATS, st.integers(0, 5_000), st.integers(0, 2**32 - 1), st.lists(st.integers(0, 2**20), max_size=40))
def test_any_cut_gives_the_same_samples(audio_format: AudioFormat, frames: int, seed: int, places: list[int]) -> None:
    data = noise(frames, audio_format, seed)

    def through(chunks: list[bytes]) -> Samples:
        decoder, resampler = PcmDecoder(audio_format), Resampler(audio_format.sample_rate_hz)
        parts = [resampler.feed(decoder.feed(chunk)) for chunk in chunks]
        decoder.finish()
        return np.concatenate([*parts, resampler.finish()])

    whole = through([data])
    np.testing.assert_array_equal(whole, through(cut(data, places)))
    assert abs(whole.size - frames * 16_000 / audio_format.sample_rate_hz) <= 0.5
    assert whole.dtype == np.float32
    assert np.abs(whole).max(initial=0) <= 1


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=300), FORMATS, st.lists(st.integers(0, 2**20), max_size=10))
def test_any_bytes_give_samples_or_a_named_error(data: bytes, audio_format: AudioFormat, places: list[int]) -> None:
    # any other exception fails the test
    with contextlib.suppress(AudioNotFinite, NotAudio, OddByteCount, SampleRateMismatch):
        samples = decode(audio_format, *cut(data, places))
        assert samples.size * audio_format.frame_bytes == len(data)
        assert np.abs(samples).max(initial=0) <= 1
