"""The voicing network behind the first detector: speech has a voice, other sounds have none."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from scripts.fixtures.lines import LINES, by_line
from scripts.fixtures.nonspeech import NON_SPEECH
from streamauth.catalog.registry import Catalog, models_folder, read_registry
from streamauth.core.ports import Samples
from streamauth.core.speech.voicing import FRAME_SAMPLES, VoicingNetwork
from streamauth.demo_data import VOICES, demo_utterances
from streamauth.engines.vad.two_stage import TwoStageDetector, load_voicing
from streamauth.engines.vad.webrtc import WebrtcDetector
from streamauth.errors import ModelCorrupt, ModelMissing


@pytest.fixture(scope="module")
def detector() -> TwoStageDetector:
    network_id, network = load_voicing(Catalog())
    return TwoStageDetector(WebrtcDetector(), network, network_id)


def speech(voice: str) -> Samples:
    samples, _ = soundfile.read(demo_utterances()[voice, "coffee"].path, dtype="float32")
    return np.asarray(samples, np.float32)


def voicing(detector: TwoStageDetector, samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(probability of speech, of a voice) of each frame."""
    stream, found = detector.stream(), []
    for start in range(0, samples.size - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        found.append((stream.probability(samples[start : start + FRAME_SAMPLES]), stream.voicing()))
    first, second = np.transpose(found)
    return first, second


@pytest.mark.parametrize("gain", [0.02, 1.0])
@pytest.mark.parametrize("voice", VOICES)
def test_speech_has_a_voice_at_any_level(detector: TwoStageDetector, voice: str, gain: float) -> None:
    _, plain = voicing(detector, speech(voice))
    _, heard = voicing(detector, np.asarray(np.round(speech(voice) * gain * 32768) / 32768, np.float32))
    assert np.mean(plain > 0.4) > 0.4
    assert np.mean((heard > 0.4) == (plain > 0.4)) > 0.9


@pytest.mark.parametrize("line", [None, *LINES])
@pytest.mark.parametrize("kind", NON_SPEECH)
def test_other_sounds_have_none(detector: TwoStageDetector, kind: str, line: str | None) -> None:
    """Also by telephone, where they come from."""
    sound = NON_SPEECH[kind](5.0, np.random.default_rng(3))
    _, heard = voicing(detector, sound if line is None else by_line(sound, LINES[line]))
    assert np.mean(heard > 0.4) < (0.03 if line is None else 0.1)


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("voice", VOICES)
def test_speech_has_a_voice_by_telephone(detector: TwoStageDetector, voice: str, line: str) -> None:
    _, plain = voicing(detector, speech(voice))
    _, heard = voicing(detector, by_line(speech(voice), LINES[line]))
    assert np.mean(heard > 0.4) > 0.8 * np.mean(plain > 0.4)


def test_digital_silence_has_none_with_and_without_an_offset(detector: TwoStageDetector) -> None:
    for offset in (0.0, 1e-6, 0.1):
        _, heard = voicing(detector, np.full(16_000, offset, np.float32))
        assert heard.max() < 0.4


def test_streams_do_not_know_of_each_other(detector: TwoStageDetector) -> None:
    audio = speech("slt")
    both = detector.stream(), detector.stream()
    for start in range(0, 100 * FRAME_SAMPLES, FRAME_SAMPLES):
        frame = audio[start : start + FRAME_SAMPLES]
        assert both[0].probability(frame) == both[1].probability(frame)
        assert both[0].voicing() == both[1].voicing()
    fresh = detector.stream()
    fresh.probability(audio[:FRAME_SAMPLES])
    assert fresh.voicing() != both[0].voicing()


def test_its_id_names_both_stages(detector: TwoStageDetector) -> None:
    assert detector.id.startswith("webrtc-2+voicing:")


class OtherFrames:
    id, frame_samples = "other", 512

    def stream(self) -> "OtherFrames":
        return self

    def probability(self, frame: Samples) -> float:
        return 1.0

    def voicing(self) -> float:
        return 1.0


def test_a_first_stage_with_other_frames_is_refused(detector: TwoStageDetector) -> None:
    network: VoicingNetwork = load_voicing(Catalog())[1]
    with pytest.raises(ValueError, match="other frames"):
        TwoStageDetector(OtherFrames(), network, "voicing")


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with the network alone."""
    for name in ("registry.toml", "voicing.npz"):
        shutil.copy(models_folder() / name, tmp_path / name)
    monkeypatch.setenv("STREAMAUTH_MODELS", str(tmp_path))
    return tmp_path


def test_a_file_that_is_not_there_is_missing(copied: Path) -> None:
    (copied / "voicing.npz").unlink()
    with pytest.raises(ModelMissing, match=r"voicing\.npz"):
        load_voicing(Catalog())


def test_a_registry_without_it_is_refused(copied: Path) -> None:
    (copied / "registry.toml").write_text("", "utf-8")
    with pytest.raises(ModelMissing, match="voicing network"):
        load_voicing(Catalog())


def test_another_file_is_damaged(copied: Path) -> None:
    content = bytearray((copied / "voicing.npz").read_bytes())
    content[100] ^= 1
    (copied / "voicing.npz").write_bytes(content)
    with pytest.raises(ModelCorrupt, match="sha256"):
        load_voicing(Catalog())


@pytest.mark.parametrize("change", ["shape", "nan", "gone"])
def test_weights_that_cannot_be_used_are_damaged(copied: Path, change: str) -> None:
    with np.load(copied / "voicing.npz") as arrays:
        weights = {name: arrays[name] for name in arrays.files}
    if change == "shape":
        weights["mean"] = weights["mean"][:-1]
    elif change == "nan":
        weights["output.bias"] = weights["output.bias"] * np.float16("nan")
    else:
        del weights["unit.bias_hh_l0"]
    np.savez(copied / "voicing.npz", **weights)
    content, entry = (copied / "voicing.npz").read_bytes(), read_registry(copied)["voicing"]
    registry = copied / "registry.toml"
    text = registry.read_text("utf-8").replace(entry.sha256, hashlib.sha256(content).hexdigest())
    registry.write_text(text.replace(f"bytes = {entry.bytes}\n", f"bytes = {len(content)}\n"), "utf-8")
    with pytest.raises(ModelCorrupt, match="voicing network"):
        load_voicing(Catalog())
