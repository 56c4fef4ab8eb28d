"""A speaker encoder on ONNX Runtime, for any model of the registry whose features and layout are known here."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from streamauth.catalog.entries import EncoderEntry
from streamauth.core.ports import SAMPLE_RATE_HZ, Embedding
from streamauth.engines.encoder import self_test
from streamauth.engines.encoder.recipes import LAYOUTS, RECIPES, Features
from streamauth.engines.encoder.self_test import self_test_signal
from streamauth.errors import EngineError, ModelCorrupt, WrongResults

__all__ = ["RECIPES", "OnnxEncoder", "self_test_signal", "session", "session_options"]

_FATAL_ONLY = 4
_LEAST_NORM = 1e-6


class OnnxEncoder:
    """A SpeakerEncoder; see the port. It has no state, so that any number of threads may call it.

    Args:
        entry: What the registry says of the model.
        content: Its file, already checked against the registry.
        threads: Threads of one run.
        tested: Whether it is known to have passed the self-test, on this machine and as it is.

    Attributes:
        id: Name, begin of the file's sha256, and feature recipe.
        dim: Length of an embedding.
        window_samples: The window length that the encoder was trained for.
        min_samples: The shortest window that it takes.

    Raises:
        ModelCorrupt: The file or its entry is no usable encoder.
        WrongResults: The self-test gave other embeddings than the reference.
    """

    def __init__(self, entry: EncoderEntry, content: bytes, threads: int = 1, *, tested: bool = False) -> None:
        if entry.features not in RECIPES or entry.layout not in LAYOUTS or entry.sample_rate_hz != SAMPLE_RATE_HZ:
            raise ModelCorrupt(f"This version of streamauth cannot make the input of the encoder {entry.name}.")
        self.id = f"{entry.name}:{entry.sha256[:12]}:{entry.features}"
        self.dim = entry.dim
        self.window_samples = entry.window_samples
        self.min_samples = entry.min_samples
        self._max_batch = entry.max_batch
        self._layout = LAYOUTS[entry.layout]
        try:
            self._session = session(content, threads)
            recipe = RECIPES[entry.features](metadata(self._session))
            self._inputs = [tensor.name for tensor in self._session.get_inputs()]
            self._output = self._session.get_outputs()[self._layout.output].name
        # the runtime's exceptions have no base class of their own
        except Exception as error:
            raise ModelCorrupt(f"The file of the encoder {entry.name} cannot be loaded.") from error
        if len(self._inputs) != self._layout.inputs:
            raise ModelCorrupt(f"The encoder {entry.name} has other inputs than registered.")
        self._features = recipe.features
        self._bands = recipe.bands
        if not tested:
            self._test_lengths(entry, content)
            self._test(entry)

    def embed(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """See ``SpeakerEncoder``; windows that are too short or not finite are an EngineError, too."""
        if windows.ndim != 2 or windows.shape[1] < self.min_samples:
            raise EngineError("The speaker encoder was given a window that is too short. Nothing was accepted.")
        # an NaN could come out of the network's limiters as a number
        if not np.isfinite(windows).all():
            raise EngineError("The speaker encoder was given audio that is not finite. Nothing was accepted.")
        batches = [self._run(windows[at : at + self._max_batch]) for at in range(0, len(windows), self._max_batch)]
        return np.concatenate(batches) if batches else np.zeros((0, self.dim), np.float32)

    def _run(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            embeddings = self._raw(self._session, self._features(windows))
        except Exception as error:
            raise EngineError("The runtime of the speaker encoder failed. Nothing was accepted.") from error
        if embeddings.shape == (len(windows), self.dim):
            norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
            if np.isfinite(norms).all() and (norms > _LEAST_NORM).all():
                unit: NDArray[np.float32] = embeddings / norms
                return unit
        raise EngineError("The speaker encoder gave something that is no embedding. Nothing was accepted.")

    def _raw(self, network: Any, features: Features) -> NDArray[np.float32]:
        inputs = dict(zip(self._inputs, self._layout.arrange(features), strict=True))
        return np.asarray(network.run([self._output], inputs)[0], np.float32)

    def _test_lengths(self, entry: EncoderEntry, content: bytes) -> None:
        """Compare features of several lengths with the references, or with a run without optimization."""
        try:
            if entry.references:
                expected = [self_test.decoded(text, self.dim) for text in entry.references]
            else:
                expected = self.reference_embeddings(content)
            found = self_test.embeddings(lambda features: self._raw(self._session, features)[0], self._bands)
            if any(embedding.shape != (self.dim,) for embedding in found):
                raise ValueError("another length than registered")
            cosine = self_test.least_cosine(found, expected)
        except Exception as error:
            raise ModelCorrupt(f"The encoder {entry.name} cannot be run with what is registered for it.") from error
        if not cosine >= self_test.LEAST_COSINE:
            raise WrongResults(
                f"The encoder {entry.name} gives wrong results with ONNX Runtime {onnxruntime.__version__} "
                f"(self-test: cosine {cosine:.4f}, at least {self_test.LEAST_COSINE} is right). "
                "Install another version: pip install --upgrade onnxruntime"
            )

    def reference_embeddings(self, content: bytes) -> list[Embedding]:
        """Embeddings of the self-test's features by a run of the same file without optimization."""
        plain = session(content, 1, optimized=False)
        return self_test.embeddings(lambda features: self._raw(plain, features)[0], self._bands)

    def _test(self, entry: EncoderEntry) -> None:
        """Compare the embedding of a sound, features and all, with the registered one."""
        if not entry.self_test:
            return
        try:
            expected = self_test.decoded(entry.self_test, self.dim)
        except ValueError as error:
            raise ModelCorrupt(f"The registered self-test of the encoder {entry.name} cannot be read.") from error
        found = self.embed(self_test_signal(self.window_samples)[None])[0]
        if not self_test.least_cosine([found], [expected]) >= self_test.LEAST_COSINE:
            raise WrongResults(
                f"The encoder {entry.name} gives wrong results on this machine. Install another version of onnxruntime."
            )


def metadata(network: onnxruntime.InferenceSession) -> dict[str, str]:
    """The metadata that a model's author put into its file."""
    return dict(network.get_modelmeta().custom_metadata_map)


def session(model: bytes | Path, threads: int, *, optimized: bool = True) -> onnxruntime.InferenceSession:
    """A network, ready to run on the CPU.

    Args:
        model: Its file, or what is in it, which the runtime then keeps in memory beside what it makes of it.
        threads: Threads of one run.
        optimized: Whether the runtime may reshape it.
    """
    options = session_options(threads)
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    given = str(model) if isinstance(model, Path) else model
    return onnxruntime.InferenceSession(given, options, ["CPUExecutionProvider"])


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
