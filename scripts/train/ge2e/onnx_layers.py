"""The speaker encoders in ONNX: their weights, read from the files, and the layers that the phrase check shares."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

from scripts.train.ge2e.network import LAYERS, LOG_FLOOR, LOG_MEAN, LOG_SCALE, Array
from streamauth.catalog.registry import models_folder

Constants = dict[str, NDArray[Any]]


def lstm_constants(weights: Mapping[str, Array], layer: int) -> Constants:
    """Input and recurrent weights and biases of an LSTM layer, as ``w0``, ``r0`` and ``b0``.

    Args:
        weights: By PyTorch's names.
        layer: Its number.
    """

    def gates(name: str) -> Array:
        # PyTorch keeps the gates as input, forget, cell, output; ONNX as input, output, forget, cell
        i, f, c, o = np.split(weights[f"lstm.{name}_l{layer}"], 4)
        return np.concatenate((i, o, f, c))

    biases = np.concatenate((gates("bias_ih"), gates("bias_hh")))
    return {f"w{layer}": gates("weight_ih")[None], f"r{layer}": gates("weight_hh")[None], f"b{layer}": biases[None]}


def teacher_weights() -> dict[str, Array]:
    """The weights of models/ge2e.onnx under PyTorch's names."""
    return weights_of(models_folder() / "ge2e.onnx")


def weights_of(path: Path) -> dict[str, Array]:
    """Likewise of an encoder that export_encoder.py wrote, without what comes behind its projection."""
    constants = onnx.load(path).graph.initializer
    found = {one.name.removesuffix("_half"): numpy_helper.to_array(one).astype(np.float32) for one in constants}

    def gates(array: Array) -> Array:
        i, o, f, c = np.split(array, 4)
        return np.concatenate((i, f, c, o))

    weights = {"linear.weight": found["linear_w"], "linear.bias": found["linear_b"]}
    for k in range(LAYERS):
        weights[f"lstm.weight_ih_l{k}"] = gates(found[f"w{k}"][0])
        weights[f"lstm.weight_hh_l{k}"] = gates(found[f"r{k}"][0])
        bias_in, bias_out = np.split(found[f"b{k}"][0], 2)
        weights[f"lstm.bias_ih_l{k}"], weights[f"lstm.bias_hh_l{k}"] = gates(bias_in), gates(bias_out)
    return weights


def student_weights() -> dict[str, Array]:
    """Those of models/ge2e-noise.onnx, with what it takes off an embedding and what it multiplies the rest with."""
    path = models_folder() / "ge2e-noise.onnx"
    kept = {one.name.removesuffix("_half"): numpy_helper.to_array(one) for one in onnx.load(path).graph.initializer}
    return weights_of(path) | {name: kept[name].astype(np.float32) for name in ("centre", "whitening")}


def view_constants() -> Constants:
    """What ``views`` needs."""
    logarithms = {"floor": LOG_FLOOR, "mean": LOG_MEAN, "scale": LOG_SCALE}
    return {f"log_{name}": np.array(value, np.float32) for name, value in logarithms.items()}


def views(mels: str, seen: str, mean: NodeProto) -> list[NodeProto]:
    """Mel powers to what ``encoder_network.Network`` sees: themselves, their logarithms, and those less their mean.

    Args:
        mels: Name of the input.
        seen: Name of the output.
        mean: Makes ``logs_mean``, the mean over time, of ``logs``; sets of operators differ in how axes are named.
    """
    return [
        helper.make_node("Add", [mels, "log_floor"], ["above_floor"], "floor"),
        helper.make_node("Log", ["above_floor"], ["log"], "logarithm"),
        helper.make_node("Sub", ["log", "log_mean"], ["log_centred"], "centre"),
        helper.make_node("Mul", ["log_centred", "log_scale"], ["logs"], "scale"),
        mean,
        helper.make_node("Sub", ["logs", "logs_mean"], ["logs_moving"], "less_mean"),
        helper.make_node("Concat", [mels, "logs", "logs_moving"], [seen], "three_views", axis=2),
    ]
