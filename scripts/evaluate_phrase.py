"""Error rates and cost of the PocketSphinx phrase check, and the fit of its weights.

    python scripts/evaluate_phrase.py [--fit] [--clips 60]

Prints how often the whole phrase is taken for said, where it was (``right``) and where it was not: another phrase, one
word ``replaced``, ``added`` to the expected phrase, ``dropped`` from it, or two words ``swapped``. Four sets:

- keywords: single words by many people; other keywords and LibriSpeech clips as impostors;
- digits: 4 to 6 digits of one person joined to a phrase, recorded at 8 kHz;
- sentences: pieces of LibriSpeech clips; their words are those of which the decoder was sure in the whole clip;
- synthetic: phrases by flite (must be installed) at several levels, paces and noises.

Each set is parted in two halves: ``--fit`` prints weights fitted on one, the rates are those of the other.
"""

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pocketsphinx
from _trials import AUDIO, librispeech, load
from make_fixtures import VOICES, synthesize
from numpy.typing import NDArray
from scipy.optimize import minimize

from streamauth.core.phrase import Comparison, compare
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, Word
from streamauth.core.segmentation import SpeechSegmenter
from streamauth.engines.phrase_choice import ExpectedPhrase, choose
from streamauth.engines.phrase_evidence import Pronunciation, UtteranceEvidence
from streamauth.engines.sphinx_decoder import SphinxDecoder
from streamauth.engines.sphinx_model import AcousticModel
from streamauth.engines.webrtc_detector import WebrtcDetector
from streamauth.settings import Settings

MODEL = Path(pocketsphinx.get_model_path("en-us"))
KEYWORDS = ("computer", "jarvis", "alexa")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PHRASES = (
    "my voice is my passport verify me",
    "open the front door please",
    "the quick brown fox jumps over the lazy dog",
    "seven green apples are on the kitchen table",
    "turn on the lights in the living room",
    "the train to the city leaves at seven",
    "every good friend of mine may enter here",
    "open the garden gate for my old friend",
    "blue water runs under the old stone bridge",
    "nobody knows the secret of the silver river",
    "remember to water the flowers in the garden",
    "i am the captain of this ship",
    "yellow submarine on a rainy sunday",
    "my grandmother lives in a small red house",
    "hello computer this is me again",
    "never give up before the last day",
    "coffee and chocolate make me happy",
    "let the sunshine into my room",
    "the password of today is butterfly",
    "knock three times and wait for the answer",
)
IMPOSTOR_PHRASES = ("computer", "jarvis", "alexa", "please open the door and let me come in", PHRASES[0])


@dataclass
class Trial:
    """One expectation of one utterance.

    Attributes:
        name: The set.
        kind: What the expectation is, beside what was said.
        half: 0 to fit on, 1 to report.
        clip: Trials of one clip and kind count once.
        measures: Of the phrase as a whole; None where the utterance is too short.
        taken: Whether the whole phrase was taken for said.
        free: Whether the decoder alone heard it.
    """

    name: str
    kind: str
    half: int
    clip: str
    measures: tuple[float, ...] | None
    taken: bool
    free: bool


