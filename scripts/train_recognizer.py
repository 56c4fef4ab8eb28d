"""Trains the acoustic model of the embedded pass-phrase recognizer: ../shared/audio and synthesizers to a network.

    python scripts/train_recognizer.py WORK --hold-out {0,1,none} [--start FILE] [--steps N]

WORK holds what is made on the way and may be used again: speech of the synthesizers, features, networks. First
a network learns from flite's voices, whose phones have known times; it aligns the recordings, which are cut at
word ends into pieces of some seconds; each piece is put into several rooms, noises and levels; then the network
itself learns from all of them (``recognizer_objective``). ``--hold-out`` leaves out a fold of ``recognizer_speech``
for measuring; the shipped network heard all. Needs Debian's flite, espeak-ng, festival with the voices
festvox-kallpc16k, festvox-kdlpc16k and festvox-us-slt-hts, and the optional dependencies ``build``.
"""

import argparse
import multiprocessing
import pickle
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from cmu_dictionary import dictionary
from numpy.typing import NDArray
from recognizer_network import Network, Shape, load_network, padded, save
from recognizer_noise import SAMPLE_RATE_HZ, augmented
from recognizer_objective import Objective, Pronunciations, phone_bigram
from recognizer_speech import Spoken, digits, keywords, librispeech, synthetic

from streamauth.engines.acoustic_model import FRAME_SUBSAMPLING, filter_bank
from streamauth.engines.word_graph import NUMBER, SILENCE, WordGraph

COPIES = {"libri": 8, "keyword": 6, "digits": 2, "flite": 1, "espeak": 1, "festival": 1}
SHARE = {"libri": 0.5, "keyword": 0.1, "digits": 0.1, "flite": 0.19, "espeak": 0.06, "festival": 0.05}
SYNTHETIC = 6000
BATCH_FRAMES = 4000
_FRAME_SAMPLES = 160
_SEED = 0

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


def kept(path: Path, make: Callable[[], object]) -> object:
    """What ``make`` gives, made only once."""
    if not path.exists():
        made = make()
        path.write_bytes(pickle.dumps(made, protocol=5))
    return pickle.loads(path.read_bytes())  # noqa: S301 - written by this program


