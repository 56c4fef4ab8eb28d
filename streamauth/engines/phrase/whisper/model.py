"""Whisper, which judges a phrase at its end: the probability of each token that may have been said.

Data path: utterance -> WhisperModel.hear -> **Hypotheses** (a tree of tokens) -> WhisperEvidence. The model is OpenAI's
Whisper (Radford et al. 2022), written as ONNX by ``scripts/train/whisper/export.py``. It is given the utterance and
half a second of silence behind it, not the 30 s that it was trained on: positions are cut, which changes scores little
and saves nine tenths of the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from streamauth.core.audio.degradation import rms
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.encoder.onnx import session
from streamauth.engines.phrase.whisper.mel import whisper_features
from streamauth.engines.phrase.whisper.tokens import WhisperTokens
from streamauth.errors import EngineError, ModelCorrupt

MOST_SAMPLES = 29 * SAMPLE_RATE_HZ
SILENCE_SAMPLES = SAMPLE_RATE_HZ // 2
_USUAL_RMS, _MOST_GAIN = 0.1, 30.0
"""Level that an utterance is brought to: the features hold it, and people and microphones differ by 30 dB."""
_LAYERS, _HEADS, _HEAD_WIDTH = 4, 6, 64
_NEVER = np.float32(-1e9)
_MAY_END = 0.02
"""Probability that nothing follows, from which the first word once more is taken for a repetition."""

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Heard:
    """What the encoder made of an utterance, for each layer of the decoder; a frame is 20 ms.

    Attributes:
        keys: Shape (layers, heads, 64, frames).
        values: Shape (layers, heads, frames, 64).
    """

    keys: Scores
    values: Scores


def encoder_input(samples: Samples, silence_samples: int = SILENCE_SAMPLES) -> NDArray[np.float32]:
    """Features of an utterance at the usual level and of the silence behind it, an even number of frames.

    Args:
        samples: The utterance, float32; may be empty.
        silence_samples: Length of the silence.

    Returns:
        Shape (frames, 80), float32.
    """
    level = rms(samples) if samples.size else 0.0
    samples = samples * np.float32(min(_MOST_GAIN, _USUAL_RMS / max(level, 1e-9)))
    features = whisper_features(np.pad(samples, (0, silence_samples)))
    return features[: len(features) // 2 * 2]


class WhisperModel:
    """Encoder, decoder and vocabulary; without state, so that any number of threads may call them.

    Args:
        folder: Of ``encoder.onnx``, ``decoder.onnx`` and ``tokens.txt.gz``.

    Attributes:
        tokens: The vocabulary.

    Raises:
        ModelCorrupt: A file is missing or cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.tokens = WhisperTokens(folder / "tokens.txt.gz")
        try:
            self._encoder = session(folder / "encoder.onnx", threads=1)
            self._decoder = session(folder / "decoder.onnx", threads=1)
        # the runtime's exceptions have no base class of their own
        except Exception as error:
            raise ModelCorrupt("The model Whisper cannot be loaded. Install streamauth again.") from error

    def hear(self, samples: Samples) -> Heard:
        """Run the encoder.

        Args:
            samples: The utterance, up to ``MOST_SAMPLES``.

        Raises:
            EngineError: The runtime failed or gave something that is not finite.
        """
        features = encoder_input(samples[:MOST_SAMPLES].astype(np.float32))
        return Heard(*_run(self._encoder, ["keys", "values"], {"mel": features}))

    def hypotheses(self, heard: Heard) -> "Hypotheses":
        """An empty tree of tokens for an utterance."""
        return Hypotheses(self._decoder, self.tokens, heard)


