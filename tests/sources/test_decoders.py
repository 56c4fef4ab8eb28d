"""Files of strangers are decoded in a confined process: whatever a decoder does there, it harms nobody else."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.errors import AudioError, AudioTooLong, DecoderFailed, NotAudio, TruncatedAudio
from streamauth.sources.decoders import Decoders
from streamauth.sources.files import open_audio
from tests.sources.making import pcm16, samples_of, tone, wav, written

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are such processes on Linux only")


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(memory_mb=512, step_s=10)
    yield made
    made.close()


@pytest.fixture(scope="module")
def hostile() -> Iterator[Decoders]:
    made = Decoders(memory_mb=256, step_s=1, module="tests.sources.hostile_decoder")
    yield made
    made.close()


FORMATS = [("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16")]


@pytest.mark.parametrize(("kind", "subtype"), [*FORMATS, ("WAV", "MS_ADPCM"), ("CAF", "ALAC_16")])
def test_the_same_samples_as_in_this_process(tmp_path: Path, decoders: Decoders, kind: str, subtype: str) -> None:
    path = tmp_path / "voice"
    soundfile.write(path, tone(16_000, 1.0), 16_000, format=kind, subtype=subtype)
    with open_audio(path, max_s=60, decode=decoders.open) as source:
        assert source.format.sample_rate_hz == 16_000
        there = np.frombuffer(b"".join(source), "<f4")
    np.testing.assert_array_equal(there, samples_of(path))


def test_films_too(tmp_path: Path, decoders: Decoders) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "voice.webm"
    with av.open(str(path), "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48_000)
        frame = av.AudioFrame.from_ndarray(tone(48_000, 0.5).T.astype(np.float32), format="flt", layout="mono")
        frame.rate = 48_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with open_audio(path, max_s=60, decode=decoders.open) as source:
        assert len(b"".join(source)) > 0.4 * 48_000 * 4


def test_decoders_that_would_use_threads_go_without(tmp_path: Path, decoders: Decoders) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "voice.wv"
    with av.open(str(path), "w", format="wv") as container:
        stream = container.add_stream("wavpack", rate=16_000, layout="mono")
        stream.format = "s16p"
        samples = (tone(16_000, 0.5).T * 20_000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16p", layout="mono")
        frame.rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    with open_audio(path, max_s=60, decode=decoders.open) as source:
        assert len(b"".join(source)) == 8_000 * 4


def test_plain_wav_needs_no_such_process(tmp_path: Path) -> None:
    def decode(path: Path, max_s: float) -> None:
        raise AssertionError

    path = written(tmp_path / "voice.wav", wav(pcm16()))
    with open_audio(path, max_s=60, decode=decode) as source:  # type: ignore[arg-type]
        assert len(b"".join(source)) == 32_000


def test_what_is_wrong_with_a_file_is_told_as_ever(tmp_path: Path, decoders: Decoders) -> None:
    path = tmp_path / "voice"
    soundfile.write(path, tone(16_000, 2.0), 16_000, format="FLAC")
    with pytest.raises(AudioTooLong, match="the limit of 1 s"):
        open_audio(path, max_s=1, decode=decoders.open)
    cut = written(tmp_path / "cut", path.read_bytes()[:-3000])
    with pytest.raises(TruncatedAudio), open_audio(cut, max_s=60, decode=decoders.open) as source:
        b"".join(source)
    with pytest.raises(NotAudio):
        open_audio(written(tmp_path / "text", b"no audio at all"), max_s=60, decode=decoders.open)


def taken(decoders: Decoders, path: Path, text: str) -> bytes:
    with decoders.open(written(path, text.encode()), 60) as source:
        return b"".join(source)


def test_a_decoder_that_behaves(tmp_path: Path, hostile: Decoders) -> None:
    assert len(taken(hostile, tmp_path / "file", "nothing")) == 6400


@pytest.mark.parametrize("deed", ["crash", "sleep", "spin", "eat", "fork"])
def test_a_decoder_that_fails_is_a_named_error_and_the_next_file_is_decoded(
    tmp_path: Path, hostile: Decoders, deed: str
) -> None:
    with pytest.raises(DecoderFailed):
        taken(hostile, tmp_path / "file", deed)
    assert len(taken(hostile, tmp_path / "file", "nothing")) == 6400


@pytest.mark.parametrize("deed", ["write", "run"])
def test_it_makes_no_file(tmp_path: Path, hostile: Decoders, deed: str) -> None:
    tmp_path.chmod(0o777)
    made = tmp_path / "made"
    with pytest.raises(DecoderFailed):
        taken(hostile, tmp_path / "file", f"{deed} {made}")
    assert not made.exists()


@pytest.mark.parametrize("deed", ["read", "append"])
def test_it_opens_no_file(tmp_path: Path, hostile: Decoders, deed: str) -> None:
    secret = written(tmp_path / "secret", b"key")
    secret.chmod(0o666)
    with pytest.raises(DecoderFailed):
        taken(hostile, tmp_path / "file", f"{deed} {secret}")
    assert secret.read_bytes() == b"key"


def test_it_reaches_no_network(tmp_path: Path, hostile: Decoders) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(DecoderFailed):
            taken(hostile, tmp_path / "file", f"connect 127.0.0.1:{port}")
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_it_signals_no_process(tmp_path: Path, hostile: Decoders) -> None:
    with pytest.raises(DecoderFailed):
        taken(hostile, tmp_path / "file", f"signal {os.getpid()}")


def test_the_process_that_starts_them_may_die(tmp_path: Path) -> None:
    made = Decoders(memory_mb=256, step_s=5, module="tests.sources.hostile_decoder")
    assert taken(made, tmp_path / "file", "nothing")
    assert made._process is not None
    made._process.kill()
    made._process.wait()
    assert taken(made, tmp_path / "file", "nothing")
    made.close()


def test_none_is_left_behind(tmp_path: Path) -> None:
    made = Decoders(memory_mb=256, step_s=5, module="tests.sources.hostile_decoder")
    assert taken(made, tmp_path / "file", "nothing")
    process = made._process
    assert process is not None
    made.close()
    assert process.poll() == 0


def test_what_is_opened_and_not_read_is_given_back(tmp_path: Path, decoders: Decoders) -> None:
    path = tmp_path / "voice"
    soundfile.write(path, tone(16_000, 1.0), 16_000, format="FLAC")
    open_audio(path, max_s=60, decode=decoders.open).close()  # the decoder starts with the first file, and stays
    before = len(os.listdir("/proc/self/fd"))
    open_audio(path, max_s=60, decode=decoders.open).close()
    with pytest.raises(AudioError, match="channel"):
        open_audio(path, max_s=60, channel=2, decode=decoders.open)
    assert len(os.listdir("/proc/self/fd")) == before
