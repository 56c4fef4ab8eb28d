"""The training objective of the acoustic model: lattice-free maximum mutual information, from a flat start.

For each utterance the log probability of its words, summed over all alignments, less that of all sequences of
phones, weighted by a bigram of phones (H. Hadian et al., "End-to-end speech recognition using lattice-free MMI",
Interspeech 2018). A phone has one state with two outputs: its first frame and all others.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from scripts.train.vosk.vosk_format import OUTPUTS
from streamauth.engines.phrase.alignment import NUMBER, PHONES, SILENCE, AlignmentGraph

PHONE_STATES = 1 + len(PHONES)
_NEVER = -1e4
_PAUSED = 0.2  # how often a pause follows a word, for the bigram of phones

Pronunciations = Sequence[Sequence[str]]


def phone_bigram(sentences: Sequence[Sequence[Pronunciations]]) -> NDArray[np.float32]:
    """Log probability of each phone after each other, shape (PHONE_STATES, PHONE_STATES), pauses included."""
    counts = np.full((PHONE_STATES, PHONE_STATES), 0.5)
    for words in sentences:
        previous = SILENCE
        for variants in words:
            first, *rest = [NUMBER[phone] for phone in variants[0]]
            counts[previous, first] += 1 - _PAUSED
            counts[previous, SILENCE] += _PAUSED
            counts[SILENCE, first] += _PAUSED
            for phone in rest:
                counts[first, phone] += 1
                first = phone
            previous = first
        counts[previous, SILENCE] += 1
    np.fill_diagonal(counts, 0.5)
    counts[SILENCE, SILENCE] = counts[SILENCE].sum()  # stands for an utterance that begins with a pause
    return np.asarray(np.log(counts / counts.sum(axis=1, keepdims=True)), np.float32)


class Objective:
    """Mean loss per frame.

    Args:
        bigram: From ``phone_bigram``.
    """

    def __init__(self, bigram: NDArray[np.float32]) -> None:
        self._bigram = torch.from_numpy(bigram)
        self._chances = self._bigram.exp()

    def __call__(self, scores: torch.Tensor, lengths: torch.Tensor, graphs: Sequence[AlignmentGraph]) -> torch.Tensor:
        """Loss of a batch.

        Args:
            scores: Shape (batch, frames, OUTPUTS).
            lengths: Frames of each utterance, shape (batch,).
            graphs: Words of each utterance; it must have more frames than phones.
        """
        said = self._said(scores, lengths, graphs)
        anything = self._anything(scores, lengths)
        return (anything - said).sum() / lengths.sum()

    def _said(self, scores: torch.Tensor, lengths: torch.Tensor, graphs: Sequence[AlignmentGraph]) -> torch.Tensor:
        batch, frames, _ = scores.shape
        states = max(len(graph.phones) for graph in graphs)
        most = max(graph.before.shape[1] for graph in graphs)
        phones = torch.zeros(batch, states, dtype=torch.long)
        before = torch.full((batch, states, most), states)
        weight = torch.full((batch, states, most), _NEVER)
        first = torch.full((batch, states), _NEVER)
        last = torch.full((batch, states), _NEVER)
        for row, graph in enumerate(graphs):
            count, wide = graph.before.shape
            phones[row, :count] = torch.from_numpy(graph.phones)
            real = torch.from_numpy(graph.before < count)
            before[row, :count, :wide] = torch.from_numpy(np.where(graph.before < count, graph.before, states))
            source = torch.from_numpy(graph.phones[np.minimum(graph.before, count - 1)])
            weight[row, :count, :wide] = torch.where(
                real, self._bigram[source, torch.from_numpy(graph.phones)[:, None]], torch.tensor(_NEVER)
            )
            first[row, graph.first] = self._bigram[SILENCE, phones[row, graph.first]]
            last[row, graph.last] = 0.0
        index = phones[:, None, :].expand(-1, frames, -1)
        enter, stay = scores.gather(2, 2 * index), scores.gather(2, 2 * index + 1)
        flat = before.reshape(batch, -1)
        value = first + enter[:, 0]
        nowhere = torch.full((batch, 1), _NEVER)
        result = torch.zeros(batch)
        for frame in range(1, frames + 1):
            over = lengths == frame
            if bool(over.any()):
                result = torch.where(over, torch.logsumexp(value + last, dim=1), result)
            if frame == frames:
                break
            sources = torch.cat([value, nowhere], dim=1).gather(1, flat).reshape(batch, states, most)
            arriving = torch.logsumexp(sources + weight, dim=2) + enter[:, frame]
            value = torch.logaddexp(arriving, value + stay[:, frame])
        return result

    def _anything(self, scores: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        batch, frames, _ = scores.shape
        pairs = scores.reshape(batch, frames, OUTPUTS // 2, 2)
        enter, stay = pairs[..., 0], pairs[..., 1]
        value = self._bigram[SILENCE] + enter[:, 0]
        result = torch.zeros(batch)
        for frame in range(1, frames + 1):
            over = lengths == frame
            if bool(over.any()):
                result = torch.where(over, torch.logsumexp(value, dim=1), result)
            if frame == frames:
                break
            top = value.max(dim=1, keepdim=True).values.detach()
            arriving = ((value - top).exp() @ self._chances).clamp_min(1e-30).log() + top + enter[:, frame]
            value = torch.logaddexp(arriving, value + stay[:, frame])
        return result
