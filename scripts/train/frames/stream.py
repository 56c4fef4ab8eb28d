"""Runs the exported network on ONNX Runtime: each frame is computed once, and any stretch of them is pooled.

Data path: voiced audio -> mel frames -> **network, new frames only** -> what they add up to, hop by hop -> a window
is a sum of hops -> **embedding**. The network's step is two mel frames, 20 ms; it looks 22 ms ahead. It is here and not
in the package because no trained network is better than the encoder that ships.
"""

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from scripts.train.frames.graph import HEAD
from scripts.train.frames.shape import BANDS, PAIR
from streamauth.core.ports import Embedding, Samples
from streamauth.engines.encoder.ge2e import FRAME_SAMPLES, HOP_SAMPLES, frame_spectra

STEP_SAMPLES = PAIR * HOP_SAMPLES
_MOST_STEPS = 500
"""In one run: the running means cost their square."""
_STATE = ("sums", "hidden", "cell")
_LEAST_VARIANCE = 1e-4

Array = NDArray[np.float32]
State = dict[str, Array]
Sums = NDArray[np.float64]
"""What the frames of a stretch add up to, shape (1 + 2 * width,): their weights, the weighted sum of what the last
layer gives for each, and that of its squares. Sums of stretches that follow each other are added."""


class FrameNetwork:
    """The network of a file, and the layers behind the pooling. It has no state: any number of threads may call it.

    Args:
        content: The file.
    """

    def __init__(self, content: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._runtime = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        shapes = {tensor.name: tensor.shape for tensor in self._runtime.get_inputs()}
        self._sums: int = shapes["sums"][1]
        self._layers: int = shapes["hidden"][0]
        self._width: int = shapes["hidden"][2]
        silence = {"mels": np.zeros((1, 1, PAIR * BANDS), np.float32), **self.begin()}
        mean, mean_bias, deviation, project, project_bias = self._runtime.run(list(HEAD), silence)
        self._voice: Array = np.concatenate((mean, deviation), axis=1).T.copy()
        self._voice_bias: Array = mean_bias
        self._project: Array = project.T.copy()
        self._project_bias: Array = project_bias

    def begin(self) -> State:
        """The state of a stream of which nothing was heard."""
        layers = np.zeros((self._layers, 1, self._width), np.float32)
        return {"sums": np.zeros((1, self._sums), np.float32), "hidden": layers, "cell": layers}

    def run(self, mels: Array, state: State) -> tuple[Sums, State]:
        """Work on the next frames of a stream.

        Args:
            mels: Shape (1, steps, 80).
            state: Of the stream so far.

        Returns:
            What the frames add up to, and the state behind them.
        """
        total = np.zeros(1 + 2 * self._width)
        outputs = ["frames", "weights", *(f"{name}_out" for name in _STATE)]
        for at in range(0, mels.shape[1], _MOST_STEPS):
            frames, weights, *kept = self._runtime.run(outputs, {"mels": mels[:, at : at + _MOST_STEPS], **state})
            state = dict(zip(_STATE, kept, strict=True))
            both = np.concatenate((frames[0], np.square(frames[0])), axis=1)
            total[0] += weights.sum(dtype=np.float64)
            total[1:] += weights[0, :, 0].astype(np.float64) @ both
        return total, state

    def embed(self, sums: Sums) -> Embedding:
        """The unit-length embedding, shape (dim,), of a stretch of at least one step."""
        mean, square = np.split(sums[1:] / sums[0], 2)
        deviation = np.sqrt(np.maximum(square - np.square(mean), 0) + _LEAST_VARIANCE)
        pooled = np.concatenate((mean, deviation)).astype(np.float32)
        voice = np.maximum(pooled @ self._voice + self._voice_bias, 0) @ self._project + self._project_bias
        return np.asarray(voice / np.linalg.norm(voice), np.float32)


class FrameStream:
    """What is kept of one stream: the network's state, and less audio than two frames take.

    Args:
        network: The shared network.
    """

    def __init__(self, network: FrameNetwork) -> None:
        self._network = network
        self._state = network.begin()
        # the first frame is centred on the first sample
        self._tail: Samples = np.zeros(FRAME_SAMPLES // 2, np.float32)

    def pool(self, voiced: Samples) -> Sums:
        """What the frames of the next voiced audio, shape (n,), add up to.

        A frame that reaches beyond it comes with the next audio.

        Raises:
            ValueError: The audio is not finite: it would stay in the state for ever.
        """
        if not np.isfinite(voiced).all():
            raise ValueError("audio must be finite")
        heard = np.concatenate((self._tail, voiced))
        steps = max(0, (heard.size - FRAME_SAMPLES + HOP_SAMPLES) // STEP_SAMPLES)
        self._tail = heard[steps * STEP_SAMPLES :]
        mels = np.zeros((1, 0, PAIR * BANDS), np.float32)
        if steps:
            needed = heard[: (2 * steps - 1) * HOP_SAMPLES + FRAME_SAMPLES]
            mels = frame_spectra(needed[None]).reshape(1, steps, PAIR * BANDS)
        sums, self._state = self._network.run(mels, self._state)
        return sums
