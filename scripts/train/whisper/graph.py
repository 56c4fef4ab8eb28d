"""Whisper as two ONNX graphs, written node by node so that the same versions give the same bytes.

``encoder.onnx``: ``mel`` (frames, 80), an even number of frames, to ``keys`` (layers, heads, 64, frames / 2) and
``values`` (layers, heads, frames / 2, 64), which every step of the decoder looks at.

``decoder.onnx``: a tree of tokens in one pass. ``tokens`` and ``positions`` (nodes,), ``mask`` (nodes, past + nodes)
with 0 for what a node may look at, itself included, and a large negative number elsewhere, ``past_keys`` and
``past_values`` (layers, heads, past, 64) of nodes that an earlier call has worked on; to ``log_probs``
(nodes, vocabulary) of what follows each node, ``node_keys`` and ``node_values`` (layers, heads, nodes, 64), and
``attention`` (nodes, frames / 2), where each node looks: the mean of the heads that follow the time.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from scripts.train.whisper.ctranslate2_file import Array

LAYERS, HEADS, HEAD_WIDTH = 4, 6, 64
WIDTH = HEADS * HEAD_WIDTH
MEL_BANDS = 80
BLOCK = 32
"""Weights that share a scale where they are kept in 8 bits."""
_OPSET, _IR = 20, 10
_RUNTIME, _EIGHT_BITS = "com.microsoft", 4


class _Graph:
    """Nodes and constants as they are added; each call gives the name of its result."""

    def __init__(self, weights: Mapping[str, Array], small: bool) -> None:
        self._weights, self._small = weights, small
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, NDArray[Any]] = {}

    def add(self, kind: str, *inputs: str, result: str | None = None, outputs: int = 1, **attributes: object) -> str:
        name = result or f"{kind.lower()}_{len(self._nodes)}"
        results = [name, *(f"{name}_{index}" for index in range(1, outputs))]
        self._nodes.append(helper.make_node(kind, list(inputs), results, f"node_{len(self._nodes)}", **attributes))
        return name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self._constants[name] = value
        return name

    def integers(self, *values: int) -> str:
        return self.constant("int_" + "_".join(map(str, values)), np.array(values, np.int64))

    def half(self, name: str, value: Array) -> str:
        """A constant that is kept in 16 bits; the runtime makes 32 of them when it loads."""
        return self.add("Cast", self.constant(name, value.astype(np.float16)), to=TensorProto.FLOAT)

    def linear(self, x: str, name: str, part: slice = slice(None), scale: float = 1.0) -> str:
        weight = self._weights[f"{name}/weight"][part] * scale
        bias = self._weights[f"{name}/bias"][part] * scale
        label = f"{name}/{part.start or 0}"
        return self.add("Add", self.product(x, f"{label}/weight", weight), self.constant(f"{label}/bias", bias))

    def product(self, x: str, name: str, weight: Array) -> str:
        """With a matrix, shape (out, in)."""
        if not self._small:
            return self.add("Gemm", x, self.constant(name, weight), transB=1)
        rounded, scales = self.rounded(name, weight)
        size, width = weight.shape
        sizes = {"K": width, "N": size, "bits": 8, "block_size": BLOCK, "accuracy_level": _EIGHT_BITS}
        return self.add("MatMulNBits", x, rounded, scales, domain=_RUNTIME, **sizes)

    def rounded(self, name: str, weight: Array) -> tuple[str, str]:
        """The constants of a matrix in 8 bits."""
        values, scales = rounded_blocks(weight)
        return self.constant(f"{name}/rounded", values), self.constant(f"{name}/scales", scales)

    def normal(self, x: str, name: str) -> str:
        scale, bias = (self.constant(f"{name}/{part}", self._weights[f"{name}/{part}"]) for part in ("gamma", "beta"))
        return self.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-5)

    def heads(self, x: str, order: Sequence[int]) -> str:
        """(time, WIDTH) as (time, heads, HEAD_WIDTH), transposed."""
        apart = self.add("Reshape", x, self.integers(-1, HEADS, HEAD_WIDTH))
        return self.add("Transpose", apart, perm=list(order))

    def attend(self, query: str, key: str, value: str, mask: str | None = None) -> tuple[str, str]:
        """What a query finds, shape (nodes, WIDTH), and where it looked, (heads, nodes, time); a scaled query."""
        scores = self.add("MatMul", query, key)
        if mask is not None:
            scores = self.add("Add", scores, mask)
        weights = self.add("Softmax", scores, axis=-1)
        found = self.add("Transpose", self.add("MatMul", weights, value), perm=[1, 0, 2])
        return self.add("Reshape", found, self.integers(-1, WIDTH)), weights

    def feed_forward(self, x: str, name: str) -> str:
        inner = self.add("Gelu", self.linear(self.normal(x, f"{name}/ffn/layer_norm"), f"{name}/ffn/linear_0"))
        return self.add("Add", x, self.linear(inner, f"{name}/ffn/linear_1"))

    def stack(self, parts: Sequence[str], result: str) -> str:
        alone = [self.add("Unsqueeze", part, self.integers(0)) for part in parts]
        return self.add("Concat", *alone, result=result, axis=0)

    def layer_of(self, x: str, layer: int) -> str:
        return self.add("Gather", x, self.constant(f"layer_{layer}", np.array(layer, np.int64)), axis=0)

    def model(
        self,
        name: str,
        inputs: Mapping[str, tuple[int, Sequence[int | str]]],
        outputs: Mapping[str, Sequence[int | str]],
    ) -> onnx.ModelProto:
        made = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(each, *described) for each, described in inputs.items()],
            [helper.make_tensor_value_info(each, TensorProto.FLOAT, shape) for each, shape in outputs.items()],
            [numpy_helper.from_array(value, each) for each, value in self._constants.items()],
        )
        opsets = [helper.make_opsetid("", _OPSET), *([helper.make_opsetid(_RUNTIME, 1)] if self._small else [])]
        model = helper.make_model(made, opset_imports=opsets, ir_version=_IR)
        onnx.checker.check_model(model)
        return model


def rounded_blocks(weight: Array) -> tuple[NDArray[np.uint8], Array]:
    """A matrix in 8 bits: numbers around 128, shape (out, blocks, BLOCK), and their scales, (out, blocks)."""
    blocks = weight.reshape(len(weight), -1, BLOCK)
    scales = np.maximum(np.abs(blocks).max(axis=2) / 127, 1e-12).astype(np.float32)
    return (np.rint(blocks / scales[..., None]) + 128).astype(np.uint8), scales


def encoder_graph(weights: Mapping[str, Array], *, small: bool) -> onnx.ModelProto:
    """The encoder, with the keys and values that the decoder's layers make of its states.

    Args:
        weights: By CTranslate2's names.
        small: Keep the weights of the layers in 8 bits.
    """
    graph = _Graph(weights, small)
    x = graph.add("Unsqueeze", graph.add("Transpose", "mel", perm=[1, 0]), graph.integers(0))
    for number, stride in ((1, 1), (2, 2)):
        kernel = graph.half(f"encoder/conv{number}/weight", weights[f"encoder/conv{number}/weight"])
        bias = graph.constant(f"encoder/conv{number}/bias", weights[f"encoder/conv{number}/bias"])
        x = graph.add("Gelu", graph.add("Conv", x, kernel, bias, pads=[1, 1], strides=[stride]))
    x = graph.add("Transpose", graph.add("Squeeze", x, graph.integers(0)), perm=[1, 0])
    length = graph.add("Shape", x, start=0, end=1)
    positions = graph.half("encoder/positions", weights["encoder/position_encodings/encodings"])
    x = graph.add("Add", x, graph.add("Slice", positions, graph.integers(0), length))
    for layer in range(LAYERS):
        name = f"encoder/layer_{layer}/self_attention"
        normal = graph.normal(x, f"{name}/layer_norm")
        query, key, value = _query_key_value(graph, normal, f"{name}/linear_0")
        found, _ = graph.attend(query, key, value)
        x = graph.add("Add", x, graph.linear(found, f"{name}/linear_1"))
        x = graph.feed_forward(x, f"encoder/layer_{layer}")
    states = graph.normal(x, "encoder/layer_norm")
    keys, values = [], []
    for layer in range(LAYERS):
        name = f"decoder/layer_{layer}/attention/linear_1"
        keys.append(graph.heads(graph.linear(states, name, slice(0, WIDTH)), (1, 2, 0)))
        values.append(graph.heads(graph.linear(states, name, slice(WIDTH, 2 * WIDTH)), (1, 0, 2)))
    graph.stack(keys, "keys")
    graph.stack(values, "values")
    return graph.model(
        "whisper_encoder",
        {"mel": (TensorProto.FLOAT, ["frames", MEL_BANDS])},
        {"keys": [LAYERS, HEADS, HEAD_WIDTH, "time"], "values": [LAYERS, HEADS, "time", HEAD_WIDTH]},
    )


def decoder_graph(
    weights: Mapping[str, Array], kept: NDArray[np.int64], alignment_heads: Sequence[tuple[int, int]], *, small: bool
) -> onnx.ModelProto:
    """The decoder.

    Args:
        weights: By CTranslate2's names.
        kept: Numbers of the tokens that stay in the vocabulary.
        alignment_heads: Layer and head of those whose attention follows the time.
        small: Keep the weights of the layers and the embeddings in 8 bits.
    """
    graph = _Graph(weights, small)
    embeddings = weights["decoder/embeddings/weight"][kept]
    if small:
        # looked up in the very constants that the last product uses
        rounded, scales = graph.rounded("vocabulary", embeddings)
        rows = graph.add("Cast", graph.add("Gather", rounded, "tokens"), to=TensorProto.FLOAT)
        rows = graph.add("Sub", rows, graph.constant("middle", np.array(128, np.float32)))
        rows = graph.add("Mul", rows, graph.add("Unsqueeze", graph.add("Gather", scales, "tokens"), graph.integers(2)))
        x = graph.add("Reshape", rows, graph.integers(-1, WIDTH))
    else:
        x = graph.add("Gather", graph.constant("vocabulary", embeddings), "tokens")
    positions = graph.half("decoder/positions", weights["decoder/position_encodings/encodings"])
    x = graph.add("Add", x, graph.add("Gather", positions, "positions"))
    node_keys, node_values, looked = [], [], []
    for layer in range(LAYERS):
        name = f"decoder/layer_{layer}"
        normal = graph.normal(x, f"{name}/self_attention/layer_norm")
        query = graph.heads(
            graph.linear(normal, f"{name}/self_attention/linear_0", slice(0, WIDTH), HEAD_WIDTH**-0.5), (1, 0, 2)
        )
        parts = []
        for start, past in ((WIDTH, "past_keys"), (2 * WIDTH, "past_values")):
            part = slice(start, start + WIDTH)
            now = graph.heads(graph.linear(normal, f"{name}/self_attention/linear_0", part), (1, 0, 2))
            parts.append((now, graph.add("Concat", graph.layer_of(past, layer), now, axis=1)))
        node_keys.append(parts[0][0])
        node_values.append(parts[1][0])
        key = graph.add("Transpose", parts[0][1], perm=[0, 2, 1])
        found, _ = graph.attend(query, key, parts[1][1], "mask")
        x = graph.add("Add", x, graph.linear(found, f"{name}/self_attention/linear_1"))
        normal = graph.normal(x, f"{name}/attention/layer_norm")
        query = graph.heads(graph.linear(normal, f"{name}/attention/linear_0", scale=HEAD_WIDTH**-0.5), (1, 0, 2))
        found, looks = graph.attend(query, graph.layer_of("keys", layer), graph.layer_of("values", layer))
        chosen = [head for where, head in alignment_heads if where == layer]
        if chosen:
            looked.append(graph.add("Gather", looks, graph.integers(*chosen), axis=0))
        x = graph.add("Add", x, graph.linear(found, f"{name}/attention/linear_2"))
        x = graph.feed_forward(x, name)
    x = graph.normal(x, "decoder/layer_norm")
    logits = graph.product(x, "vocabulary", embeddings)
    graph.add("LogSoftmax", logits, result="log_probs", axis=-1)
    graph.stack(node_keys, "node_keys")
    graph.stack(node_values, "node_values")
    everywhere = graph.add("Concat", *looked, axis=0)
    graph.add("ReduceMean", everywhere, graph.integers(0), result="attention", keepdims=0)
    old: list[int | str] = [LAYERS, HEADS, "past", HEAD_WIDTH]
    new: list[int | str] = [LAYERS, HEADS, "nodes", HEAD_WIDTH]
    return graph.model(
        "whisper_decoder",
        {
            "tokens": (TensorProto.INT64, ["nodes"]),
            "positions": (TensorProto.INT64, ["nodes"]),
            "mask": (TensorProto.FLOAT, ["nodes", "seen"]),
            "past_keys": (TensorProto.FLOAT, old),
            "past_values": (TensorProto.FLOAT, old),
            "keys": (TensorProto.FLOAT, [LAYERS, HEADS, HEAD_WIDTH, "time"]),
            "values": (TensorProto.FLOAT, [LAYERS, HEADS, "time", HEAD_WIDTH]),
        },
        {
            "log_probs": ["nodes", len(kept)],
            "node_keys": new,
            "node_values": new,
            "attention": ["nodes", "time"],
        },
    )


def _query_key_value(graph: _Graph, x: str, name: str) -> tuple[str, str, str]:
    query = graph.heads(graph.linear(x, name, slice(0, WIDTH), HEAD_WIDTH**-0.5), (1, 0, 2))
    key = graph.heads(graph.linear(x, name, slice(WIDTH, 2 * WIDTH)), (1, 2, 0))
    value = graph.heads(graph.linear(x, name, slice(2 * WIDTH, 3 * WIDTH)), (1, 0, 2))
    return query, key, value
