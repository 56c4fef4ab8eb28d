"""Trains the acoustic model of the embedded pass-phrase recognizer: ../shared/audio and synthesizers to a network.

    python -m scripts.train.vosk.train WORK --hold-out {0,1,none} [--start FILE] [--steps N]
    python -m scripts.train.vosk.train WORK --hold-out {0,1,none} --phrase [--steps N]

WORK holds what is made on the way and may be used again: speech of the synthesizers, features, networks. First
a network learns from flite's voices, whose phones have known times; it aligns the recordings, which become examples
(``recognizer_examples``; put a better network in place of WORK/first.pt and they are cut better); then the network
itself learns from all of them (``recognizer_objective``). ``--hold-out`` leaves out a fold of ``recognizer_speech``
for measuring; the shipped network heard all. ``--phrase`` trains the network of the phrase check
(``phrase_network``) in the same way: first what is above its lower layers, then, with ``--start``, all of it.

Needs Debian's flite, espeak-ng, festival with the voices
festvox-kallpc16k, festvox-kdlpc16k and festvox-us-slt-hts, and the optional dependencies ``build``.
"""

import argparse
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scripts.train.vosk.examples import (
    COPIES,
    SEED,
    Example,
    Lexicon,
    batches,
    channelled,
    examples_of,
    masked,
    pieces,
    warped,
)
from scripts.train.vosk.network import Network, Shape, load_network, padded, save
from scripts.train.vosk.objective import Objective, phone_bigram
from scripts.train.vosk.second_network import PhraseNetwork, begun, encoder_weights
from scripts.train.vosk.second_network import load as load_phrase
from scripts.train.vosk.speech import SAMPLE_RATE_HZ, Spoken, digits, keywords, librispeech
from scripts.train.vosk.synthetic_speech import synthetic
from streamauth.engines.phrase.acoustic_model import FRAME_SUBSAMPLING, filter_bank
from streamauth.engines.phrase.alignment import NUMBER, SILENCE, AlignmentGraph

SYNTHETIC = 9000
DIGITS = 1200


def kept(path: Path, make: Callable[[], object]) -> object:
    """What ``make`` gives, made only once."""
    if not path.exists():
        made = make()
        path.write_bytes(pickle.dumps(made, protocol=5))
    return pickle.loads(path.read_bytes())  # noqa: S301 - written by this program


def first_network(spoken: Sequence[Spoken], steps: int) -> Network:
    """A network trained on flite's voices, frame by frame."""
    noise = np.random.default_rng(SEED)
    torch.manual_seed(SEED)
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


def prepare(work: Path) -> tuple[Network, list[Example], NDArray[np.float32]]:
    """A network to start from, all examples, and the log bigram of phones."""
    lexicon = Lexicon()

    def speak() -> list[Spoken]:
        return list(synthetic(SYNTHETIC, SEED, work / "speech"))

    path = work / "first.pt"
    if not path.exists():
        save(first_network([u for u in speak() if u.source == "flite" and u.ends], 1500), path)
    network = load_network(path)

    def build() -> object:
        real = [piece for u in librispeech(guessed=True) for piece in pieces(u, network, lexicon)]
        return examples_of([*real, *keywords(), *digits(DIGITS, SEED), *speak()], lexicon)

    examples: list[Example] = kept(work / "examples.pkl", build)  # type: ignore[assignment]
    for source in COPIES:
        hours = sum(len(e.features) for e in examples if e.source == source) / 360_000
        print(f"{source}: {hours:.2f} h with all copies", flush=True)
    return network, examples, phone_bigram([e.words for e in examples if e.source in ("libri", "flite")])


def train(
    network: Network | PhraseNetwork,
    examples: Sequence[Example],
    bigram: NDArray[np.float32],
    steps: int,
    rate: float,
    path: Path,
) -> None:
    """Train for so many batches and save now and then."""
    noise = np.random.default_rng(SEED + 1)
    torch.manual_seed(SEED)
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
        counts = []
        for row, example in enumerate(batch):
            features = warped(example, longest, noise)
            channelled(features, noise)
            counts.append(-(-len(features) // FRAME_SUBSAMPLING))
            frames = padded(features, (before, after + FRAME_SUBSAMPLING))[:need]
            inputs[row, : len(frames)] = frames
            inputs[row, len(frames) :] = frames[-1]
            masked(inputs[row], network.mean.numpy(), noise)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = network(torch.from_numpy(inputs))
        outputs = outputs.float()
        lengths = torch.tensor(counts)
        graphs = [AlignmentGraph.of(e.words) for e in batch]
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
    parser.add_argument("--start", type=Path, help="network of the same kind to start from")
    parser.add_argument("--phrase", action="store_true", help="train the network of the phrase check")
    parser.add_argument("--steps", type=int, default=6000, help="batches of some 120 s of speech")
    parser.add_argument("--rate", type=float, default=2e-3, help="highest learning rate")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    network, examples, bigram = prepare(arguments.work)
    np.save(arguments.work / "bigram.npy", bigram)
    if arguments.hold_out is None:
        return
    heard = [e for e in examples if e.fold is None or str(e.fold) != arguments.hold_out]
    learner: Network | PhraseNetwork
    if arguments.phrase:
        # a network that has learned to listen to its lower layers may change them, too
        learner = load_phrase(arguments.start) if arguments.start else begun(network.mean.numpy(), encoder_weights())
    else:
        learner = load_network(arguments.start) if arguments.start else network
    path = arguments.work / f"{'phrase' if arguments.phrase else 'network'}-{arguments.hold_out}.pt"
    train(learner, heard, bigram, arguments.steps, arguments.rate, path)


if __name__ == "__main__":
    main()
