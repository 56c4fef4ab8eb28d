"""Training examples of the acoustic model: features and words, augmented anew in each batch.

Recordings are cut at word ends into pieces of some seconds; each piece is put into several rooms, noises, tempos and
levels and kept as features. A batch then changes vocal tract, tempo and level of each once more, and blanks some of it.
"""

import multiprocessing
import subprocess
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from scripts.train.vosk.cmu_dictionary import dictionary
from scripts.train.vosk.network import Network, padded
from scripts.train.vosk.noise import augmented
from scripts.train.vosk.objective import Pronunciations
from scripts.train.vosk.speech import SAMPLE_RATE_HZ, Spoken, is_guessed
from streamauth.engines.phrase.acoustic_model import FRAME_SUBSAMPLING, filter_bank
from streamauth.engines.phrase.alignment import NUMBER, AlignmentGraph

COPIES = {"libri": 10, "keyword": 6, "digits": 3, "flite": 1, "espeak": 1, "festival": 1}
SHARE = {"libri": 0.5, "keyword": 0.1, "digits": 0.1, "flite": 0.19, "espeak": 0.06, "festival": 0.05}
FEW_VOICES = ("digits", "flite", "festival")
BATCH_FRAMES = 4000
SEED = 0
_FRAME_SAMPLES = 160

Features = NDArray[np.float16]


