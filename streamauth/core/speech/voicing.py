"""Does sound that the voice activity detector takes for speech carry a voice? A small recurrent network tells.

Data path: frames -> voice activity -> **voicing** -> segmentation.

The WebRTC detector looks at energy in six bands, so that it takes tones, music and many noises for speech. Here each
frame of 30 ms gives a spectrum and how periodic it is, and a gated recurrent unit (K. Cho et al., "Learning phrase
representations using RNN encoder-decoder", EMNLP 2014) follows how these move: a voice glides and changes its sounds,
a tone does not, and noise has no period. ``scripts/train/voicing.py`` makes the weights.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples

FRAME_SAMPLES = 480
BANDS = 32
FEATURES = BANDS + 3

_FFT = 1024
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 7600.0
_LAGS = slice(SAMPLE_RATE_HZ // 400, SAMPLE_RATE_HZ // 66)
_FLOOR = 1e-9  # of the power of a bin: under the noise of 16-bit samples
LEVEL_MEMORY = 0.97
"""How much of the mean level stays with each frame of 30 ms: it follows within a second."""

Array = NDArray[np.float32]


def _triangles() -> NDArray[np.float64]:
    """Weights of the bands, equally wide on the mel scale, shape (bins, BANDS)."""

    def mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return np.asarray(1127 * np.log1p(np.asarray(hertz) / 700))

    edges = np.linspace(mel(_LOWEST_HZ), mel(_HIGHEST_HZ), BANDS + 2)
    bins = mel(np.arange(_FFT // 2 + 1) * SAMPLE_RATE_HZ / _FFT)[:, None]
    rising, falling = (bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:]
    return np.maximum(0, np.minimum(rising, falling))


_WINDOW = np.hanning(FRAME_SAMPLES)
_BANDS = _triangles()
_WINDOW_LAGS = np.fft.irfft(np.abs(np.fft.rfft(_WINDOW, _FFT)) ** 2)[_LAGS]
_WINDOW_LAGS = _WINDOW_LAGS / float(np.sum(_WINDOW**2))


# np.clip and mean do the same as minimum, maximum and reduce, and take longer for it than one frame's arithmetic


def spectra(frames: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What single frames tell, whatever their level.

    Args:
        frames: Shape (frames, FRAME_SAMPLES).

    Returns:
        Shape (frames, FEATURES - 1): log power of the bands about their mean, how periodic the frame is, in [-1, 1]
        (maximum of the normalized autocorrelation from 66 to 400 Hz), and log of the period in samples. And the
        level, in nats, shape (frames,).
    """
    # the mean of digital silence, however small, would look like a period
    moving = frames - np.add.reduce(frames, axis=1, keepdims=True) / np.float32(FRAME_SAMPLES)
    power = np.abs(np.fft.rfft(moving * _WINDOW, _FFT)) ** 2
    bands = np.log(power @ _BANDS + _FLOOR)
    level = np.add.reduce(bands, axis=1) / BANDS
    correlation = np.fft.irfft(power)[:, : _LAGS.stop]
    normalized = correlation[:, _LAGS] / (_WINDOW_LAGS * (correlation[:, :1] + _FLOOR))
    periodic = np.minimum(np.maximum(normalized.max(axis=1, keepdims=True), -1), 1)
    period = np.log(normalized.argmax(axis=1) + _LAGS.start)[:, None]
    return np.concatenate([bands - level[:, None], periodic, period], axis=1), level


@dataclass(frozen=True, eq=False)
class VoicingNetwork:
    """The network; it has no state, so that all streams share it.

    Attributes:
        mean: Of the features, shape (FEATURES,).
        scale: One over their standard deviation, likewise.
        input: Weights and bias of the layer before the unit, shapes (hidden, FEATURES) and (hidden,).
        gates: Weights of the unit's reset, update and new gate for what comes in, and their biases, shapes
            (3 * hidden, hidden) and (3 * hidden,).
        memory: The same for its own state.
        output: Weights and bias of the probability's logit, shapes (hidden,) and ().
    """

    mean: Array
    scale: Array
    input: tuple[Array, Array]
    gates: tuple[Array, Array]
    memory: tuple[Array, Array]
    output: tuple[Array, Array]

    def stream(self) -> "VoicingStream":
        """State for one new stream."""
        return VoicingStream(self)


class VoicingStream:
    """Voicing of one stream."""

    def __init__(self, network: VoicingNetwork) -> None:
        self._network = network
        self._state = np.zeros(network.output[0].shape, np.float32)
        self._level: float | None = None

    def probability(self, frame: Samples) -> float:
        """Probability in [0, 1] that there is a voice at the end of the next frame, shape (FRAME_SAMPLES,)."""
        net = self._network
        shape, (level,) = spectra(frame[None])
        self._level = level if self._level is None else self._level
        features = np.empty(FEATURES, np.float32)
        features[:-1], features[-1] = shape[0], level - self._level
        self._level = LEVEL_MEMORY * self._level + (1 - LEVEL_MEMORY) * float(level)
        seen = np.minimum(np.maximum((features - net.mean) * net.scale, -5), 5)
        seen = np.maximum(0, net.input[0] @ seen + net.input[1])
        came = net.gates[0] @ seen + net.gates[1]
        kept = net.memory[0] @ self._state + net.memory[1]
        size = self._state.size
        both = _sigmoid(came[: 2 * size] + kept[: 2 * size])
        reset, update = both[:size], both[size:]
        new = np.tanh(came[2 * size :] + reset * kept[2 * size :])
        self._state = (1 - update) * new + update * self._state
        return float(_sigmoid(net.output[0] @ self._state + net.output[1]))


def _sigmoid(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.minimum(np.maximum(values, -30), 30))), np.float32)
