"""The frame-wise encoder as an ONNX graph: new frames and the state of the stream in, results and new state out.

Inputs: ``mels`` (batch, steps, 80), ``sums`` (batch, 42), ``hidden`` and ``cell`` (layers, batch, width). Outputs:
``frames`` (batch, steps, width), ``weights`` (batch, steps, 1), the three of the stream as they are afterwards, and, as
constants, the matrices that make an embedding of pooled frames. Weights lie in 16 bits, arithmetic is in 32.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from scripts.train.frames.shape import (
    BANDS,
    DECAY,
    LEVEL,
    LOG_FLOOR,
    LOG_MEAN,
    LOG_SCALE,
    LOUDEST_LOGIT,
    PAIR,
    SILENCE,
)

Constants = dict[str, NDArray[Any]]
HEAD = ("mean_weight", "mean_bias", "deviation_weight", "project_weight", "project_bias")
"""Outputs that do not depend on the inputs."""
_LARGE = 1024
"""Numbers in an array that is kept in 16 bits."""


def graph(weights: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    """The network of weights, by the names of ``network.Network``; as wide and deep as they are."""
    width = weights["lstm.weight_hh_l0"].shape[1]
    layers = sum(name.startswith("lstm.weight_hh") for name in weights)
    constants, nodes = _views(weights["bandwidths"])
    state_nodes, state_constants = _layers(weights, width, layers)
    nodes += state_nodes
    constants |= state_constants
    for name in HEAD:
        layer, kind = name.split("_")
        constants[f"{name}_kept"] = weights[f"{layer}.{kind}"]
        nodes.append(helper.make_node("Identity", [f"{name}_kept"], [name], f"give_{name}"))
    casts = []
    for name in [name for name, value in constants.items() if value.dtype == np.float32 and value.size > _LARGE]:
        constants[f"{name}_half"] = constants.pop(name).astype(np.float16)
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], f"{name}_whole", to=TensorProto.FLOAT))

    def info(name: str, *shape: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    body = helper.make_graph(
        casts + nodes,
        "frames",
        [
            info("mels", "batch", "steps", PAIR * BANDS),
            info("sums", "batch", BANDS + 2),
            info("hidden", layers, "batch", width),
            info("cell", layers, "batch", width),
        ],
        [
            info("frames", "batch", "steps", width),
            info("weights", "batch", "steps", 1),
            info("sums_out", "batch", BANDS + 2),
            info("hidden_out", layers, "batch", width),
            info("cell_out", layers, "batch", width),
            *(info(name, *weights[name.replace("_", ".", 1)].shape) for name in HEAD),
        ],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", 17)], ir_version=9, producer_name="streamauth"
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _views(bandwidths: NDArray[Any]) -> tuple[Constants, list[NodeProto]]:
    """Level, logarithms and these less their running mean; ``network.Network.views`` node by node."""
    constants: Constants = {
        "bandwidths": bandwidths.astype(np.float32),
        "decay": np.array(DECAY, np.float32),
        "level": np.array(LEVEL, np.float32),
        "silence": np.array(SILENCE, np.float32),
        "floor": np.array(LOG_FLOOR, np.float32),
        "log_mean": np.array(LOG_MEAN, np.float32),
        "log_scale": np.array(LOG_SCALE, np.float32),
        "pair_shape": np.array([0, 0, PAIR, BANDS], np.int64),
        "flat_shape": np.array([0, 0, PAIR * 3 * BANDS], np.int64),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "nothing": np.array(0, np.float32),
        "still": np.array(1 - DECAY, np.float32),
        "axis_0": np.array([0], np.int64),
        "axis_1": np.array([1], np.int64),
        "axis_2": np.array([2], np.int64),
        "axis_3": np.array([3], np.int64),
        "parts": np.array([1, BANDS, 1], np.int64),
        "last": np.array([-1], np.int64),
        "end": np.array([np.iinfo(np.int64).max], np.int64),
    }
    make = helper.make_node
    nodes = [
        make("Shape", ["mels"], ["steps"], start=1, end=2),
        make("Squeeze", ["steps", "axis_0"], ["count"]),
        make("Range", ["zero", "count", "one"], ["order"]),
        make("Unsqueeze", ["order", "axis_1"], ["column"]),
        make("Sub", ["column", "order"], ["lag"]),
        make("GreaterOrEqual", ["lag", "zero"], ["past"]),
        make("Max", ["lag", "zero"], ["lag_past"]),
        make("Cast", ["lag_past"], ["lag_float"], to=TensorProto.FLOAT),
        make("Pow", ["decay", "lag_float"], ["fade"]),
        make("Where", ["past", "fade", "nothing"], ["fades"]),
        make("Add", ["column", "one"], ["ages"]),
        make("Cast", ["ages"], ["ages_float"], to=TensorProto.FLOAT),
        make("Pow", ["decay", "ages_float"], ["fading"]),
        make("Unsqueeze", ["sums", "axis_1"], ["sums_3d"]),
        make("Split", ["sums_3d", "parts"], ["power_before", "logs_before", "count_before"], axis=2),
        make("Reshape", ["mels", "pair_shape"], ["pairs"]),
        make("Mul", ["pairs", "bandwidths"], ["pairs_wide"]),
        make("ReduceSum", ["pairs_wide", "axis_3"], ["pair_power"], keepdims=0),
        make("ReduceMean", ["pair_power"], ["power"], axes=[2], keepdims=1),
        make("MatMul", ["fades", "power"], ["power_new"]),
        make("Mul", ["fading", "power_before"], ["power_old"]),
        make("Add", ["power_new", "power_old"], ["run_power"]),
        make("ReduceSum", ["fades", "axis_1"], ["count_new"], keepdims=1),
        make("Mul", ["fading", "count_before"], ["count_old"]),
        make("Add", ["count_new", "count_old"], ["run_count"]),
        make("Mul", ["level", "run_count"], ["wanted"]),
        make("Add", ["run_power", "silence"], ["run_power_sound"]),
        make("Div", ["wanted", "run_power_sound"], ["gain"]),
        make("Unsqueeze", ["gain", "axis_3"], ["gain_4d"]),
        make("Mul", ["pairs", "gain_4d"], ["levelled"]),
        make("Add", ["levelled", "floor"], ["above"]),
        make("Log", ["above"], ["log"]),
        make("Sub", ["log", "log_mean"], ["log_centred"]),
        make("Mul", ["log_centred", "log_scale"], ["logs"]),
        make("ReduceMean", ["logs"], ["logs_step"], axes=[2], keepdims=0),
        make("MatMul", ["fades", "logs_step"], ["logs_new"]),
        make("Mul", ["fading", "logs_before"], ["logs_old"]),
        make("Add", ["logs_new", "logs_old"], ["run_logs"]),
        make("Div", ["run_logs", "run_count"], ["logs_mean"]),
        make("Unsqueeze", ["logs_mean", "axis_2"], ["logs_mean_4d"]),
        make("Sub", ["logs", "logs_mean_4d"], ["moving"]),
        make("Concat", ["levelled", "logs", "moving"], ["views"], axis=3),
        make("Reshape", ["views", "flat_shape"], ["seen_batch_first"]),
        make("Transpose", ["seen_batch_first"], ["x0"], perm=[1, 0, 2]),
        make("Mul", ["run_count", "still"], ["age"]),
        make("Concat", ["run_power", "run_logs", "run_count"], ["running"], axis=2),
        make("Slice", ["running", "last", "end", "axis_1"], ["running_last"]),
        make("Squeeze", ["running_last", "axis_1"], ["sums_out"]),
    ]
    return constants, nodes


def _layers(weights: Mapping[str, NDArray[Any]], width: int, layers: int) -> tuple[list[NodeProto], Constants]:
    """The LSTM layers with their state, and what each frame weighs."""
    make = helper.make_node
    constants: Constants = {
        "attention_w": np.ascontiguousarray(weights["attention.weight"].T),
        "attention_b": weights["attention.bias"],
        "loudest": np.array(LOUDEST_LOGIT, np.float32),
    }
    nodes = [
        make("Split", ["hidden"], [f"hidden{k}" for k in range(layers)], axis=0),
        make("Split", ["cell"], [f"cell{k}" for k in range(layers)], axis=0),
    ]

    def gates(name: str, k: int) -> NDArray[Any]:
        # PyTorch keeps the gates as input, forget, cell, output; ONNX as input, output, forget, cell
        i, f, c, o = np.split(weights[f"lstm.{name}_l{k}"], 4)
        return np.concatenate((i, o, f, c))

    for k in range(layers):
        constants[f"w{k}"], constants[f"r{k}"] = gates("weight_ih", k)[None], gates("weight_hh", k)[None]
        constants[f"b{k}"] = np.concatenate((gates("bias_ih", k), gates("bias_hh", k)))[None]
        nodes += [
            make(
                "LSTM",
                [f"x{k}", f"w{k}", f"r{k}", f"b{k}", "", f"hidden{k}", f"cell{k}"],
                [f"y{k}", f"hidden_after{k}", f"cell_after{k}"],
                f"lstm_{k}",
                hidden_size=width,
            ),
            make("Squeeze", [f"y{k}", "axis_1"], [f"x{k + 1}"]),
        ]
    nodes += [
        make("Concat", [f"hidden_after{k}" for k in range(layers)], ["hidden_out"], axis=0),
        make("Concat", [f"cell_after{k}" for k in range(layers)], ["cell_out"], axis=0),
        make("Transpose", [f"x{layers}"], ["frames"], perm=[1, 0, 2]),
        make("Shape", ["frames"], ["frames_shape"], start=0, end=2),
        make("Concat", ["frames_shape", "axis_1"], ["age_shape"], axis=0),
        make("Expand", ["age", "age_shape"], ["ages_batch"]),
        make("Concat", ["frames", "ages_batch"], ["frames_aged"], axis=2),
        make("MatMul", ["frames_aged", "attention_w"], ["logit_plain"]),
        make("Add", ["logit_plain", "attention_b"], ["logit"]),
        make("Div", ["logit", "loudest"], ["logit_part"]),
        make("Tanh", ["logit_part"], ["logit_bent"]),
        make("Mul", ["logit_bent", "loudest"], ["logit_bounded"]),
        make("Exp", ["logit_bounded"], ["weights"]),
    ]
    return nodes, constants