class Hypotheses:
    """Texts that one utterance may hold, as a tree of tokens that grows; beginnings in common are worked on once."""

    def __init__(self, decoder: onnxruntime.InferenceSession, tokens: WhisperTokens, heard: Heard) -> None:
        self._decoder, self._tokens, self._heard = decoder, tokens, heard
        self._nodes: dict[tuple[int, ...], int] = {}
        self._paths: list[list[int]] = []
        self._keys = self._values = np.zeros((_LAYERS, _HEADS, 0, _HEAD_WIDTH), np.float32)
        self._log_probs: list[Scores] = []

    def grow(self, sequences: Sequence[Sequence[int]]) -> None:
        """Work on all tokens of some texts that are not in the tree yet, in one call of the decoder.

        Args:
            sequences: Tokens of each text, without those that start and end a transcript.

        Raises:
            EngineError: The runtime failed or gave something that is not finite.
        """
        new: list[tuple[int, ...]] = []
        for sequence in sequences:
            path = (*self._tokens.start, *sequence)
            for count in range(1, len(path) + 1):
                prefix = tuple(path[:count])
                if prefix not in self._nodes:
                    self._nodes[prefix] = len(self._paths)
                    before = self._paths[self._nodes[prefix[:-1]]] if count > 1 else []
                    self._paths.append([*before, len(self._paths)])
                    new.append(prefix)
        if not new:
            return
        known = len(self._paths) - len(new)
        mask = np.full((len(new), len(self._paths)), _NEVER, np.float32)
        for row, prefix in enumerate(new):
            mask[row, self._paths[self._nodes[prefix]]] = 0
        log_probs, keys, values = _run(
            self._decoder,
            ["log_probs", "node_keys", "node_values"],
            {
                "tokens": np.array([prefix[-1] for prefix in new], np.int64),
                "positions": np.array([len(prefix) - 1 for prefix in new], np.int64),
                "mask": mask,
                "past_keys": self._keys[:, :, :known],
                "past_values": self._values[:, :, :known],
                "keys": self._heard.keys,
                "values": self._heard.values,
            },
        )
        self._keys = np.concatenate([self._keys, keys], axis=2)
        self._values = np.concatenate([self._values, values], axis=2)
        self._log_probs.extend(log_probs)

    def following(self, sequence: Sequence[int]) -> Scores:
        """Log probability of each token behind a text of the tree, shape (vocabulary,), in nats."""
        return self._log_probs[self._nodes[(*self._tokens.start, *sequence)]]

    def greedy(self, most: int, ends: NDArray[np.int64]) -> tuple[int, ...]:
        """The text that follows the likeliest token each time, of so many tokens at most.

        With no more sound than the utterance the decoder may not end but begin anew: hence the limit, and the end where
        the first word or the last few tokens come once more and the text might as well be over. A single token may
        follow itself, as digits may well come several times in a row.

        Args:
            most: The limit.
            ends: The tokens that may end a text.
        """
        text: tuple[int, ...] = ()
        may_end: list[bool] = []
        while len(text) < most:
            self.grow([text])
            following = self.following(text)
            token = int(following.argmax())
            if token == self._tokens.end or token in self._tokens.start:
                break
            may_end.append(bool(text) and (text[-1] in ends or np.exp(following[ends]).sum() >= _MAY_END))
            if may_end[-1] and self._begins_anew(text, token):
                break
            text = (*text, token)
            if (again := _repeated(text)) and may_end[len(text) - again]:
                return text[:-again]
        return text

    def _begins_anew(self, text: tuple[int, ...], token: int) -> bool:
        first, then = (self._tokens.decode(part).strip().lower() for part in (text[:1], [token]))
        return len(text) > 1 and first.isalpha() and first == then


def _repeated(text: Sequence[int]) -> int:
    """How many of the last tokens, two at least, are those before them once more; 0 if none."""
    most = len(text) // 2
    return next((count for count in range(2, most + 1) if text[-count:] == text[-2 * count : -count]), 0)


def _run(network: onnxruntime.InferenceSession, outputs: Sequence[str], inputs: dict[str, object]) -> list[Scores]:
    try:
        results: list[Scores] = network.run(list(outputs), inputs)
    except Exception as error:
        raise EngineError("The runtime of Whisper failed. Nothing was accepted.") from error
    if not all(np.isfinite(result).all() for result in results):
        raise EngineError("Whisper gave something that is no score. Nothing was accepted.")
    return results
