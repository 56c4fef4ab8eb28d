"""Two stages of voice activity: WebRTC's detector, and the voicing network that checks what it takes for speech."""

import io

import numpy as np
import numpy.typing as npt

from streamauth.catalog.entries import DetectorEntry
from streamauth.catalog.registry import Catalog, read_model
from streamauth.core.ports import Samples, SpeechDetector, SpeechDetectorStream
from streamauth.core.speech.voicing import FEATURES, FRAME_SAMPLES, VoicingNetwork, VoicingStream
from streamauth.errors import ModelCorrupt, ModelMissing, UnknownModel

NAME = "voicing"
"""The network's name in the registry."""


def load_voicing(catalog: Catalog) -> tuple[str, VoicingNetwork]:
    """The id of the voicing network's weights, and the network.

    Raises:
        ModelMissing: It is not in the registry, or its file is missing.
        ModelCorrupt: Its file is damaged.
    """
    try:
        model = catalog.find(NAME)
    except UnknownModel:
        model = None
    if model is None or not isinstance(model.entry, DetectorEntry):
        raise ModelMissing("The voicing network is not in the models folder. Install streamauth again.")
    content = read_model(model.entry, model.folder)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            network = _network({name: arrays[name].astype(np.float32) for name in arrays.files})
    # a damaged archive raises whatever the layer that stumbles over it raises
    except Exception as error:
        raise ModelCorrupt("The voicing network cannot be read. Install streamauth again.") from error
    return f"{NAME}:{model.entry.sha256[:12]}", network


def _network(arrays: dict[str, npt.NDArray[np.float32]]) -> VoicingNetwork:
    hidden = arrays["output.weight"].shape[1]
    shapes = {
        "mean": (FEATURES,),
        "scale": (FEATURES,),
        "input.weight": (hidden, FEATURES),
        "input.bias": (hidden,),
        "unit.weight_ih_l0": (3 * hidden, hidden),
        "unit.bias_ih_l0": (3 * hidden,),
        "unit.weight_hh_l0": (3 * hidden, hidden),
        "unit.bias_hh_l0": (3 * hidden,),
        "output.weight": (1, hidden),
        "output.bias": (1,),
    }
    for name, shape in shapes.items():
        if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
            raise ValueError(name)
    return VoicingNetwork(
        arrays["mean"],
        arrays["scale"],
        (arrays["input.weight"], arrays["input.bias"]),
        (arrays["unit.weight_ih_l0"], arrays["unit.bias_ih_l0"]),
        (arrays["unit.weight_hh_l0"], arrays["unit.bias_hh_l0"]),
        (arrays["output.weight"][0], arrays["output.bias"][0]),
    )


class TwoStageDetector:
    """A detector, and the voicing network beside it.

    Args:
        first: The first stage, with frames of ``FRAME_SAMPLES``.
        network: The second stage.
        network_id: Of its weights.
    """

    frame_samples = FRAME_SAMPLES

    def __init__(self, first: SpeechDetector, network: VoicingNetwork, network_id: str) -> None:
        if first.frame_samples != FRAME_SAMPLES:
            raise ValueError("the first stage has other frames")
        self.id = f"{first.id}+{network_id}"
        self._first, self._network = first, network

    def stream(self) -> SpeechDetectorStream:
        """State for one new stream."""
        return _TwoStageStream(self._first.stream(), self._network.stream())


class _TwoStageStream:
    def __init__(self, first: SpeechDetectorStream, second: VoicingStream) -> None:
        self._first, self._second = first, second
        self._voicing = 0.0

    def probability(self, frame: Samples) -> float:
        found = self._first.probability(frame)
        self._voicing = self._second.probability(frame)
        return found

    def voicing(self) -> float:
        return self._voicing
