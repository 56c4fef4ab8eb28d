"""Writes the frame-wise encoder as an ONNX file.

    python -m scripts.train.frames.export CHECKPOINT.pt [CHECKPOINT.pt ...] models/NAME.onnx

The mean of the averaged weights of the checkpoints is written, and what the registry must say of the file is printed.
"""

import argparse
import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import helper

from scripts.train.frames.graph import graph
from scripts.train.frames.network import Network
from scripts.train.frames.shape import BANDS, DIM, HIDDEN, LAYERS, PAIR
from scripts.train.frames.stream import FrameNetwork, FrameStream
from streamauth.engines.encoder.self_test import self_test_signal

WINDOW_SAMPLES = 25_600
RECIPE = "ge2e-mel-frames-1"
"""GE2E's mel powers of audio as it is, two frames a step."""
MOST_DIFFERENCE = 2e-3
"""Between PyTorch's and the file's frames, which lie in -1 to 1; the weights differ in their precision."""
_BLOCK = 7
PROPERTIES = {
    "source": "Resemblyzer 0.1.4, pretrained.pt, trained further by scripts/train/ge2e and scripts/train/frames",
    "licence": "Apache-2.0",
    "copyright": "Copyright 2019 Resemble.AI",
    "sample_rate_hz": "16000",
    "features": RECIPE,
    "dim": str(DIM),
    "precision": "weights in 16 bits, arithmetic in 32",
}


def averaged(checkpoints: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """The mean of the averaged weights of checkpoints, by the names of ``network.Network``."""
    kept = [torch.load(path, map_location="cpu", weights_only=False)["ema"] for path in checkpoints]
    return {name: np.mean([one[name].float().numpy() for one in kept], axis=0) for name in kept[0]}


def difference(weights: dict[str, NDArray[Any]], content: bytes) -> float:
    """The most that the file's frames, some at a time, differ from PyTorch's, all at once."""
    network = Network(weights["bandwidths"])
    network.load_state_dict({name: torch.from_numpy(np.asarray(value)) for name, value in weights.items()})
    mels = np.square(np.random.default_rng(0).standard_normal((1, 60, PAIR * BANDS), np.float32)) / 100
    with torch.no_grad():
        expected = network(torch.from_numpy(mels), network.begin(1))[0].hidden.numpy()
    file = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    nothing = np.zeros((LAYERS, 1, HIDDEN), np.float32)
    state, found = [np.zeros((1, BANDS + 2), np.float32), nothing, nothing], []
    for at in range(0, mels.shape[1], _BLOCK):
        fed = dict(zip(("mels", "sums", "hidden", "cell"), (mels[:, at : at + _BLOCK], *state), strict=True))
        frames, *state = file.run(["frames", "sums_out", "hidden_out", "cell_out"], fed)
        found.append(frames)
    return float(np.abs(np.concatenate(found, axis=1) - expected).max())


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("model", type=Path)
    options = parser.parse_args()
    weights = averaged(options.checkpoints)
    model = graph(weights)
    helper.set_model_props(model, PROPERTIES)
    content = model.SerializeToString(deterministic=True)
    apart = difference(weights, content)
    if not apart <= MOST_DIFFERENCE:
        raise SystemExit(f"The file gives other frames than the network: {apart:.5f}.")
    options.model.write_bytes(content)
    network = FrameNetwork(content)
    voice = network.embed(FrameStream(network).pool(self_test_signal(WINDOW_SAMPLES)))
    print(f"frames differ by {apart:.6f} at most")
    print(f'bytes = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"')
    print(f'self_test = "{base64.b64encode(voice.astype("<f2").tobytes()).decode()}"')


if __name__ == "__main__":
    main()