class Bench:
    """Decodes utterances once and tries many expectations on each."""

    def __init__(self) -> None:
        self.model = AcousticModel(MODEL / "en-us")
        self.decoder = SphinxDecoder(MODEL)
        self.trials: list[Trial] = []
        self.audio_s = self.decoding_s = self.choosing_s = 0.0
        self.chosen = 0

    def decode(self, samples: Samples) -> tuple[list[Word], list[Pronunciation]]:
        """Words of an utterance as the decoder hears them."""
        begin = time.process_time()
        self.decoder.begin()
        for start in range(0, samples.size, SAMPLE_RATE_HZ // 10):
            self.decoder.process(samples[start : start + SAMPLE_RATE_HZ // 10])
            self.decoder.text()
        result = self.decoder.end()
        self.decoding_s += time.process_time() - begin
        self.audio_s += samples.size / SAMPLE_RATE_HZ
        return result

    def try_all(self, name: str, half: int, clip: str, samples: Samples, expected: dict[str, list[str]]) -> None:
        """Try expectations, given by their kind, on one utterance."""
        heard, sounds = self.decode(samples)
        for kind, words in expected.items():
            pronunciations = tuple(tuple(self.decoder.pronunciations(word)) for word in words)
            if not all(pronunciations):
                continue
            phrase = ExpectedPhrase(tuple(words), pronunciations)
            begin = time.process_time()
            audio = UtteranceEvidence(self.model, samples)
            choice = choose(phrase, audio, heard, sounds)
            self.choosing_s += time.process_time() - begin
            self.chosen += 1
            whole = audio.explain(phrase.sounds)
            rival = audio.explain([[sound] for sound in sounds]) if sounds else None
            measures = whole.measures(rival.ratio if rival else -np.inf) if whole else None
            taken, free = (compare(phrase.words, tuple(w.text for w in said)) for said in (choice.words, heard))
            whole_said = Comparison.MATCH
            self.trials.append(Trial(name, kind, half, clip, measures, taken is whole_said, free is whole_said))


def utterances(audio: Samples) -> Iterator[Samples]:
    """The utterances that a session would give to the recognizer."""
    settings = Settings()
    detector = WebrtcDetector(settings.speech.aggressiveness)
    stream, length = detector.stream(), detector.frame_samples
    segmenter = SpeechSegmenter(settings.speech, length, settings.phrase.lead_ms)
    frames: list[Samples] = []
    audio = np.pad(audio, (0, -audio.size % length))
    steps = (segmenter.push(frame, stream.probability(frame)) for frame in audio.reshape(-1, length))
    for step in (*steps, segmenter.finish()):
        frames += [frame for frame, _ in step.utterance]
        if step.ended is not None:
            yield np.concatenate(frames)
            frames = []


def misses(words: Sequence[str], others: Sequence[str], dice: random.Random) -> dict[str, list[str]]:
    """The right words and near misses of them."""
    new = [word for word in others if word not in words]
    at = dice.randrange(len(words))
    expected = {"right": list(words), "replaced": [*words[:at], dice.choice(new), *words[at + 1 :]]}
    at = dice.randrange(len(words))
    expected["dropped"] = [*words[:at], *words[at + 1 :]]
    at = dice.randrange(len(words) + 1)
    expected["added"] = [*words[:at], dice.choice(new), *words[at:]]
    if places := [at for at in range(len(words) - 1) if words[at] != words[at + 1]]:
        at = dice.choice(places)
        expected["swapped"] = [*words[:at], words[at + 1], words[at], *words[at + 2 :]]
    return expected


def in_room(audio: NDArray[np.floating], dice: random.Random, noise: np.random.Generator) -> Samples:
    """Speech at some level over some noise, between pauses."""
    gain, floor = (10 ** (dice.uniform(*range_db) / 20) for range_db in ((-14, 3), (-66, -48)))
    padded = np.pad(audio, 9600) * gain
    return np.asarray(np.clip(padded + floor * noise.standard_normal(padded.size), -1, 1), np.float32)


def run_keywords(bench: Bench, clips: int) -> None:
    """Each clip against each keyword."""
    for keyword in KEYWORDS:
        for number, path in enumerate(sorted((AUDIO / "keywords" / keyword).iterdir())[: 3 * clips]):
            expected = {("right" if word == keyword else f"other {word}"): [word] for word in KEYWORDS}
            for samples in utterances(load(path)):
                bench.try_all("keywords", number % 2, f"{keyword}{number}", samples, expected)


def run_digits(bench: Bench, clips: int, dice: random.Random, noise: np.random.Generator) -> None:
    """Digits of one speaker joined to phrases."""
    for number in range(2 * clips):
        speaker, half = ("george", "jackson", "nicolas")[number % 3], number // 3 % 2
        said = [dice.randrange(10) for _ in range(dice.randint(4, 6))]
        files = [f"{digit}_{speaker}_{dice.randrange(25) + 25 * half}.wav" for digit in said]
        parts = [np.pad(load(AUDIO / "digits" / speaker / file), (0, dice.randint(800, 2400))) for file in files]
        joined = np.concatenate(parts)
        other = [DIGITS[dice.randrange(10)] for _ in said]
        expected = {**misses([DIGITS[digit] for digit in said], DIGITS, dice), "other": other}
        for samples in utterances(in_room(joined / np.abs(joined).max() / 2, dice, noise)):
            bench.try_all("digits", half, str(number), samples, expected)


def run_sentences(bench: Bench, clips: int, dice: random.Random, noise: np.random.Generator) -> None:
    """Pieces of LibriSpeech of which the decoder is sure; whole clips as impostors."""
    chosen = list(librispeech(8.0))
    dice.shuffle(chosen)
    impostors = {f"other {text}": text.split() for text in IMPOSTOR_PHRASES}
    vocabulary = sorted({word for phrase in PHRASES for word in phrase.split()})
    for number, (speaker, clip) in enumerate(chosen[: 2 * clips]):
        for samples in utterances(clip[: 12 * SAMPLE_RATE_HZ]):
            heard, _ = bench.decode(samples)
            sure = "".join("x" if word.confidence > 0.8 else " " for word in heard)
            runs = [run for run in sure.split() if len(run) >= 3]
            if runs:
                start = sure.index(runs[0])
                words = heard[start : start + min(len(runs[0]), dice.randint(3, 7))]
                cut = [round(time_s * SAMPLE_RATE_HZ) for time_s in (words[0].start_s - 0.02, words[-1].end_s + 0.02)]
                piece = in_room(samples[max(0, cut[0]) : cut[1]], dice, noise)
                expected = misses([word.text for word in words], vocabulary, dice)
                bench.try_all("sentences", number % 2, f"{speaker}-{start}", piece, expected)
            if number < clips // 2:
                bench.try_all("keywords", number % 2, speaker, samples, impostors)


def run_synthetic(bench: Bench, clips: int, dice: random.Random, noise: np.random.Generator) -> None:
    """Phrases in flite's voices."""
    vocabulary = sorted({word for phrase in PHRASES for word in phrase.split()})
    for number in range(2 * clips):
        words = PHRASES[number % len(PHRASES)].split()
        speech = synthesize(VOICES[number // len(PHRASES) % 4], " ".join(words), dice.uniform(0.88, 1.15))
        expected = {**misses(words, vocabulary, dice), "other": PHRASES[(number + 7) % len(PHRASES)].split()}
        for samples in utterances(in_room(speech, dice, noise)):
            bench.try_all("synthetic", number % 2, str(number), samples, expected)


def fit(trials: Sequence[Trial]) -> NDArray[np.float64]:
    """Weights and bias of a logistic regression; each set weighs the same, as do right and wrong in it."""
    known = [trial for trial in trials if trial.measures is not None]
    inputs = np.array([[*(trial.measures or ()), 1.0] for trial in known])
    signs = np.array([1.0 if trial.kind == "right" else -1.0 for trial in known])
    groups = [(trial.name, trial.kind == "right") for trial in known]
    shares = np.array([1 / groups.count(group) for group in groups])
    shares *= len(known) / shares.sum()

    def cost(weights: NDArray[np.float64]) -> float:
        return float((shares * np.logaddexp(0, -signs * (inputs @ weights))).sum() + 0.01 * (weights[:-1] ** 2).sum())

    return np.asarray(minimize(cost, np.zeros(5), bounds=[(0, None)] * 4 + [(None, None)]).x)


def report(bench: Bench) -> None:
    """Print the rates of the second half, and the cost."""
    rates: dict[tuple[str, str], dict[str, list[bool]]] = defaultdict(lambda: defaultdict(lambda: [False, False]))
    for trial in bench.trials:
        if trial.half == 1:
            kind = "other" if trial.kind.startswith("other") else trial.kind
            said = rates[trial.name, kind][trial.clip + trial.kind]
            said[0] |= trial.taken
            said[1] |= trial.free
    print(f"{'set':<12}{'expected':<12}{'trials':>7}{'taken':>9}{'decoder alone':>15}")
    for (name, kind), said_by in sorted(rates.items()):
        taken, free = np.array(list(said_by.values())).mean(axis=0)
        print(f"{name:<12}{kind:<12}{len(said_by):>7}{taken:>9.1%}{free:>15.1%}")
    print(f"decoding {bench.decoding_s / bench.audio_s:.3f} CPU s per s of audio", end=", ")
    print(f"choosing {bench.choosing_s / bench.chosen:.3f} CPU s per utterance of 2 to 10 s")


def main() -> None:
    """Run all sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", action="store_true", help="print weights fitted on the first half")
    parser.add_argument("--clips", type=int, default=60, help="size of the sets; 60 takes about 20 minutes")
    arguments = parser.parse_args()
    bench, dice, noise = Bench(), random.Random(5), np.random.default_rng(5)
    run_synthetic(bench, arguments.clips, dice, noise)
    run_keywords(bench, arguments.clips)
    run_digits(bench, arguments.clips, dice, noise)
    run_sentences(bench, arguments.clips, dice, noise)
    if arguments.fit:
        print("weights and bias:", fit([trial for trial in bench.trials if trial.half == 0]).round(3).tolist())
    report(bench)


if __name__ == "__main__":
    main()
