"""The acoustic model of a PocketSphinx model folder, read into numpy and shared by all streams.

PocketSphinx's own decoders give no score for words that they did not choose; this gives the likelihood of any
sequence of phones. The model is phonetically tied: each base phone has a codebook of Gaussians per feature stream,
and each state of each triphone (a *senone*) has its own weights over the codebook of its base phone.

Files (formats of CMU Sphinx-3 and PocketSphinx): ``mdef`` (triphones to senones), ``means``, ``variances``,
``sendump`` (mixture weights, 8 bit logarithms), ``transition_matrices``.
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamauth.engines.sphinx_features import Array, product
from streamauth.errors import ModelCorrupt

Indices = NDArray[np.intp]

STATES = 3
INTERNAL, BEGIN, END, SINGLE = range(4)
"""Positions of a phone in its word."""

_DENSITIES = 128
_WEIGHT_STEP = 1024 * np.log(1.0001)
_VARIANCE_FLOOR = 1e-4


class AcousticModel:
    """Likelihoods of senones, and the senones of phones in their context.

    Attributes:
        phones: Name to number of the base phones, ``SIL`` among them.
        log_stay: Log probability that a phone's state repeats, shape (phones, 3).
        log_leave: Log probability that it is left for the next one, shape (phones, 3).

    Args:
        folder: The acoustic model's folder.

    Raises:
        ModelCorrupt: A file is missing, cut off, or of another kind of model.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._read_definition((folder / "mdef").read_bytes())
            self._read_gaussians(folder)
            self._weights = _mixture_weights((folder / "sendump").read_bytes(), self._codebook.size)
            self._read_transitions((folder / "transition_matrices").read_bytes())
        except (OSError, ValueError, IndexError, struct.error) as error:
            raise ModelCorrupt() from error

    def senones(self, base: int, left: int, right: int, position: int) -> Indices:
        """The senones of a phone between two others, shape (3,)."""
        for place in (position, INTERNAL, BEGIN, END, SINGLE):
            key = self._key(base, left, right, place)
            found = int(np.searchsorted(self._triphone_keys, key))
            if found < self._triphone_keys.size and self._triphone_keys[found] == key:
                return np.asarray(self._senones[self._triphones[found]])
        return self.lone_senones(base)

    def lone_senones(self, base: int) -> Indices:
        """The senones of a phone in any context, shape (3,)."""
        return np.asarray(self._senones[base])

    def log_likelihoods(self, features: Array, senones: Indices) -> Array:
        """Log likelihood of each frame under each senone, shape (frames, senones).

        Args:
            features: Shape (frames, 3, 13).
            senones: Shape (senones,).
        """
        scores = np.zeros((len(features), senones.size), np.float32)
        inputs = [np.concatenate([stream, stream**2], axis=1) for stream in features.transpose(1, 0, 2)]
        codebooks = self._codebook[senones]
        for book in np.unique(codebooks):
            columns = np.flatnonzero(codebooks == book)
            steps = self._weights[:, senones[columns]]
            weights = np.exp(-_WEIGHT_STEP * steps).astype(np.float32).transpose(0, 2, 1)
            for stream, values in enumerate(inputs):
                densities = product(values, self._linear[stream, book]) + self._constant[stream, book]
                best = densities.max(axis=1, keepdims=True)
                mixed = product(np.exp(densities - best), weights[stream])
                scores[:, columns] += np.log(np.maximum(mixed, 1e-30)) + best
        return scores

    def _key(self, base: Any, left: Any, right: Any, position: Any) -> Any:
        count = len(self.phones)
        return ((base * count + left) * count + right) * 4 + position

    def _read_definition(self, data: bytes) -> None:
        if data[:4] != b"BMDF":
            raise ValueError("not a binary model definition")
        at = 12 + struct.unpack_from("<i", data, 8)[0]
        bases, phones, states, _, senones, _, _, _, nodes, _ = struct.unpack_from("<10i", data, at)
        at += 40
        names = data[at:].split(b"\0", bases)[:bases]
        at += -(-sum(len(name) + 1 for name in names) // 4) * 4 + 8 * nodes
        kind = [("sequence", "<i4"), ("matrix", "<i4"), ("position", "u1"), ("context", "u1", 3)]
        table = np.frombuffer(data, np.dtype(kind), phones, at)
        at += table.nbytes
        sequences = np.frombuffer(data, "<u2", struct.unpack_from("<i", data, at)[0], at + 4)
        if states != STATES:
            raise ValueError("only phones of three states are known")
        self.phones = {name.decode("ascii"): number for number, name in enumerate(names)}
        self._senones = sequences.reshape(-1, STATES)[table["sequence"]].astype(np.intp)
        context = table["context"][bases:].astype(np.int64)
        keys = self._key(context[:, 0], context[:, 1], context[:, 2], table["position"][bases:].astype(np.int64))
        order = np.argsort(keys)
        self._triphone_keys = keys[order]
        self._triphones = order + bases
        self._codebook = np.zeros(senones, np.intp)
        self._codebook[self._senones[bases:]] = context[:, :1]
        self._codebook[self._senones[:bases]] = np.arange(bases)[:, None]

    def _read_gaussians(self, folder: Path) -> None:
        means = _gaussians((folder / "means").read_bytes(), len(self.phones))
        variances = np.maximum(_gaussians((folder / "variances").read_bytes(), len(self.phones)), _VARIANCE_FLOOR)
        # log N(x) = x * mean/variance - x^2 / (2 variance) + a constant: one matrix product for all of a codebook
        self._linear = np.concatenate([means / variances, -0.5 / variances], axis=3).astype(np.float32)
        self._linear = np.ascontiguousarray(self._linear.transpose(1, 0, 3, 2))
        constant = -0.5 * (means**2 / variances + np.log(2 * np.pi * variances)).sum(axis=3)
        self._constant = constant.transpose(1, 0, 2).astype(np.float32)

    def _read_transitions(self, data: bytes) -> None:
        at = _after_header(data)
        matrices, rows, columns, count = struct.unpack_from("<4i", data, at)
        counts = np.frombuffer(data, "<f4", count, at + 16).reshape(matrices, rows, columns).astype(np.float64)
        chances = np.log(np.maximum(counts / counts.sum(axis=2, keepdims=True), 1e-10))
        states = np.arange(STATES)
        self.log_stay = chances[:, states, states]
        self.log_leave = chances[:, states, states + 1]


def _after_header(data: bytes) -> int:
    """Position after a Sphinx-3 text header and its byte order mark."""
    at = data.index(b"endhdr\n") + 7
    if struct.unpack_from("<I", data, at)[0] != 0x11223344:
        raise ValueError("not little endian")
    return at + 4


def _gaussians(data: bytes, codebooks: int) -> NDArray[np.float64]:
    """Means or variances, shape (codebooks, streams, densities, 13)."""
    at = _after_header(data)
    found, streams, densities = struct.unpack_from("<3i", data, at)
    lengths = struct.unpack_from(f"<{streams}i", data, at + 12)
    if (found, densities, set(lengths)) != (codebooks, _DENSITIES, {13}):
        raise ValueError("only three streams of 13 values with 128 Gaussians each are known")
    at += 12 + 4 * streams + 4
    values = np.frombuffer(data, "<f4", codebooks * streams * densities * 13, at)
    return values.reshape(codebooks, streams, densities, 13).astype(np.float64)


def _mixture_weights(data: bytes, senones: int) -> NDArray[np.uint8]:
    """Mixture weights as steps of negative logarithm, shape (streams, senones, densities)."""
    at = 0
    while length := struct.unpack_from("<i", data, at)[0]:
        at += 4 + length
    densities, found = struct.unpack_from("<2i", data, at + 4)
    if (densities, found) != (_DENSITIES, senones):
        raise ValueError("mixture weights of another model")
    steps = np.frombuffer(data, np.uint8, 3 * densities * senones, at + 12)
    return np.ascontiguousarray(steps.reshape(3, densities, senones).transpose(0, 2, 1))
