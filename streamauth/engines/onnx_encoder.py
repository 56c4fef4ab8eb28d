"""A speaker encoder on ONNX Runtime, for any model of the registry whose feature recipe is known here."""

import base64
import binascii
from collections.abc import Callable

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines import ge2e
from streamauth.engines.registry import EncoderEntry
from streamauth.errors import EngineError, ModelCorrupt

RECIPES: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {"ge2e-mel-1": ge2e.window_features}
"""Feature recipes by name and version: windows, shape (batch, samples), to model input, shape (batch, frames, bands).

A recipe never changes what it gives under the same name, since the name is part of the encoder's id.
"""

# Builds of the runtime and kinds of CPU differ by far less than this, a wrong kernel by far more.
_SELF_TEST_COSINE = 0.999
_FATAL_ONLY = 4


class OnnxEncoder:
    """A SpeakerEncoder; see the port. It has no state, so that any number of threads may call it.

    Args:
        entry: What the registry says of the model.
        content: Its file, already checked against the registry.
        threads: Threads of one run.

    Attributes:
        id: Name, begin of the file's sha256, and feature recipe.
        dim: Length of an embedding.
        window_samples: The window length that the encoder was trained for.
        min_samples: The shortest window that it takes.

    Raises:
        ModelCorrupt: The file or its entry is no usable encoder.
        EngineError: The self-test gave another embedding than the registered one.
    """

    def __init__(self, entry: EncoderEntry, content: bytes, threads: int = 1) -> None:
        if entry.features not in RECIPES or entry.sample_rate_hz != SAMPLE_RATE_HZ:
            raise ModelCorrupt(f"This version of streamauth cannot make the input of the encoder {entry.name}.")
        self.id = f"{entry.name}:{entry.sha256[:12]}:{entry.features}"
        self.dim = entry.dim
        self.window_samples = entry.window_samples
        self.min_samples = entry.min_samples
        self._features = RECIPES[entry.features]
        self._max_batch = entry.max_batch
        try:
            self._session = onnxruntime.InferenceSession(content, session_options(threads), ["CPUExecutionProvider"])
            (self._input,), (self._output,) = self._session.get_inputs(), self._session.get_outputs()
        # the runtime's exceptions have no base class of their own
        except Exception as error:
            raise ModelCorrupt(f"The file of the encoder {entry.name} cannot be loaded.") from error
        self._test(entry)

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeddings of windows of voiced audio.

        Args:
            windows: Shape (batch, samples), float32 at 16 kHz, ``samples`` at least ``min_samples``.

        Returns:
            Shape (batch, dim), float32, each of unit length.

        Raises:
            EngineError: A window is too short or not finite, or the runtime failed or gave no embedding.
        """
        if windows.ndim != 2 or windows.shape[1] < self.min_samples:
            raise EngineError("The speaker encoder was given a window that is too short. Nothing was accepted.")
        # an NaN could come out of the network's limiters as a number
        if not np.isfinite(windows).all():
            raise EngineError("The speaker encoder was given audio that is not finite. Nothing was accepted.")
        batches = [self._run(windows[at : at + self._max_batch]) for at in range(0, len(windows), self._max_batch)]
        return np.concatenate(batches) if batches else np.zeros((0, self.dim), np.float32)

    def _run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            outputs = self._session.run([self._output.name], {self._input.name: self._features(windows)})
        except Exception as error:
            raise EngineError("The runtime of the speaker encoder failed. Nothing was accepted.") from error
        embeddings = np.asarray(outputs[0], np.float32)
        right_shape = embeddings.shape == (len(windows), self.dim)
        if not right_shape or not np.allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-3):
            raise EngineError("The speaker encoder gave something that is no embedding. Nothing was accepted.")
        return embeddings

    def _test(self, entry: EncoderEntry) -> None:
        """Compare with the registered result; this also warms the runtime up."""
        try:
            expected = np.frombuffer(base64.b64decode(entry.self_test, validate=True), "<f2").astype(np.float32)
            cosine = float(expected @ self.embed(self_test_signal(self.window_samples)[None])[0])
        except (binascii.Error, ValueError) as error:
            raise ModelCorrupt(f"The registered self-test of the encoder {entry.name} cannot be read.") from error
        if not cosine >= _SELF_TEST_COSINE * float(np.linalg.norm(expected)):
            raise EngineError(
                f"The encoder {entry.name} gives wrong results on this machine. Install another version of onnxruntime."
            )


def self_test_signal(samples: int, pitch_hz: float = 130.0) -> Samples:
    """A fixed sound with the spectrum of a voice: a rising harmonic tone and noise, shape (samples,)."""
    index = np.arange(samples)
    phase = 2 * np.pi * np.cumsum(pitch_hz * (1 + 0.4 * index / samples)) / SAMPLE_RATE_HZ
    tone = np.sum([np.sin(order * phase) / order for order in range(1, 20)], axis=0)
    # noise that is the same with every version of NumPy
    noise = np.modf(np.sin(index * 12.9898) * 43758.5453)[0]
    signal: Samples = (0.1 * tone + 0.02 * noise).astype(np.float32)
    return signal


def session_options(threads: int) -> onnxruntime.SessionOptions:
    """How every model of ours is run: on so many threads, without spinning and with flat memory."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # threads that wait must not burn a core, and memory must not grow with the longest input seen
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = _FATAL_ONLY
    return options
