"""Exports the GE2E speaker encoder of Resemblyzer and its noise-robust student to ONNX files in models/.

    pip install -e '.[build]' resemblyzer==0.1.4
    python -m scripts.train.ge2e.export                    write ge2e.onnx, print the registry's entry
    python -m scripts.train.ge2e.export --student FILE     write ge2e-noise.onnx from the output of finish.py
    python -m scripts.train.ge2e.export --small-student    write ge2e-noise-int8.onnx from ge2e-noise.onnx
    python -m scripts.train.ge2e.export --parity FOLDER    compare with the original on a folder; exit 1 if apart
    python -m scripts.train.ge2e.export --goldens FOLDER   write what the original gives into tests/data/golden

The graph is written node by node from the weights, so that the same versions give the same bytes.
"""

import argparse
import base64
import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import onnx
import resemblyzer
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from resemblyzer.audio import normalize_volume, preprocess_wav, wav_to_mel_spectrogram

from scripts.train.ge2e.network import HIDDEN, LAYERS, Array
from scripts.train.ge2e.onnx_layers import Constants, lstm_constants, student_weights, view_constants, views
from streamauth.catalog.registry import EncoderEntry
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.engines.encoder import ge2e
from streamauth.engines.encoder.onnx import OnnxEncoder, self_test_signal
from streamauth.engines.encoder.self_test import encoded

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "models"
GOLDENS = ROOT / "tests" / "data" / "golden"
WEIGHTS = Path(resemblyzer.__file__).parent / "pretrained.pt"
WINDOW_SAMPLES, MIN_SAMPLES = 25_600, 12_800
RECIPE = "ge2e-mel-1"
SOURCE = "Resemblyzer 0.1.4, VoiceEncoder, pretrained.pt"
STUDENT_SOURCE = f"{SOURCE}, trained further by scripts/train/ge2e/train.py"
IN_8_BITS = "weights of the second and third LSTM layer in 8 bits"
LEAST_COSINE, LARGEST_MEL_DIFFERENCE = 0.9999, 1e-4
# pitch in Hz, samples and gain of the golden signals
SIGNALS = ((110, 12_800, 0.05), (150, 25_600, 1.0), (220, 25_600, 3.0))
GOLDEN_CLIPS, GOLDEN_FROM = 10, 16_000


