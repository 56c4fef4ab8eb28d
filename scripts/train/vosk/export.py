"""Writes the networks of the phrase check as ONNX files."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from scripts.train.ge2e.onnx_layers import Constants, lstm_constants, view_constants, views
from scripts.train.vosk.network import Network
from scripts.train.vosk.second_network import HIDDEN, LAYERS, LowerLayers, PhraseNetwork, tapped
from streamauth.engines.phrase.acoustic_model import MEL_BINS

_LARGE = 1000


class _Upper(torch.nn.Module):  # type: ignore[misc]
    """What comes behind the lower layers."""

    def __init__(self, body: Network) -> None:
        super().__init__()
        self.body = body

    def forward(self, heard: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.body.above(tapped(heard)))


def export_recognizer(network: Network, path: Path) -> None:
    """A recognizer's network: padded filter-bank frames, shape (1, frames, MEL_BINS), to scores."""
    write(_exported(network, "frames", MEL_BINS), path)


def export_phrase(network: PhraseNetwork, path: Path) -> None:
    """That on top of an encoder's lower layers, likewise; the runtime's own LSTM does these."""
    model = _exported(_Upper(network.body), "heard", HIDDEN)
    nodes, constants = _lower_nodes(network.lower)
    upper = list(model.graph.node)
    del model.graph.node[:], model.graph.input[:]
    model.graph.node.extend([*nodes, *upper])
    model.graph.input.append(helper.make_tensor_value_info("frames", TensorProto.FLOAT, [1, "frames", MEL_BINS]))
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    write(model, path)


def write(model: onnx.ModelProto, path: Path) -> None:
    """Write a model with its large constants in 16 bits; the runtime makes 32 of them when it loads."""
    kept, casts = [], []
    for one in model.graph.initializer:
        value = numpy_helper.to_array(one)
        if value.dtype == np.float32 and value.size > _LARGE:
            kept.append(numpy_helper.from_array(value.astype(np.float16), f"{one.name}_half"))
            casts.append(helper.make_node("Cast", [f"{one.name}_half"], [one.name], to=TensorProto.FLOAT))
        else:
            kept.append(one)
    nodes = [*casts, *model.graph.node]
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def _exported(network: torch.nn.Module, name: str, size: int) -> onnx.ModelProto:
    """What takes (1, frames, size) and gives scores."""
    model: onnx.ModelProto = torch.onnx.export(
        network,
        (torch.zeros(1, 200, size),),
        input_names=[name],
        output_names=["scores"],
        dynamic_shapes=({1: torch.export.Dim("frames", min=90, max=100_000)},),
        dynamo=True,
        verbose=False,
    ).model_proto
    del model.metadata_props[:], model.graph.value_info[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    return model


def _lower_nodes(lower: LowerLayers) -> tuple[list[onnx.NodeProto], Constants]:
    """``LowerLayers`` node by node, and its constants."""
    node = helper.make_node
    weights = {f"lstm.{name}": value.numpy() for name, value in lower.lstm.state_dict().items()}
    constants = {
        "bands": lower.bands.numpy(),
        "widths": lower.widths.numpy()[:, None],
        "direction": np.array([1]),
        **view_constants(),
    }
    nodes = [
        node("Exp", ["frames"], ["powers_of_banks"]),
        node("MatMul", ["powers_of_banks", "bands"], ["powers"]),
        node("MatMul", ["powers", "widths"], ["level_of_frames"]),
        node("ReduceMean", ["level_of_frames", "direction"], ["level"]),
        node("Div", ["powers", "level"], ["levelled"]),
        *views("levelled", "seen", node("ReduceMean", ["logs", "direction"], ["logs_mean"])),
        node("Transpose", ["seen"], ["x0"], perm=[1, 0, 2]),
    ]
    for layer in range(LAYERS):
        constants |= (own := lstm_constants(weights, layer))
        nodes += [
            node("LSTM", [f"x{layer}", *own], [f"y{layer}"], hidden_size=HIDDEN),
            node("Squeeze", [f"y{layer}", "direction"], [f"x{layer + 1}"]),
        ]
    return [*nodes, node("Transpose", [f"x{LAYERS}"], ["heard"], perm=[1, 0, 2])], constants
