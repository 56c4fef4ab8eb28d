"""Writes the files of a Vosk model folder, as libvosk 0.3.45 reads them: am/final.mdl and conf/.

The formats are Kaldi's (nnet3 acoustic model, transition model). Phones do not depend on their context: phone 1
is silence, and each of the 39 phones of the CMU dictionary has four variants for its place in a word, which share
their two outputs: one for the first 30 ms of the phone, one for the rest.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from streamauth.engines.phrase.acoustic_model import FRAME_SUBSAMPLING, MEL_BINS
from streamauth.engines.phrase.alignment import PHONES

Matrix = NDArray[np.float32]

POSITIONS = ("begin", "end", "internal", "singleton")
SILENCE_PHONE = 1
PHONE_COUNT = 1 + len(POSITIONS) * len(PHONES)
OUTPUTS = 2 * (1 + len(PHONES))


def phone_id(phone: str, position: str) -> int:
    """Number of a phone at its place in a word."""
    return 2 + len(POSITIONS) * PHONES.index(phone) + POSITIONS.index(position)


def output_of(phone: str | None) -> int:
    """First of the two network outputs of a phone, of silence if None."""
    return 0 if phone is None else 2 * (1 + PHONES.index(phone))


def stay(phone: int) -> int:
    """Transition id with which a phone goes on."""
    return 2 * phone - 1


def enter(phone: int) -> int:
    """Transition id with which a phone begins."""
    return 2 * phone


TRANSITIONS = 2 * PHONE_COUNT


@dataclass(frozen=True)
class Layer:
    """An affine layer over neighbouring frames; behind the last one comes a log-softmax.

    Attributes:
        weight: Shape (outputs, frames * inputs), columns frame by frame from the earliest.
        bias: Shape (outputs,).
        offsets: The frames it looks at, in frames of 10 ms.
        rectified: Whether a rectifier follows.
        residual: Whether the output of the rectified layer before this one is added to its output.
    """

    weight: Matrix
    bias: Matrix
    offsets: tuple[int, ...]
    rectified: bool = True
    residual: bool = False


def write_model(folder: Path, layers: Sequence[Layer], priors: Matrix, *, acoustic_scale: float = 0.5) -> None:
    """Write am/final.mdl and conf/.

    Args:
        folder: The model folder.
        layers: The network from its input on.
        priors: How often each output occurs, shape (OUTPUTS,), adding up to 1; shape (0,) if it does not matter.
        acoustic_scale: Weight of the network beside the language model: 1 if it was trained on whole sequences.
    """
    for name in ("am", "conf"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    with (folder / "am" / "final.mdl").open("wb") as file:
        file.write(b"\0B")
        stream = _KaldiStream(file)
        _write_transitions(stream)
        _write_network(stream, layers)
        stream.token("<LeftContext>")
        stream.integer(-sum(min(layer.offsets) for layer in layers))
        stream.token("<RightContext>")
        stream.integer(sum(max(layer.offsets) for layer in layers))
        stream.token("<Priors>")
        stream.vector(priors)
    options = {"sample-frequency": 16000, "num-mel-bins": MEL_BINS, "low-freq": 20, "high-freq": 7600, "dither": 0}
    _write_options(folder / "conf" / "fbank.conf", options)
    _write_options(
        folder / "conf" / "model.conf",
        {
            "min-active": 50,
            "max-active": 400,
            "beam": 9.0,
            "lattice-beam": 2.0,
            "acoustic-scale": acoustic_scale,
            "frame-subsampling-factor": FRAME_SUBSAMPLING,
            "endpoint.silence-phones": SILENCE_PHONE,
            "endpoint.rule2.min-trailing-silence": 0.5,
            "endpoint.rule3.min-trailing-silence": 0.75,
            "endpoint.rule4.min-trailing-silence": 1.0,
        },
    )


def _write_options(path: Path, options: Mapping[str, float]) -> None:
    path.write_text("".join(f"--{name}={value}\n" for name, value in options.items()), "ascii")


class _KaldiStream:
    """Kaldi's binary basic types."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def token(self, text: str) -> None:
        self._file.write(text.encode("ascii") + b" ")

    def text(self, text: str) -> None:
        self._file.write(text.encode("ascii"))

    def integer(self, value: int) -> None:
        self._file.write(b"\x04" + struct.pack("<i", value))

    def real(self, value: float) -> None:
        self._file.write(b"\x04" + struct.pack("<f", value))

    def integers(self, values: Sequence[int]) -> None:
        self._file.write(b"\x04" + struct.pack("<i", len(values)) + np.asarray(values, "<i4").tobytes())

    def vector(self, values: Matrix | Sequence[float]) -> None:
        array = np.asarray(values, "<f4")
        self.token("FV")
        self.integer(array.size)
        self._file.write(array.tobytes())

    def matrix(self, values: Matrix) -> None:
        self.token("FM")
        self.integer(values.shape[0])
        self.integer(values.shape[1])
        self._file.write(np.ascontiguousarray(values, "<f4").tobytes())