def first_network(spoken: Sequence[Spoken], steps: int) -> Network:
    """A network trained on flite's voices, frame by frame."""
    noise = np.random.default_rng(_SEED)
    torch.manual_seed(_SEED)
    examples = []
    for utterance in spoken:
        start = 3200
        audio = np.pad(utterance.audio, (start, 3200)) * 10 ** (noise.uniform(-25, 0) / 20)
        audio = audio + noise.standard_normal(audio.size) * 10 ** (noise.uniform(-90, -45) / 20)
        features = filter_bank(audio.astype(np.float32))
        labels = np.ones(-(-len(features) // FRAME_SUBSAMPLING), np.int64)
        begin, taken, previous = start / SAMPLE_RATE_HZ, 0, SILENCE
        for phone, end in utterance.ends:
            number = NUMBER.get(phone or "", SILENCE)
            end += start / SAMPLE_RATE_HZ
            first = max(round(begin / 0.03), taken)
            last = max(round(end / 0.03), first + 1)
            labels[first:last] = 2 * number + 1
            if number != SILENCE or previous != SILENCE:
                labels[first : first + 1] = 2 * number
            begin, taken, previous = end, first + 1, number
        labels[0] = 0
        examples.append((features, labels))
    mean = np.concatenate([features for features, _ in examples]).mean(axis=0)
    network = Network(Shape(), mean)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-2)
    length, (before, after) = 80, network.context
    for step in range(steps):
        inputs, targets = [], []
        for index in noise.integers(len(examples), size=24):
            features, labels = examples[index]
            at = int(noise.integers(max(1, len(labels) - length)))
            frames = np.pad(features, ((before, after + FRAME_SUBSAMPLING * (length + 1)), (0, 0)), mode="edge")
            inputs.append(frames[FRAME_SUBSAMPLING * at :][: before + after + 1 + FRAME_SUBSAMPLING * (length - 1)])
            wanted = labels[at : at + length]
            targets.append(np.pad(wanted, (0, length - len(wanted)), constant_values=1))
        optimizer.param_groups[0]["lr"] = 3e-3 * max(0.02, 0.5 * (1 + np.cos(np.pi * step / steps)))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = network(torch.from_numpy(np.stack(inputs)))
        outputs = outputs.float()
        loss = torch.nn.functional.cross_entropy(outputs.transpose(1, 2), torch.from_numpy(np.stack(targets)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 0:
            print(f"first network: step {step}, loss {loss.item():.3f}", flush=True)
    network.eval()
    return network


def pieces(utterance: Spoken, network: Network, lexicon: Lexicon) -> Iterator[Spoken]:
    """An utterance cut at word ends into pieces of 1.5 to 5 s."""
    if utterance.audio.size < 5 * SAMPLE_RATE_HZ:
        yield utterance
        return
    graph = WordGraph.of(lexicon.all_of(utterance.words))
    scores = scores_of(network, filter_bank(utterance.audio))
    if len(scores) <= len(graph.phones):
        return
    _, path = graph.align(scores.astype(np.float64), np.zeros((1 + len(NUMBER),) * 2))
    owners = graph.words[path]
    step = FRAME_SUBSAMPLING * _FRAME_SAMPLES
    begin, first = 0, 0
    for word in range(len(utterance.words)):
        frames = np.flatnonzero(owners == word)
        following = np.flatnonzero(owners == word + 1)
        done = word + 1 == len(utterance.words)
        end = utterance.audio.size if done else int(frames[-1] + following[0] + 1) * step // 2
        pause = 0 if done else int(following[0] - frames[-1] - 1)
        length = end - begin
        if done or length > 3.5 * SAMPLE_RATE_HZ or (length > 1.5 * SAMPLE_RATE_HZ and pause >= 4):
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
    noise = np.random.default_rng((_SEED, number, copy))
    clean = spoken[number].source == "libri" and copy == 0
    audio = augmented(spoken[number].audio, babble, noise, strong=0.0 if clean else 1.0)
    return filter_bank(audio).astype(np.float16)


def prepare(work: Path) -> tuple[Network, list[Example], NDArray[np.float32]]:
    """A network to start from, all examples, and the log bigram of phones."""
    lexicon = Lexicon()

    def speak() -> list[Spoken]:
        return list(synthetic(lexicon.words, SYNTHETIC, _SEED, work / "speech"))

    path = work / "first.pt"
    if not path.exists():
        save(first_network([u for u in speak() if u.source == "flite" and u.ends], 1500), path)
    network = load_network(path)

    def build() -> object:
        real = [piece for u in librispeech() for piece in pieces(u, network, lexicon)]
        return examples_of([*real, *keywords(), *digits(900, _SEED), *speak()], lexicon)

    examples: list[Example] = kept(work / "examples.pkl", build)  # type: ignore[assignment]
    for source in COPIES:
        hours = sum(len(e.features) for e in examples if e.source == source) / 360_000
        print(f"{source}: {hours:.2f} h with all copies", flush=True)
    return network, examples, phone_bigram([e.words for e in examples if e.source in ("libri", "flite")])


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


def train(
    network: Network, examples: Sequence[Example], bigram: NDArray[np.float32], steps: int, rate: float, path: Path
) -> None:
    """Train for so many batches and save now and then."""
    noise = np.random.default_rng(_SEED + 1)
    torch.manual_seed(_SEED)
    torch.set_num_threads(1)
    objective = Objective(bigram)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3)
    before, after = network.context
    losses: list[float] = []
    began = time.time()
    network.train()
    for step, batch in zip(range(steps), batches(examples, noise), strict=False):
        longest = max(e.frames for e in batch)
        need = before + after + 1 + FRAME_SUBSAMPLING * (longest - 1)
        inputs = np.zeros((len(batch), need, batch[0].features.shape[1]), np.float32)
        for row, example in enumerate(batch):
            frames = padded(example.features.astype(np.float32), (before, after + FRAME_SUBSAMPLING))[:need]
            inputs[row, : len(frames)] = frames
            inputs[row, len(frames) :] = frames[-1]
            inputs[row] += noise.normal(0, 0.3)
            if noise.random() < 0.5:
                at = noise.integers(35)
                inputs[row, :, at : at + noise.integers(1, 6)] = network.mean[at].item()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = network(torch.from_numpy(inputs))
        outputs = outputs.float()
        lengths = torch.tensor([e.frames for e in batch])
        graphs = [WordGraph.of(e.words) for e in batch]
        done = step / steps
        optimizer.param_groups[0]["lr"] = rate * min(1, (step + 1) / 200) * max(0.02, 0.5 * (1 + np.cos(np.pi * done)))
        loss = objective(outputs, lengths, graphs)
        cost = loss + 5e-4 * outputs.square().mean()
        optimizer.zero_grad()
        cost.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0:
            print(f"step {step + 1}: loss {np.mean(losses[-100:]):.4f}, {time.time() - began:.0f} s", flush=True)
        if (step + 1) % 500 == 0 or step + 1 == steps:
            save(network, path)


def main() -> None:
    """Train one network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, help="folder for what is made on the way")
    parser.add_argument("--hold-out", choices=("0", "1", "none"), help="the fold that the network must not hear")
    parser.add_argument("--start", type=Path, help="network to start from")
    parser.add_argument("--steps", type=int, default=6000, help="batches of some 120 s of speech")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    network, examples, bigram = prepare(arguments.work)
    np.save(arguments.work / "bigram.npy", bigram)
    if arguments.hold_out is None:
        return
    heard = [e for e in examples if e.fold is None or str(e.fold) != arguments.hold_out]
    if arguments.start:
        network = load_network(arguments.start)
    train(network, heard, bigram, arguments.steps, arguments.rate, arguments.work / f"network-{arguments.hold_out}.pt")


if __name__ == "__main__":
    main()
