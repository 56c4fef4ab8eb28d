"""Whisper tiny.en in PyTorch, float32, from the original weights: what the ONNX files are compared with."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from scripts.train.whisper.ctranslate2_file import Array

WIDTH, HEADS, LAYERS = 384, 6, 4


class Reference:
    """Encoder and decoder.

    Args:
        weights: By CTranslate2's names.

    Attributes:
        tensors: The weights.
    """

    def __init__(self, weights: Mapping[str, Array]) -> None:
        self.tensors = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}

    def encode(self, mel: Array) -> Tensor:
        """States, shape (1, frames / 2, WIDTH), of log mel features, shape (frames, 80); an even number of frames."""
        return self.states(torch.from_numpy(np.ascontiguousarray(mel.T))[None])

    def states(self, mels: Tensor) -> Tensor:
        """States, shape (batch, frames / 2, WIDTH), of log mel features, shape (batch, 80, frames)."""
        x = mels
        for number, stride in ((1, 1), (2, 2)):
            kernel, bias = (self.tensors[f"encoder/conv{number}/{part}"] for part in ("weight", "bias"))
            x = functional.gelu(functional.conv1d(x, kernel, bias, stride=stride, padding=1))
        x = x.transpose(1, 2)
        x = x + self.tensors["encoder/position_encodings/encodings"][: x.shape[1]]
        for layer in range(LAYERS):
            name = f"encoder/layer_{layer}"
            normal = self._normal(x, f"{name}/self_attention/layer_norm")
            query, key, value = self._linear(normal, f"{name}/self_attention/linear_0").chunk(3, -1)
            x = x + self._linear(_attention(query, key, value), f"{name}/self_attention/linear_1")
            x = self._feed_forward(x, name)
        return self._normal(x, "encoder/layer_norm")

    def log_probs(self, states: Tensor, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Log probabilities of what follows each token, shape (sequences, tokens, vocabulary).

        Args:
            states: What ``encode`` gave, or the states of one utterance for each sequence.
            tokens: The sequences, all of the same length.
        """
        given = torch.tensor(tokens)
        count = given.shape[1]
        positions = self.tensors["decoder/position_encodings/encodings"][:count]
        x = self.tensors["decoder/embeddings/weight"][given] + positions
        later = torch.full((count, count), -torch.inf).triu(1)
        states = states.expand(len(tokens), -1, -1)
        for layer in range(LAYERS):
            name = f"decoder/layer_{layer}"
            normal = self._normal(x, f"{name}/self_attention/layer_norm")
            query, key, value = self._linear(normal, f"{name}/self_attention/linear_0").chunk(3, -1)
            x = x + self._linear(_attention(query, key, value, later), f"{name}/self_attention/linear_1")
            normal = self._normal(x, f"{name}/attention/layer_norm")
            query = self._linear(normal, f"{name}/attention/linear_0")
            key, value = self._linear(states, f"{name}/attention/linear_1").chunk(2, -1)
            x = x + self._linear(_attention(query, key, value), f"{name}/attention/linear_2")
            x = self._feed_forward(x, name)
        x = self._normal(x, "decoder/layer_norm")
        return torch.log_softmax(x @ self.tensors["decoder/embeddings/weight"].T, -1)

    def _feed_forward(self, x: Tensor, name: str) -> Tensor:
        normal = self._normal(x, f"{name}/ffn/layer_norm")
        return x + self._linear(functional.gelu(self._linear(normal, f"{name}/ffn/linear_0")), f"{name}/ffn/linear_1")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return functional.linear(x, self.tensors[f"{name}/weight"], self.tensors[f"{name}/bias"])

    def _normal(self, x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(x, (WIDTH,), self.tensors[f"{name}/gamma"], self.tensors[f"{name}/beta"])


def _attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    q, k, v = (part.view(*part.shape[:2], HEADS, -1).transpose(1, 2) for part in (query, key, value))
    out = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return out.transpose(1, 2).reshape(query.shape)
