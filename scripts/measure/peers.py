"""CPU per second of speech, on the same stream: the product, and what a user would build with sherpa-onnx.

    pip install webrtcvad-wheels torch librosa onnx sherpa-onnx && pip install --no-deps resemblyzer
    python -m scripts.measure.peers [--runs 3] [--json]

Each peer runs in a process of its own on one core with one thread, on the same minute of synthetic speech in chunks of
30 ms; CPU time counts from the first chunk on, models loaded. The least of some runs is printed: other work on the
machine only adds. A voice is looked at every 0.4 s over the last 1.6 s of voiced audio.

| peer | what it is |
|---|---|
| assembly | py-webrtcvad; Resemblyzer's ``embed_utterance``, as its examples do; Vosk with a grammar of the phrase |
| sherpa | py-webrtcvad; sherpa-onnx's speaker embedding; Vosk likewise |
| ours | a continuous verification session; with words, one verification after another, each until it decides |

sherpa-onnx runs a network of random weights, for cost alone: separable convolutions with 5 million weights, which is
about the smallest of the speaker encoders on its release page. Vosk has the same model folder everywhere. The others
neither check words by sound nor calibrate scores nor judge quality.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from scripts.measure.benchmark import speech
from streamauth.catalog.registry import Catalog
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.core.sessions.base import SessionState
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.continuous import ContinuousSession
from streamauth.core.sessions.verification import VerificationSession
from streamauth.demo_data import demo_utterances
from streamauth.engines.loader import Engines
from streamauth.settings import DecisionSettings, Settings

CHUNK = 480
HOP, WINDOW = 6_400, 25_600
PHRASE = "please open the door and let me come in"
PEERS = ("assembly", "sherpa", "ours")
CASES = {"voice": False, "voice and phrase": True}
WIDTH, BLOCKS, POOLED, DIM = 512, 12, 1_500, 256
"""Of the network of random weights."""
PHRASES_S = 60

Int16 = NDArray[np.int16]
Embed = Callable[[NDArray[np.float32]], object]


def assembled(embed: Embed, with_words: bool) -> Callable[[Int16], None]:
    """A detector, a speaker embedding at each hop, and Vosk, put together by hand."""
    import vosk
    import webrtcvad

    recognizer: Any = None
    if with_words:
        vosk.SetLogLevel(-1)
        model = vosk.Model(str(Catalog().recognizer_folder("vosk-en")))
        recognizer = vosk.KaldiRecognizer(model, SAMPLE_RATE_HZ, json.dumps([PHRASE, "[unk]"]))

    def run(audio: Int16) -> None:
        detector = webrtcvad.Vad(2)
        heard, since = np.zeros(0, np.int16), 0
        for at in range(0, audio.size - CHUNK + 1, CHUNK):
            chunk = audio[at : at + CHUNK]
            if recognizer is not None and recognizer.AcceptWaveform(chunk.tobytes()):
                recognizer.Result()
            if detector.is_speech(chunk.tobytes(), SAMPLE_RATE_HZ):
                heard = np.concatenate((heard, chunk))[-WINDOW:]
                since += CHUNK
                if since >= HOP and heard.size == WINDOW:
                    since = 0
                    embed(np.asarray(heard / np.float32(32768), np.float32))
        if recognizer is not None:
            recognizer.FinalResult()

    return run


def resemblyzer() -> Embed:
    """Resemblyzer's encoder."""
    import torch
    from resemblyzer import VoiceEncoder

    torch.set_num_threads(1)
    network = VoiceEncoder("cpu", verbose=False)
    return lambda window: network.embed_utterance(window)


def sherpa() -> Embed:
    """sherpa-onnx's extractor with a network of random weights."""
    import sherpa_onnx

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.onnx"
        path.write_bytes(random_network())
        config = sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=str(path), num_threads=1)
        extractor = sherpa_onnx.SpeakerEmbeddingExtractor(config)

    def embed(window: NDArray[np.float32]) -> object:
        stream = extractor.create_stream()
        stream.accept_waveform(SAMPLE_RATE_HZ, window)
        stream.input_finished()
        return extractor.compute(stream)

    return embed