def graph(weights: dict[str, Array], half: bool = False) -> onnx.ModelProto:
    """The encoder as ONNX: ``mels`` (batch, frames, 40) to ``embedding`` (batch, 256) of unit length.

    Args:
        weights: By PyTorch's names. A first layer of more than 40 inputs sees logarithms as well, as in
            ``encoder_network.Network``; ``centre`` and ``whitening`` are those of ``finish_encoder.normalization``.
        half: Keep the weights in 16 bits; the runtime makes 32 of them when it loads.
    """

    constants: Constants = {"axis_0": np.array([0]), "axis_1": np.array([1])}
    nodes, seen = [], "mels"
    if weights["lstm.weight_ih_l0"].shape[1] > ge2e.BANDS:
        seen = "mels_and_logs"
        constants |= view_constants()
        mean = helper.make_node("ReduceMean", ["logs"], ["logs_mean"], "mean_over_time", axes=[1])
        nodes += views("mels", seen, mean)
    # the runtime's LSTM wants time first
    nodes.append(helper.make_node("Transpose", [seen], ["x0"], "time_first", perm=[1, 0, 2]))
    for k in range(LAYERS):
        constants |= lstm_constants(weights, k)
        last = k == LAYERS - 1
        inputs, outputs = [f"x{k}", f"w{k}", f"r{k}", f"b{k}"], ["", "last"] if last else [f"y{k}"]
        nodes.append(helper.make_node("LSTM", inputs, outputs, f"lstm_{k}", hidden_size=HIDDEN))
        if not last:
            nodes.append(helper.make_node("Squeeze", [f"y{k}", "axis_1"], [f"x{k + 1}"], f"one_direction_{k}"))
    constants |= {"linear_w": weights["linear.weight"], "linear_b": weights["linear.bias"]}
    nodes += [
        helper.make_node("Squeeze", ["last", "axis_0"], ["hidden"], "last_state"),
        helper.make_node("Gemm", ["hidden", "linear_w", "linear_b"], ["raw"], "linear", transB=1),
        helper.make_node("Relu", ["raw"], ["positive"], "relu"),
        helper.make_node("LpNormalization", ["positive"], ["embedding"], "unit_length", axis=1, p=2),
    ]
    if "whitening" in weights:
        constants |= {name: weights[name] for name in ("centre", "whitening")}
        nodes[-1].output[:] = ["voice"]
        nodes += [
            helper.make_node("Sub", ["voice", "centre"], ["apart"], "less_mean_voice"),
            helper.make_node("MatMul", ["apart", "whitening"], ["whitened"], "within_class_covariance"),
            helper.make_node("LpNormalization", ["whitened"], ["embedding"], "unit_length_again", axis=1, p=2),
        ]
    if half:
        for name in [name for name, value in constants.items() if value.size > HIDDEN]:
            constants[f"{name}_half"] = constants.pop(name).astype(np.float16)
            nodes.insert(0, helper.make_node("Cast", [f"{name}_half"], [name], f"{name}_whole", to=TensorProto.FLOAT))
    body = helper.make_graph(
        nodes,
        "ge2e",
        [helper.make_tensor_value_info("mels", TensorProto.FLOAT, ["batch", "frames", ge2e.BANDS])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", HIDDEN])],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(body, opset_imports=[opset], ir_version=9, producer_name="streamauth")
    onnx.checker.check_model(model, full_check=True)
    return model


def write(model: onnx.ModelProto, path: Path, precision: str, source: str = SOURCE) -> None:
    """Write a model with its provenance, and print what the registry must say of it."""
    properties = {
        "source": source,
        "weights_sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
        "licence": "Apache-2.0",
        "copyright": "Copyright 2019 Resemble.AI",
        "sample_rate_hz": str(SAMPLE_RATE_HZ),
        "features": RECIPE,
        "dim": str(HIDDEN),
        "window_samples": str(WINDOW_SAMPLES),
        "min_samples": str(MIN_SAMPLES),
        "precision": precision,
    }
    helper.set_model_props(model, properties)
    content = model.SerializeToString(deterministic=True)
    path.write_bytes(content)
    test = encoder(path).embed(self_test_signal(WINDOW_SAMPLES)[None])[0]
    print(f'[{path.stem}]\nbytes = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"')
    print(f'self_test = "{base64.b64encode(test.astype("<f2").tobytes()).decode()}"')
    references = ", ".join(f'"{encoded(each)}"' for each in encoder(path).reference_embeddings(content))
    print(f"references = [{references}]\n")


def export() -> None:
    """Write the encoder."""
    state = torch.load(WEIGHTS, map_location="cpu", weights_only=True)["model_state"]
    write(graph({name: value.numpy() for name, value in state.items()}), MODELS / "ge2e.onnx", "float32")


def in_8_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network with 8-bit weights in the second and third LSTM layer: they are what a run waits for.

    The first layer stays in float: power spectra span too many decades for 8 bits.
    """
    with tempfile.TemporaryDirectory() as folder:
        full, small = Path(folder) / "full.onnx", Path(folder) / "small.onnx"
        onnx.save(model, full)
        quantize_dynamic(
            full,
            small,
            weight_type=QuantType.QUInt8,
            per_channel=True,
            nodes_to_exclude=["lstm_0", "linear", "within_class_covariance"],
        )
        return unsigned(onnx.load(small))


def unsigned(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same numbers with the zero at 128, because products of signed weights overflow on processors without VNNI.

    The quantizer makes signed weights of an LSTM whatever it is asked for.
    """
    quantized = [node for node in model.graph.node if node.op_type == "DynamicQuantizeLSTM"]
    weights_and_zeros = {node.input[k] for node in quantized for k in (1, 2, 9, 11)}
    for constant in model.graph.initializer:
        values = numpy_helper.to_array(constant)
        if constant.name in weights_and_zeros and values.dtype == np.int8:
            constant.CopyFrom(numpy_helper.from_array((values.astype(np.int16) + 128).astype(np.uint8), constant.name))
    return model


def export_student(weights: Path) -> None:
    """Write the student."""
    with np.load(weights) as found:
        model = graph(dict(found), half=True)
    write(model, MODELS / "ge2e-noise.onnx", "weights in 16 bits, arithmetic in 32", STUDENT_SOURCE)


def export_small_student() -> None:
    """Write the student that ships with 8-bit weights."""
    model = in_8_bits(graph(student_weights()))
    write(model, MODELS / "ge2e-noise-int8.onnx", IN_8_BITS, STUDENT_SOURCE)


def encoder(path: Path) -> OnnxEncoder:
    """The product's encoder over an exported file, whatever the registry says of it."""

    class Untested(OnnxEncoder):
        def _test(self, entry: EncoderEntry) -> None:
            pass

    content = path.read_bytes()
    entry = EncoderEntry(
        name=path.stem, file=path.name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), licence="",
        source="", language="", sample_rate_hz=SAMPLE_RATE_HZ, description="", features=RECIPE, dim=HIDDEN,
        window_samples=WINDOW_SAMPLES, min_samples=MIN_SAMPLES, max_batch=1, self_test="",
    )  # fmt: skip
    return Untested(entry, content)


def original_network() -> Any:
    """Resemblyzer's own encoder, on one thread."""
    torch.set_num_threads(1)
    return resemblyzer.VoiceEncoder("cpu", verbose=False)


def original(network: Any, windows: Array) -> Array:
    """What Resemblyzer's own functions give for windows, shape (batch, samples), each brought to the level."""
    frames = windows.shape[1] // ge2e.HOP_SAMPLES
    mels = [wav_to_mel_spectrogram(normalize_volume(w.astype(np.float64), ge2e.LEVEL_DBFS))[:frames] for w in windows]
    with torch.no_grad():
        return np.asarray(network(torch.from_numpy(np.stack(mels))).numpy(), np.float32)


def clips(folder: Path) -> list[tuple[str, Array]]:
    """(file name, samples at 16 kHz) of a folder, by name."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".flac", ".wav"))
    return [(path.name, librosa.load(path, sr=SAMPLE_RATE_HZ)[0]) for path in paths]


def parity(folder: Path) -> bool:
    """Compare with the original on every recording of a folder; print the worst differences."""
    network = original_network()
    ours = encoder(MODELS / "ge2e.onnx")
    mel_difference, as_resemblyzer, as_product, windows_seen = 0.0, 1.0, 1.0, 0
    recordings = clips(folder)
    for _, audio in recordings:
        theirs = wav_to_mel_spectrogram(audio)
        difference = np.abs(ge2e.mel_spectra(audio[None])[0] - theirs) / np.maximum(theirs, np.finfo(np.float32).tiny)
        mel_difference = max(mel_difference, float(difference.max()))

        # the whole of Resemblyzer: its level, its voice activity detection, its partial utterances
        speech = preprocess_wav(audio)
        _, partials, slices = network.embed_utterance(speech, return_partials=True)
        padded = np.pad(speech, (0, max(0, slices[-1].stop - speech.size)))
        mels = ge2e.mel_spectra(padded[None])[0]
        cut = np.stack([mels[part.start // ge2e.HOP_SAMPLES : part.stop // ge2e.HOP_SAMPLES] for part in slices])
        (embeddings,) = ours._session.run(None, {"mels": cut})
        as_resemblyzer = min(as_resemblyzer, float(np.sum(embeddings * partials, axis=1).min()))

        # windows as the product embeds them
        for size in (MIN_SAMPLES, WINDOW_SAMPLES):
            windows = audio[: audio.size // size * size].reshape(-1, size)
            windows = windows[np.abs(windows).max(axis=1) > 0]
            windows_seen += len(windows)
            as_product = min(as_product, float(np.sum(ours.embed(windows) * original(network, windows), axis=1).min()))
    print(f"{len(recordings)} recordings, {windows_seen} windows")
    print(f"largest relative mel difference      {mel_difference:.2e}  (at most {LARGEST_MEL_DIFFERENCE:.0e})")
    print(f"least cosine, partial utterances     {as_resemblyzer:.7f} (at least {LEAST_COSINE})")
    print(f"least cosine, windows of the product {as_product:.7f} (at least {LEAST_COSINE})")
    return mel_difference <= LARGEST_MEL_DIFFERENCE and min(as_resemblyzer, as_product) >= LEAST_COSINE


def goldens(folder: Path) -> None:
    """Write what the original gives for fixed signals and for some recordings of a folder."""
    network = original_network()
    GOLDENS.mkdir(parents=True, exist_ok=True)
    synthetic: dict[str, Any] = {"signals": np.array(SIGNALS)}
    for index, (pitch, samples, gain) in enumerate(SIGNALS):
        signal = np.float32(gain) * self_test_signal(samples, pitch)
        synthetic[f"mels_{index}"] = wav_to_mel_spectrogram(signal)
        synthetic[f"embedding_{index}"] = original(network, signal[None])[0]
    np.savez_compressed(GOLDENS / "ge2e_synthetic.npz", **synthetic)
    long = [(name, audio) for name, audio in clips(folder) if audio.size >= GOLDEN_FROM + WINDOW_SAMPLES]
    chosen = long[:: max(1, len(long) // GOLDEN_CLIPS)][:GOLDEN_CLIPS]
    windows = np.stack([audio[GOLDEN_FROM : GOLDEN_FROM + WINDOW_SAMPLES] for _, audio in chosen])
    np.savez_compressed(
        GOLDENS / "ge2e_librispeech.npz",
        names=np.array([name for name, _ in chosen]),
        start=np.array(GOLDEN_FROM),
        embeddings=original(network, windows),
    )


def main() -> int:
    """Do what the options say; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", type=Path, metavar="FILE")
    parser.add_argument("--small-student", action="store_true")
    parser.add_argument("--parity", type=Path, metavar="FOLDER")
    parser.add_argument("--goldens", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    if arguments.parity:
        return 0 if parity(arguments.parity) else 1
    if arguments.student:
        export_student(arguments.student)
    elif arguments.small_student:
        export_small_student()
    elif arguments.goldens:
        goldens(arguments.goldens)
    else:
        export()
    return 0


if __name__ == "__main__":
    sys.exit(main())
