import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.errors import AudioError, AudioTooLong, EmptyAudio, NotAudio, TruncatedAudio, UnsupportedAudioFormat
from streamauth.sources.files import open_audio

from .making import samples_of, tone, written

TAG = b"TAG" + b"x" * 125


def mp3(path: Path, rate: int = 44_100, mode: str = "CONSTANT", seconds: float = 3) -> bytes:
    with soundfile.SoundFile(
        path, "w", rate, 1, "MPEG_LAYER_III", format="MP3", compression_level=0.5, bitrate_mode=mode
    ) as file:
        file.write(tone(rate, seconds))
    return path.read_bytes()


def without_information(data: bytes) -> bytes:
    """Less its first frame, as encoders write that cannot go back."""
    return data[data.index(data[:2], 4) :]


def id3(size: int) -> bytes:
    """A tag with a title and filling, of this size less its header."""
    title = b"TIT2\0\0\0\5\0\0\0Song"
    length = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + length + title + bytes(size - len(title))


def refusal(path: Path, data: bytes) -> AudioError:
    with pytest.raises(AudioError) as caught:
        open_audio(written(path, data), max_s=60)
    return caught.value


@pytest.mark.parametrize("rate", [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("mode", ["CONSTANT", "AVERAGE", "VARIABLE"])
def test_all_rates_and_modes(tmp_path: Path, rate: int, mode: str) -> None:
    mp3(tmp_path / "a", rate, mode)
    assert samples_of(tmp_path / "a").size == 3 * rate


@pytest.mark.parametrize("size", [20, 100, 200_000, 3_000_000])
def test_tags_before_and_after(tmp_path: Path, size: int) -> None:
    data = id3(size) + id3(20) + bytes(50) + mp3(tmp_path / "a") + TAG
    source = open_audio(written(tmp_path / "tagged.mp3", data), max_s=3.1)
    assert source.duration_s == pytest.approx(3)
    assert samples_of(tmp_path / "tagged.mp3").size == 3 * 44_100


@pytest.mark.parametrize("tag", [b"", id3(200_000)], ids=["bare", "tagged"])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_constant_bit_rate_without_information(tmp_path: Path, tag: bytes, rate: int) -> None:
    data = tag + without_information(mp3(tmp_path / "a", rate))
    # the encoder's delay stays in, so that it is a little longer than 3 s
    source = open_audio(written(tmp_path / "bare", data), max_s=3.1)
    size = samples_of(tmp_path / "bare").size
    assert 3 * rate <= size <= 3.1 * rate
    assert source.duration_s == size / rate


def test_variable_bit_rate_without_information(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """libsndfile would give a part of it for the whole."""
    path = tmp_path / "a"
    speech = np.concatenate([tone(44_100, 5)[:, 0], np.zeros(44_100 * 10, np.float32)])
    loud_first = soundfile.SoundFile(
        path, "w", 44_100, 1, "MPEG_LAYER_III", format="MP3", compression_level=0.1, bitrate_mode="VARIABLE"
    )
    with loud_first:
        loud_first.write(speech)
    bare = without_information(path.read_bytes())
    assert samples_of(written(tmp_path / "bare", bare)).size == pytest.approx(speech.size, abs=4 * 1152)
    monkeypatch.setitem(sys.modules, "av", None)
    error = refusal(tmp_path / "bare", bare)
    assert isinstance(error, UnsupportedAudioFormat)
    assert "does not tell its length" in error.message
    assert soundfile.info(tmp_path / "bare").frames < 0.9 * speech.size


def test_cut_between_frames_is_told_by_the_information(tmp_path: Path) -> None:
    data = mp3(tmp_path / "a")
    last_frame = data.rindex(data[:2])
    assert isinstance(refusal(tmp_path / "cut", data[:last_frame]), TruncatedAudio)


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_cut_inside_a_frame_header(tmp_path: Path, kept: int) -> None:
    data = without_information(mp3(tmp_path / "a"))
    last_frame = data.rindex(data[:2])
    error = refusal(tmp_path / "cut", data[: last_frame + kept])
    assert isinstance(error, TruncatedAudio)


def test_cut_inside_a_frame_without_information(tmp_path: Path) -> None:
    data = without_information(mp3(tmp_path / "a"))
    assert isinstance(refusal(tmp_path / "cut", data[:-100]), TruncatedAudio)


def test_too_long_is_told_by_the_count(tmp_path: Path) -> None:
    data = mp3(tmp_path / "a", 8_000, seconds=2)
    second = without_information(data)
    assert isinstance(refusal(tmp_path / "long", second * 40), AudioTooLong)


def test_nothing_but_tags(tmp_path: Path) -> None:
    assert isinstance(refusal(tmp_path / "a", id3(100)), EmptyAudio)
    assert isinstance(refusal(tmp_path / "a", id3(100) + bytes(30)), EmptyAudio)


def test_nothing_but_information(tmp_path: Path) -> None:
    data = bytearray(mp3(tmp_path / "a"))
    frame = data[: data.index(data[:2], 4)]
    at = frame.index(b"Info")
    frame[at + 8 : at + 12] = bytes(4)
    assert isinstance(refusal(tmp_path / "b", bytes(frame)), EmptyAudio)


@pytest.mark.parametrize("begin", [id3(100), b"\xff\xfb", b"\xff\xf3"])
def test_no_frame_where_one_must_be(tmp_path: Path, begin: bytes) -> None:
    assert isinstance(refusal(tmp_path / "a", begin + b"no frames here" * 100), NotAudio)
