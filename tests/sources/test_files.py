import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.errors import AudioError, AudioTooLong, EmptyAudio, FileMissing, NotAudio, OddByteCount
from streamauth.sources.files import open_audio, read_raw

from .making import decoded, pcm16, samples_of, wav, written

NOBODY = 65_534
BEGINS = [b"RIFF\x24\0\0\0WAVE", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", b"OggS\0", b"fLaC", b"ID3", b"\xff\xfb"]
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b55")


@contextmanager
def without_root() -> Iterator[None]:
    """Permissions mean nothing to root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("name", ["none.wav", "none/none.wav", "a" * 300, "nul\0.wav"])
def test_missing_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileMissing, match="no readable file"):
        open_audio(tmp_path / name, max_s=60)


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="folder"):
        open_audio(tmp_path, max_s=60)


def test_no_permission(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", wav(pcm16()))
    path.chmod(0)
    with without_root(), pytest.raises(FileMissing, match="permission"):
        open_audio(path, max_s=60)


def test_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileMissing, match="no regular file"):
        open_audio(tmp_path / "pipe", max_s=60)


@pytest.mark.parametrize(
    "data",
    [
        b"This is a text file.\n" * 100,
        PNG + bytes(100),
        np.random.default_rng(3).bytes(10_000),
        b"\0" * 1_000,
        b"x",
        b"RIFF",
    ],
    ids=["text", "png", "random", "zeros", "one byte", "half a header"],
)
def test_not_audio(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NotAudio):
        open_audio(written(tmp_path / "a.wav", data), max_s=60)


def test_empty_file(tmp_path: Path) -> None:
    with pytest.raises(EmptyAudio):
        open_audio(written(tmp_path / "a.wav", b""), max_s=60)


def test_file_larger_than_the_limit(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", wav(pcm16()))
    assert open_audio(path, max_s=60, max_mb=0.033).duration_s == 1
    with pytest.raises(AudioTooLong, match=r"limit of 0\.03 MB"):
        open_audio(path, max_s=60, max_mb=0.03)


def test_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    path = written(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav")), wav(pcm16()))
    assert samples_of(path).size == 16_000


def test_a_closed_source_gives_nothing_more(tmp_path: Path) -> None:
    source = open_audio(written(tmp_path / "a.wav", wav(pcm16())), max_s=60)
    chunks = iter(source)
    next(chunks)
    source.close()
    assert list(chunks) == []


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.sampled_from(BEGINS), st.binary(max_size=200))
def test_garbage_after_a_good_begin_is_a_named_error(
    tmp_path_factory: pytest.TempPathFactory, begin: bytes, rest: bytes
) -> None:
    path = written(tmp_path_factory.getbasetemp() / "garbage", begin + rest)
    with pytest.raises(AudioError):
        samples_of(path)


# --- raw PCM ------------------------------------------------------------------------------------------------


def test_raw_pcm() -> None:
    audio_format = AudioFormat(16_000, 2)
    source = read_raw(io.BytesIO(pcm16(channels=2)), audio_format, max_s=60)
    assert source.format is audio_format
    assert source.duration_s is None
    np.testing.assert_allclose(decoded(source), np.frombuffer(pcm16(), "<i2") / 32768, atol=1e-7)


def test_raw_pcm_comes_in_chunks_of_100_ms() -> None:
    audio_format = AudioFormat(8_000, 2, Encoding.F32LE)
    chunks = list(read_raw(io.BytesIO(bytes(64_000 + 80)), audio_format, max_s=60))
    assert [len(chunk) for chunk in chunks] == [6_400] * 10 + [80]


def test_raw_pcm_empty() -> None:
    with pytest.raises(EmptyAudio):
        decoded(read_raw(io.BytesIO(), AudioFormat(16_000), max_s=60))


def test_raw_pcm_odd() -> None:
    with pytest.raises(OddByteCount):
        decoded(read_raw(io.BytesIO(bytes(3_201)), AudioFormat(16_000), max_s=60))


def test_raw_pcm_of_a_file() -> None:
    with pytest.raises(NotAudio, match="WAV file"):
        decoded(read_raw(io.BytesIO(wav(pcm16())), AudioFormat(16_000), max_s=60))


def test_raw_pcm_too_long() -> None:
    audio_format = AudioFormat(16_000)
    assert decoded(read_raw(io.BytesIO(pcm16()), audio_format, max_s=1)).size == 16_000
    with open("/dev/zero", "rb") as endless:
        chunks = iter(read_raw(endless, audio_format, max_s=1))
        assert sum(len(next(chunks)) for _ in range(10)) == 32_000
        with pytest.raises(AudioTooLong, match="limit of 1 s"):
            next(chunks)


@pytest.mark.system
def test_raw_pcm_from_a_real_pipe() -> None:
    code = (
        "import sys; from streamauth.core.audio.pcm import AudioFormat; from streamauth.sources.files import read_raw\n"
        "print(sum(map(len, read_raw(sys.stdin.buffer, AudioFormat(16000), max_s=60))), 'soundfile' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=pcm16(), capture_output=True, check=True)
    assert done.stdout.split() == [b"32000", b"False"]
