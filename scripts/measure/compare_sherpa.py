"""Compares the features that sherpa-onnx feeds to public encoders with those that they were trained on.

python -m venv FOLDER
FOLDER/bin/pip install sherpa-onnx onnx onnxruntime numpy kaldi-native-fbank soxr platformdirs
FOLDER/bin/python -m scripts.measure.compare_sherpa

A network that gives its features back is run by sherpa-onnx and by the product's feature recipe, on the same sound.
"""

import sys
import tempfile
from pathlib import Path

import kaldi_native_fbank
import numpy as np
import onnxruntime
import sherpa_onnx
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from streamauth.core.ports import SAMPLE_RATE_HZ  # noqa: E402
from streamauth.engines.encoder.recipes import RECIPES  # noqa: E402
from streamauth.engines.encoder.self_test import self_test_signal  # noqa: E402
from tests.catalog import making  # noqa: E402

SAMPLES = 2 * SAMPLE_RATE_HZ
BANDS = 80
Features = NDArray[np.float32]


def of_sherpa(sound: NDArray[np.float32], model: bytes) -> Features:
    """What sherpa-onnx feeds to a network, shape (frames, bands)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "identity.onnx"
        path.write_bytes(model)
        extractor = sherpa_onnx.SpeakerEmbeddingExtractor(sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=str(path)))
        stream = extractor.create_stream()
        stream.accept_waveform(SAMPLE_RATE_HZ, sound)
        stream.input_finished()
        return np.asarray(extractor.compute(stream), np.float32).reshape(-1, BANDS)


def of_ours(sound: NDArray[np.float32], model: bytes, recipe: str) -> Features:
    """What the product feeds to it."""
    network = onnxruntime.InferenceSession(model)
    (features,) = network.run(None, {"x": RECIPES[recipe]({}).features(sound[None])})
    return np.asarray(features, np.float32).reshape(-1, BANDS)


def as_sherpa(sound: NDArray[np.float32], *, scale: float, centred: bool) -> Features:
    """Our account of what sherpa-onnx does, by kaldi-native-fbank."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = BANDS
    options.mel_opts.high_freq = -400
    bank = kaldi_native_fbank.OnlineFbank(options)
    bank.accept_waveform(SAMPLE_RATE_HZ, sound * np.float32(scale))
    bank.input_finished()
    features = np.array([bank.get_frame(index) for index in range(bank.num_frames_ready)], np.float32)
    return features - features.mean(axis=0) if centred else features


def main() -> None:
    """Print the differences."""
    sound = self_test_signal(SAMPLES)
    print(f"sherpa-onnx {sherpa_onnx.__version__}, {SAMPLES / SAMPLE_RATE_HZ:.0f} s of sound")
    for recipe, metadata, scale, centred in (
        ("wespeaker-fbank-1", making.wespeaker_metadata, 32768.0, False),
        ("3dspeaker-fbank-1", making.three_d_speaker_metadata, 1.0, True),
    ):
        frames = SAMPLES // 160
        model = making.identity(metadata(frames * BANDS))
        theirs, ours = of_sherpa(sound, model), of_ours(sound, model, recipe)
        account = as_sherpa(sound, scale=scale, centred=centred)
        both = min(len(theirs), len(ours))
        print(f"{recipe}: sherpa-onnx {theirs.shape}, ours {ours.shape}")
        print(f"  largest difference of sherpa-onnx to our account of it: {np.abs(theirs - account).max():.2g} nats")
        distance = np.sqrt(np.mean(np.square(theirs[:both] - ours[:both])))
        print(f"  RMS distance to ours, frame by frame: {distance:.2f} nats")
        print(f"  mean of its features, which ours have not: {theirs.mean():.2f} nats")


if __name__ == "__main__":
    main()