def _write_transitions(stream: _KaldiStream) -> None:
    phones = range(1, PHONE_COUNT + 1)
    stream.token("<TransitionModel>")
    stream.token("<Topology>")
    stream.integers(phones)
    stream.integers([-1] + [0] * PHONE_COUNT)
    for value in (-1, 1, 2, 0, 1, 2):  # separate outputs; one topology; two states; state 0: outputs 0, 1; 2 arcs
        stream.integer(value)
    for destination in (0, 1):
        stream.integer(destination)
        stream.real(0.5)
    for value in (-1, -1, 0):  # the last state has no outputs and no arcs
        stream.integer(value)
    stream.token("</Topology>")
    stream.token("<Tuples>")
    stream.integer(PHONE_COUNT)
    for phone in phones:
        first = 0 if phone == SILENCE_PHONE else 2 * (1 + (phone - 2) // len(POSITIONS))
        for value in (phone, 0, first, first + 1):
            stream.integer(value)
    stream.token("</Tuples>")
    stream.token("<LogProbs>")
    stream.vector([0.0] + [math.log(0.5)] * TRANSITIONS)
    stream.token("</LogProbs>")
    stream.token("</TransitionModel>")


def _write_network(stream: _KaldiStream, layers: Sequence[Layer]) -> None:
    lines = [f"input-node name=input dim={MEL_BINS}"]
    components: list[tuple[str, Layer | str, int]] = []

    def node(name: str, component: Layer | str, size: int, source: str) -> str:
        lines.append(f"component-node name={name} component={name} input={source}")
        components.append((name, component, size))
        return name

    last = skipped = "input"
    for number, layer in enumerate(layers, 1):
        size = layer.bias.size
        spliced = ", ".join(f"Offset({last}, {offset})" if offset else last for offset in layer.offsets)
        affine = node(f"affine{number}", layer, size, f"Append({spliced})" if len(layer.offsets) > 1 else spliced)
        if number == len(layers):
            last = node("softmax", "LogSoftmaxComponent", size, affine)
            break
        last = affine
        if layer.rectified:
            last = node(f"relu{number}", "RectifiedLinearComponent", size, affine)
            if layer.residual:
                # a sum of rectified values passes through another rectifier unchanged; it only gives the sum a name
                last = node(f"sum{number}", "RectifiedLinearComponent", size, f"Sum({skipped}, {last})")
            skipped = last
    lines.append(f"output-node name=output input={last} objective=linear")
    stream.token("<Nnet3>")
    stream.text("\n" + "\n".join(lines) + "\n\n")
    stream.token("<NumComponents>")
    stream.integer(len(components))
    for name, component, size in components:
        stream.token("<ComponentName>")
        stream.token(name)
        if isinstance(component, Layer):
            stream.token("<FixedAffineComponent>")
            stream.token("<LinearParams>")
            stream.matrix(component.weight)
            stream.token("<BiasParams>")
            stream.vector(component.bias)
            stream.token("</FixedAffineComponent>")
        else:
            _write_nonlinearity(stream, component, size)
    stream.token("</Nnet3>")


def _write_nonlinearity(stream: _KaldiStream, kind: str, size: int) -> None:
    stream.token(f"<{kind}>")
    stream.token("<Dim>")
    stream.integer(size)
    for name in ("<ValueAvg>", "<DerivAvg>"):
        stream.token(name)
        stream.vector([])
    stream.token("<Count>")
    stream.real(0.0)
    stream.token("<OderivRms>")
    stream.vector([])
    for name in ("<OderivCount>", "<NumDimsSelfRepaired>", "<NumDimsProcessed>"):
        stream.token(name)
        stream.real(0.0)
    stream.token(f"</{kind}>")