class Example:
    """One training example: features and words."""

    def __init__(self, source: str, fold: int | None, words: Sequence[Pronunciations], features: Features) -> None:
        self.source, self.fold, self.words, self.features = source, fold, words, features

    @property
    def frames(self) -> int:
        """Output frames."""
        return -(-len(self.features) // FRAME_SUBSAMPLING)


class Lexicon:
    """Pronunciations: of the CMU dictionary, else flite's guess."""

    def __init__(self) -> None:
        self.words = dictionary()

    def of(self, word: str) -> list[tuple[str, ...]]:
        """All pronunciations of a word."""
        if word not in self.words:
            command = ["flite", "-ps", "-t", word, "-o", "none"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            phones = [{"AX": "AH", "AXR": "ER"}.get(phone.upper(), phone.upper()) for phone in done.stdout.split()]
            self.words[word] = [tuple(phone for phone in phones if phone in NUMBER)]
        return self.words[word]

    def all_of(self, words: Sequence[str]) -> list[list[tuple[str, ...]]]:
        """Pronunciations of each word."""
        return [self.of(word) for word in words]


def scores_of(network: Network, features: NDArray[np.floating]) -> NDArray[np.float32]:
    """Output of the network for one utterance, shape (output frames, OUTPUTS)."""
    before, after = network.context
    with torch.no_grad():
        frames = padded(features.astype(np.float32), (before, after + FRAME_SUBSAMPLING))
        scores = network(torch.from_numpy(frames)[None])[0]
    return np.asarray(scores[: -(-len(features) // FRAME_SUBSAMPLING)].numpy())


def pieces(utterance: Spoken, network: Network, lexicon: Lexicon) -> Iterator[Spoken]:
    """An utterance cut at word ends into pieces of 1.5 to 5 s, without its guessed words (those with a star)."""
    if utterance.audio.size < 5 * SAMPLE_RATE_HZ and not any(map(is_guessed, utterance.words)):
        yield utterance
        return
    graph = AlignmentGraph.of(lexicon.all_of([word.lstrip("*") for word in utterance.words]))
    scores = scores_of(network, filter_bank(utterance.audio))
    if len(scores) <= len(graph.phones):
        return
    _, path = graph.best_path(scores.astype(np.float64), np.zeros((1 + len(NUMBER),) * 2))
    owners = graph.words[path]
    step = FRAME_SUBSAMPLING * _FRAME_SAMPLES
    guessed = [is_guessed(word) for word in utterance.words]
    begin, first = 0, 0
    for word in range(len(utterance.words)):
        frames = np.flatnonzero(owners == word)
        following = np.flatnonzero(owners == word + 1)
        done = word + 1 == len(utterance.words)
        end = utterance.audio.size if done else int(frames[-1] + following[0] + 1) * step // 2
        pause = 0 if done else int(following[0] - frames[-1] - 1)
        length = end - begin
        edge = done or guessed[word] != guessed[word + 1]
        if edge or length > 3.5 * SAMPLE_RATE_HZ or (length > 1.5 * SAMPLE_RATE_HZ and pause >= 4):
            if not guessed[word]:
                yield Spoken(
                    f"{utterance.name}:{first}",
                    utterance.source,
                    utterance.fold,
                    utterance.words[first : word + 1],
                    utterance.audio[begin:end],
                )
            begin, first = end, word + 1


def examples_of(spoken: Sequence[Spoken], lexicon: Lexicon) -> list[Example]:
    """Augmented copies of all utterances, as features."""
    babble = [u.audio for u in spoken if u.source in ("libri", "flite")][::5]
    jobs = [(number, copy) for number, u in enumerate(spoken) for copy in range(COPIES[u.source])]
    global _shared
    _shared = (spoken, babble)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        features = pool.map(_one_example, jobs, chunksize=64)
    result = []
    for (number, _), made in zip(jobs, features, strict=True):
        utterance = spoken[number]
        words = lexicon.all_of(utterance.words)
        if sum(len(variants[0]) for variants in words) + len(words) < 0.9 * len(made) / FRAME_SUBSAMPLING:
            result.append(Example(utterance.source, utterance.fold, words, made))
    return result


_shared: tuple[Sequence[Spoken], Sequence[NDArray[np.float32]]] = ((), ())


def _one_example(job: tuple[int, int]) -> Features:
    number, copy = job
    spoken, babble = _shared
    noise = np.random.default_rng((SEED, number, copy))
    clean = spoken[number].source == "libri" and copy == 0
    audio = augmented(spoken[number].audio, babble, noise, strong=0.0 if clean else 1.0)
    return filter_bank(audio).astype(np.float16)


def batches(examples: Sequence[Example], noise: np.random.Generator) -> Iterator[list[Example]]:
    """Endless batches of examples of like length, each source with its share of the frames."""
    by_source = {source: [e for e in examples if e.source == source] for source in SHARE}
    by_source = {source: sorted(group, key=lambda e: e.frames) for source, group in by_source.items() if group}
    shares = np.array([SHARE[source] for source in by_source])
    names = list(by_source)
    weights = shares / [np.mean([e.frames for e in by_source[name]]) for name in names]
    weights /= weights.sum()
    while True:
        pool = []
        for name in noise.choice(names, size=512, p=weights):
            group = by_source[str(name)]
            pool.append(group[noise.integers(len(group))])
        pool.sort(key=lambda e: e.frames)
        chosen: list[list[Example]] = [[]]
        for example in pool:
            if chosen[-1] and (len(chosen[-1]) + 1) * example.frames > BATCH_FRAMES:
                chosen.append([])
            chosen[-1].append(example)
        for index in noise.permutation(len(chosen)):
            yield chosen[index]


def warped(example: Example, longest: int, noise: np.random.Generator) -> NDArray[np.float32]:
    """Features of an example as another vocal tract and tempo would give, shape (frames, channels).

    The frequency axis is stretched piecewise (N. Jaitly and G. Hinton, "Vocal tract length perturbation improves
    speech recognition", 2013), the time axis evenly, as far as the words still fit and the batch has room.
    """
    features = example.features.astype(np.float32)
    channels = features.shape[1]
    if noise.random() < 0.7:
        widest = 0.8 if example.source in FEW_VOICES else 0.88
        factor, knee = np.exp(noise.uniform(np.log(widest), -np.log(widest))), 0.8 * channels
        at = np.arange(channels) * factor
        slope = (channels - 1 - knee * factor) / (channels - 1 - knee)
        at = np.where(np.arange(channels) > knee, knee * factor + (np.arange(channels) - knee) * slope, at)
        features = _between(features.T, np.clip(at, 0, channels - 1)).T
    if noise.random() < 0.5:
        least = sum(len(variants[0]) for variants in example.words) + len(example.words)
        shortest = max(least / 0.85, 0.8 * example.frames)
        frames = min(int(noise.uniform(min(shortest, example.frames), 1.2 * example.frames)), longest)
        features = _between(features, np.linspace(0, len(features) - 1, FRAME_SUBSAMPLING * frames))
    return features


def _between(rows: NDArray[np.float32], at: NDArray[np.floating]) -> NDArray[np.float32]:
    low = np.minimum(at.astype(int), len(rows) - 2)
    share = (at - low).astype(np.float32)[:, None]
    return np.asarray(rows[low] * (1 - share) + rows[low + 1] * share, np.float32)


def channelled(frames: NDArray[np.float32], noise: np.random.Generator) -> None:
    """Another microphone, steady noise and an 8 kHz line, each sometimes, on log filter-bank frames, in place."""
    channels = frames.shape[1]
    if noise.random() < 0.5:
        frames += noise.uniform(0.2, 1.2) * _curve(channels, noise)
    if noise.random() < 0.3:
        level = np.quantile(frames, 0.9) - noise.uniform(1.5, 8)
        # powers of noise in a narrow band scatter like those of few values
        scatter = np.log(noise.chisquare(6, frames.shape) / 6)
        np.logaddexp(frames, level + _curve(channels, noise) + scatter, out=frames)
    if noise.random() < 0.25:
        # what a line leaves above its band: rounding, the noise of what follows it, or nearly nothing
        edge = int(noise.integers(27, 32))
        rest = noise.uniform(-13, 12) + noise.uniform(0.1, 0.5) * noise.standard_normal(frames[:, edge:].shape)
        frames[:, edge:] = np.logaddexp(frames[:, edge:] - noise.uniform(8, 30), rest)
        if noise.random() < 0.4:
            low = int(noise.integers(1, 6))
            frames[:, :low] -= np.linspace(noise.uniform(2, 8), 0.5, low, dtype=np.float32)


def _curve(channels: int, noise: np.random.Generator) -> NDArray[np.float32]:
    knots = int(noise.integers(3, 8))
    at = np.linspace(0, knots - 1, channels)
    return np.interp(at, np.arange(knots), noise.standard_normal(knots)).astype(np.float32)


def masked(frames: NDArray[np.float32], mean: NDArray[np.float32], noise: np.random.Generator) -> None:
    """Another level, and some channels and moments blanked, in place.

    After D. Park et al., "SpecAugment", Interspeech 2019.
    """
    frames += noise.normal(0, 0.3)
    for _ in range(2):
        if noise.random() < 0.6:
            at = noise.integers(len(mean) - 5)
            frames[:, at : at + noise.integers(1, 8)] = mean[at]
    for _ in range(len(frames) // 100):
        if noise.random() < 0.5:
            at = noise.integers(len(frames))
            frames[at : at + noise.integers(1, 9)] = mean