def random_network() -> bytes:
    """Separable convolutions over 80 bands at 100 frames/s, mean pooling, projection; with sherpa-onnx's metadata."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weights = {
        "first": rng.standard_normal((WIDTH, 80, 3)) / 16,
        "wide": rng.standard_normal((POOLED, WIDTH, 1)) / 23,
        "last": rng.standard_normal((POOLED, DIM)) / 39,
    }
    nodes = [
        helper.make_node("Transpose", ["x"], ["bands"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["bands", "first"], ["y0"], pads=[1, 1]),
    ]
    for k in range(BLOCKS):
        weights[f"depth{k}"] = rng.standard_normal((WIDTH, 1, 7)) / 3
        weights[f"point{k}"] = rng.standard_normal((WIDTH, WIDTH, 1)) / 23
        nodes += [
            helper.make_node("Conv", [f"y{k}", f"depth{k}"], [f"d{k}"], pads=[3, 3], group=WIDTH),
            helper.make_node("Conv", [f"d{k}", f"point{k}"], [f"p{k}"]),
            helper.make_node("Relu", [f"p{k}"], [f"y{k + 1}"]),
        ]
    nodes += [
        helper.make_node("Conv", [f"y{BLOCKS}", "wide"], ["frames"]),
        helper.make_node("ReduceMean", ["frames"], ["pooled"], axes=[2], keepdims=0),
        helper.make_node("MatMul", ["pooled", "last"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "random",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", "T", 80])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", DIM])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    metadata = {
        "framework": "wespeaker",
        "language": "English",
        "url": "",
        "comment": "",
        "sample_rate": str(SAMPLE_RATE_HZ),
        "output_dim": str(DIM),
        "normalize_samples": "0",
    }
    helper.set_model_props(model, metadata)
    return bytes(model.SerializeToString())


def ours(with_words: bool) -> Callable[[Int16], None]:
    """Sessions of the product, as long as there is audio."""
    long = DecisionSettings(max_speech_s=600, max_time_s=3600, target_far=0.5)
    settings = Settings() if with_words else Settings(decision=long)
    models = Engines(settings).models(with_words=with_words)
    own = models.encoder.embed((speech()[: models.encoder.window_samples] / 32768).astype(np.float32)[None])[0]
    claim = Claim(own, tuple(PHRASE.split()) if with_words else None)
    make = VerificationSession if with_words else ContinuousSession

    def run(audio: Int16) -> None:
        session = make(claim, AudioFormat(SAMPLE_RATE_HZ), models, settings)
        for at in range(0, audio.size, CHUNK):
            session.receive_audio(audio[at : at + CHUNK])
            session.events()
            if session.error is not None:
                raise session.error
            if with_words and session.state is SessionState.DECIDED:
                session.close()
                session = make(claim, AudioFormat(SAMPLE_RATE_HZ), models, settings)
        session.receive_end()
        session.close()

    return run


def phrases() -> Int16:
    """The phrase and others, again and again, by the voices that travel with the package."""
    clips = [soundfile.read(clip.path, dtype="int16")[0] for _, clip in sorted(demo_utterances().items())]
    pause = np.zeros(SAMPLE_RATE_HZ // 2, np.int16)
    joined = np.concatenate([part for clip in clips for part in (clip, pause)])
    return joined[: PHRASES_S * SAMPLE_RATE_HZ]


def cost(peer: str, case: str, runs: int) -> float:
    """CPU seconds for a second of audio, in this process."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with_words = CASES[case]
    if peer == "ours":
        run = ours(with_words)
    else:
        run = assembled({"assembly": resemblyzer, "sherpa": sherpa}[peer](), with_words)
    audio = phrases() if with_words else speech()
    times = []
    for _ in range(runs):
        began = process_time()
        run(audio)
        times.append(process_time() - began)
    return min(times) * SAMPLE_RATE_HZ / audio.size


def main() -> None:
    """Measure each in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("PEER", "CASE"), help="only this, in this process")
    options = parser.parse_args()
    if options.one:
        peer, case = options.one
        print(json.dumps(cost(peer, case, options.runs)))
        return
    found: dict[str, dict[str, float]] = {}
    for case in CASES:
        for peer in PEERS:
            command = [sys.executable, "-m", "scripts.measure.peers", "--one", peer, case, "--runs", str(options.runs)]
            alone = {**os.environ, "OMP_NUM_THREADS": "1"}
            text = subprocess.run(command, check=True, capture_output=True, text=True, env=alone).stdout
            found.setdefault(case, {})[peer] = float(text.splitlines()[-1])
    if options.json:
        print(json.dumps(found))
        return
    print("| CPU seconds per second of speech | " + " | ".join(PEERS) + " | assembly / ours | sherpa / ours |")
    print("|---" * (len(PEERS) + 3) + "|")
    for case, values in found.items():
        cells = [f"{values[peer]:.4f}" for peer in PEERS]
        cells += [f"{values[peer] / values['ours']:.1f}" for peer in PEERS[:2]]
        print(f"| {case} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
