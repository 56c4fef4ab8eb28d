"""Speaker encoders with random weights, made with the tensors and metadata of each family's own exports."""

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_IR_VERSION = 8  # of the years when the real files were exported; every runtime reads it


class _Graph:
    """Nodes and weights that grow together; each method gives the name of its result."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.RandomState(seed)
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def constant(self, value: Any) -> str:
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def weight(self, *shape: int) -> str:
        return self.constant((self.random.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32))

    def op(self, kind: str, *inputs: str, to: str = "", **attributes: Any) -> str:
        # the result is called by `to`; an attribute of that name is given as `to_`
        attributes = {name.rstrip("_"): value for name, value in attributes.items()}
        name = to or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def head(self, frames: str, bands: int, dim: int, to: str) -> str:
        """Frames, shape (batch, frames, bands), to an embedding by their mean after a layer."""
        hidden = self.op("Tanh", self.op("MatMul", frames, self.weight(bands, 64)))
        pooled = self.op("ReduceMean", hidden, axes=[1], keepdims=0)
        return self.op("MatMul", pooled, self.weight(64, dim), to=to)

    def file(self, inputs: list[Any], outputs: list[Any], opset: int, metadata: dict[str, str] | None = None) -> bytes:
        graph = helper.make_graph(self.nodes, "encoder", inputs, outputs, self.weights)
        imports = [helper.make_opsetid("", opset)]
        model = helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION)
        helper.set_model_props(model, metadata or {})
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


def _value(name: str, *shape: int | str, kind: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, kind, list(shape))


def wespeaker_metadata(dim: int) -> dict[str, str]:
    return {
        "framework": "wespeaker", "language": "English", "url": "", "comment": "", "sample_rate": "16000",
        "output_dim": str(dim), "normalize_samples": "0",
    }  # fmt: skip


def three_d_speaker_metadata(dim: int) -> dict[str, str]:
    return {
        **wespeaker_metadata(dim), "framework": "3d-speaker", "normalize_samples": "1",
        "feature_normalize_type": "global-mean",
    }  # fmt: skip


def wespeaker(dim: int = 256, *, metadata: dict[str, str] | None = None, seed: int = 0) -> bytes:
    """As the official exports: opset 14, ``feats`` to ``embs``, and no metadata unless given."""
    graph = _Graph(seed)
    graph.head("feats", 80, dim, "embs")
    return graph.file([_value("feats", "B", "T", 80)], [_value("embs", "B", dim)], 14, metadata)


def three_d_speaker(dim: int = 192, *, metadata: bool = True) -> bytes:
    """As its exports: opset 13, ``x`` to ``embedding``."""
    graph = _Graph(1)
    graph.head("x", 80, dim, "embedding")
    known = three_d_speaker_metadata(dim) if metadata else {}
    return graph.file([_value("x", "N", "T", 80)], [_value("embedding", "N", dim)], 13, known)


def campplus(dim: int = 192, *, count_include_pad: bool = False) -> bytes:
    """The context part of CAM++: means over 100 frames, the last ones over fewer, by Pad and AveragePool(ceil).

    Args:
        dim: Length of an embedding.
        count_include_pad: As recent exporters write it; wrong on every runtime below 1.29, however it is run.
    """
    graph = _Graph(2)
    frames = graph.op("Transpose", "x", perm=[0, 2, 1])
    hidden = graph.op("Conv", frames, graph.weight(64, 80, 3), kernel_shape=[3], strides=[2], pads=[1, 1])
    hidden = graph.op("Relu", hidden)
    padded = graph.op("Pad", hidden, graph.constant(np.zeros(6, np.int64)), graph.constant(np.float32(0)))
    pooling: dict[str, Any] = {"kernel_shape": [100], "strides": [100], "ceil_mode": 1}
    if count_include_pad:
        pooling["count_include_pad"] = 1
    segments = graph.op("AveragePool", padded, **pooling)
    # a gate on the frames, as CAM++ has one, so that a wrong mean changes the direction of the embedding
    context = graph.op("ReduceMean", segments, axes=[2], keepdims=1)
    # 0.8 is its value on features of deviation 1; half of it, as a wrong divisor gives, turns gates over
    context = graph.op("Sub", context, graph.constant(np.float32(0.6)))
    weight = graph.constant((10 * graph.random.standard_normal((64, 64, 1))).astype(np.float32))
    gate = graph.op("Sigmoid", graph.op("Conv", context, weight, kernel_shape=[1]))
    gated = graph.op("Transpose", graph.op("Mul", hidden, gate), perm=[0, 2, 1])
    graph.head(gated, 64, dim, "embedding")
    outputs = [_value("embedding", "N", dim)]
    return graph.file([_value("x", "N", "T", 80)], outputs, 13, three_d_speaker_metadata(dim))


def nemo(dim: int = 192, *, bands: int = 80, frame_ms: int = 25) -> bytes:
    """As its exports: bands before frames, lengths, class logits before the embedding."""
    graph = _Graph(3)
    frames = graph.op("Transpose", "audio_signal", perm=[0, 2, 1])
    hidden = graph.op("Tanh", graph.op("MatMul", frames, graph.weight(bands, 64)))
    # frames after the given length are padding of zeros, which tanh leaves zero
    total = graph.op("ReduceSum", hidden, graph.constant(np.array([1], np.int64)), keepdims=0)
    count = graph.op("Unsqueeze", graph.op("Cast", "length", to_=TensorProto.FLOAT), graph.constant(np.array([1])))
    mean = graph.op("Div", total, count)
    graph.op("MatMul", mean, graph.weight(64, dim), to="embs")
    graph.op("MatMul", "embs", graph.weight(dim, 10), to="logits")
    metadata = {
        "framework": "nemo", "language": "English", "url": "", "comment": "", "sample_rate": "16000",
        "output_dim": str(dim), "feature_normalize_type": "per_feature", "window_size_ms": str(frame_ms),
        "window_stride_ms": "10", "window_type": "hann", "feat_dim": str(bands),
    }  # fmt: skip
    inputs = [_value("audio_signal", "B", bands, "T"), _value("length", "B", kind=TensorProto.INT64)]
    return graph.file(inputs, [_value("logits", "B", 10), _value("embs", "B", dim)], 14, metadata)


def constant(dim: int = 8) -> bytes:
    """An encoder that hears no difference."""
    graph = _Graph(4)
    zero = graph.op("Mul", graph.op("ReduceMean", "feats", axes=[1], keepdims=0), graph.constant(np.float32(0)))
    same = graph.op("MatMul", zero, graph.weight(80, dim))
    graph.op("Add", same, graph.constant(np.ones(dim, np.float32)), to="embs")
    return graph.file([_value("feats", "B", "T", 80)], [_value("embs", "B", dim)], 14)


def one_at_a_time(dim: int = 8) -> bytes:
    """An encoder that was exported for a batch of one."""
    graph = _Graph(5)
    graph.head("feats", 80, dim, "embs")
    return graph.file([_value("feats", 1, "T", 80)], [_value("embs", 1, dim)], 14)


def identity(metadata: dict[str, str]) -> bytes:
    """A network that gives its features back, all frames in a row."""
    graph = _Graph(6)
    graph.op("Reshape", "x", graph.constant(np.array([1, -1], np.int64)), to="embedding")
    return graph.file([_value("x", "N", "T", 80)], [_value("embedding", "N", "D")], 13, metadata)


def pooling() -> bytes:
    """The pooling of CAM++ alone, over blocks of 100."""
    graph = _Graph(7)
    padded = graph.op("Pad", "x", graph.constant(np.zeros(6, np.int64)), graph.constant(np.float32(0)))
    graph.op("AveragePool", padded, to="y", kernel_shape=[100], strides=[100], ceil_mode=1)
    return graph.file([_value("x", 1, 1, "T")], [_value("y", 1, 1, "S")], 13)
