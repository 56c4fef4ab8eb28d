"""How well the phrase check knows people who enrolled: three utterances of a phrase, then attempts.

    python -m scripts.measure.phrase_own [--count 30] [--sets words ...] [--conditions clean ...] [--save FILE]
    python -m scripts.measure.phrase_own --load FILE ...

Sets: single words that people said four times or more (``words``: of ``gsc``, ``wuw2`` and ``precise``); phrases of
four words joined from one person's recordings of single words, each take used once (``joined``: of ``gsc``, natives
mostly, and ``dsp20``, speakers of Mandarin); sentences that one reader read four times or more (``read``). The phrase
is enrolled as the product does it, by three utterances that it takes, of six at most. Attempts are made by the same
voice: with the same words, and with another word, the person's word that sounds most alike, one word dropped, or two
swapped. Printed with and without what the person's own renderings add. Intervals are Wilson's, 95 %.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from scripts.measure.heldout import is_held_out
from scripts.measure.people import MIXED
from scripts.measure.phrase_people import GSC_WORDS, Line, spoken_lines
from scripts.measure.phrase_trials import in_condition, kept, loaded, trial_options, utterances
from scripts.measure.phrases import CONDITIONS, JUDGE, PHRASE
from streamauth.core.ports import LEAST_LLR, SAMPLE_RATE_HZ, Rendering, Samples, Transcript, Usual
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.check import PhraseCheck
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.whisper.fusion import MOST_OWN, noise_in
from streamauth.engines.phrase.whisper.judge import PhraseJudge
from streamauth.evaluation.metrics import wilson
from streamauth.settings import Settings

ENROLLED, TRIES, WORDS, ATTEMPTS = 3, 6, 4, 3
"""Utterances of an enrollment, of how many tries at most; words of a joined phrase; attempts on an enrollment."""
SETS = ("words", "joined", "read")
_KEYWORDS = {
    "gsc": GSC_WORDS,
    "wuw2": ("operator", "wildfire", "voyager", "onword", "thinkengine"),
    "precise": ("athena", "amelia", "computer", "heycomputer", "heysavant", "heychatterbox"),
}
_SEVERAL = ("think engine", "hey computer", "hey savant", "hey chatterbox")
_SPELLED = {words.replace(" ", ""): tuple(words.split()) for words in _SEVERAL}
"""What the sets write as one word."""
_GAP = np.zeros(SAMPLE_RATE_HZ // 20, np.float32)


@dataclass(frozen=True)
class Case:
    """A phrase of one person: what is enrolled, and what is said in attempts, by kind."""

    source: str
    person: str
    words: tuple[str, ...]
    enrolled: Sequence[Samples]
    said: Sequence[tuple[str, Samples]]


@dataclass(frozen=True)
class Trial:
    """One attempt.

    Attributes:
        set: Of ``SETS``.
        source: Set of recordings.
        person: Who spoke.
        held_out: Whether nothing may be fitted on it.
        condition: Of ``CONDITIONS``.
        kind: "right", or what is wrong with what was said.
        words: What is enrolled.
        refused: Utterances that enrollment refused.
        llr: Likelihood ratio of the phrase, in nats.
        alone: The same without the own renderings.
        own: Log-likelihood ratio by the own renderings, unbounded; None without any.
        noise: Of ``fusion.noise_in``.
    """

    set: str
    source: str
    person: str
    held_out: bool
    condition: str
    kind: str
    words: str
    refused: int
    llr: float
    alone: float
    own: float | None
    noise: float


class People:
    """Draws cases."""

    def __init__(self, lexicon: Lexicon, seed: int) -> None:
        self._lexicon, self._dice = lexicon, random.Random(seed)

    def draw(self, name: str, count: int) -> Iterator[Case]:
        """Cases of a set, at most so many of each of its sources."""
        match name:
            case "words":
                for source, words in _KEYWORDS.items():
                    yield from self._words(source, words, count)
            case "joined":
                yield from self.joined("gsc", count)
                yield from self.joined("dsp20", count)
            case _:
                yield from self._read(count)

    def takes(self, source: str) -> dict[str, dict[str, list[Line]]]:
        """Of each person, of each word, the recordings."""
        takes: dict[str, dict[str, list[Line]]] = {}
        for line in spoken_lines(source):
            if len(line.words) == 1 and line.words[0].isascii() and line.person not in MIXED:
                takes.setdefault(line.person, {}).setdefault(line.words[0], []).append(line)
        return takes

    def _nearest(self, word: str, others: Sequence[str]) -> str:
        def likeness(other: str) -> float:
            pairs = [(one, two) for one in self._lexicon.likely(word) for two in self._lexicon.likely(other)]
            return max((SequenceMatcher(None, one, two).ratio() for one, two in pairs), default=0.0)

        return max(others, key=likeness)

    def _words(self, source: str, words: Sequence[str], count: int) -> Iterator[Case]:
        takes = self.takes(source)
        every = [
            (person, word) for person, mine in takes.items() for word in words if len(mine.get(word, ())) > ENROLLED
        ]
        for person, word in self._dice.sample(every, min(count, len(every))):
            mine = takes[person]
            lines = self._dice.sample(mine[word], len(mine[word]))
            attempts = min(ATTEMPTS, len(lines) - ENROLLED)
            said = [("right", line.audio()) for line in lines[:attempts]]
            others = [other for other in mine if other in words and other != word] or []
            for other in self._dice.sample(others, min(ATTEMPTS, len(others))):
                said.append(("other word", self._dice.choice(mine[other]).audio()))
            spelled = _SPELLED.get(word, (word,))
            yield Case(source, person, spelled, [line.audio() for line in lines[attempts:][:TRIES]], said)

    def joined(self, source: str, count: int) -> Iterator[Case]:
        """Phrases of four words, so many."""
        takes = {
            person: {word: lines for word, lines in mine.items() if len(lines) > ENROLLED}
            for person, mine in self.takes(source).items()
        }
        people = sorted(person for person, mine in takes.items() if len(mine) > WORDS)
        self._dice.shuffle(people)
        for number in range(count):
            person = people[number % len(people)]
            mine = {word: self._dice.sample(lines, len(lines)) for word, lines in takes[person].items()}
            words = tuple(self._dice.sample(sorted(mine), WORDS))
            at, swap = self._dice.randrange(WORDS), self._dice.randrange(WORDS - 1)
            others = [word for word in mine if word not in words]
            near = self._nearest(words[at], others)
            said = [("right", words)]
            for kind, other in (("replaced", self._dice.choice(others)), ("near word", near)):
                said.append((kind, (*words[:at], other, *words[at + 1 :])))
            said.append(("dropped", (*words[:at], *words[at + 1 :])))
            said.append(("swapped", (*words[:swap], words[swap + 1], words[swap], *words[swap + 2 :])))
            tries = min(TRIES, *(len(mine[word]) - 1 for word in words))
            enrolled = [say(mine, words, 1 + take) for take in range(tries)]
            yield Case(source, person, words, enrolled, [(kind, say(mine, each)) for kind, each in said])

    def _read(self, count: int) -> Iterator[Case]:
        takes = defaultdict(list)
        for line in spoken_lines("kathleen"):
            takes[line.words].append(line)
        known = sorted(words for words, each in takes.items() if len(each) > ENROLLED and len(words) <= 10)
        for words in self._dice.sample(known, min(count, len(known))):
            last, *enrolled = [line.audio() for line in takes[words][: ENROLLED + 1]]
            other = self._dice.choice([each for each in known if each != words])
            yield Case("kathleen", "kathleen", words, enrolled, [("right", last), ("other", takes[other][0].audio())])


def say(lines: Mapping[str, Sequence[Line]], words: Sequence[str], take: int = 0) -> Samples:
    """Words joined from a person's recordings of each, those of a take."""
    parts = [(lines[word][take % len(lines[word])].audio(), _GAP) for word in words]
    return np.concatenate([part for pair in parts for part in pair])


class Attempts:
    """Enrolls and tries."""

    def __init__(self) -> None:
        self._model, self.lexicon = AcousticModel(PHRASE), Lexicon(PHRASE)
        self._judge = PhraseJudge(lambda: JUDGE, self.lexicon)

    def enroll(self, case: Case, dice: random.Random) -> tuple[Expected | None, int]:
        """What is expected after the enrollment, None where it failed, and how many of its utterances were refused."""
        least_llr, refused = Settings().enrollment.min_phrase_llr, 0
        scores: list[list[float]] = []
        sure: list[list[float]] = []
        renderings: list[Rendering] = []
        for audio in case.enrolled:
            expected = Expected.of(case.words, self.lexicon, Usual(renderings=tuple(renderings)))
            found = self._judged(expected, _speech(in_condition(audio, CONDITIONS[0], dice)), least_llr)
            differs = (found.whole_llr or 0.0) < 0 and (found.agreement or 0.0) < 0
            if tuple(word.text for word in found.words) != case.words or differs:
                refused += 1
                continue
            scores.append([word.pronunciation_score or 0.0 for word in found.words])
            sure.append([word.recognition_score or 0.0 for word in found.words])
            renderings += [found.rendering] if found.rendering is not None else []
            if len(scores) == ENROLLED:
                usual, recognition = (tuple(np.mean(each, axis=0).tolist()) for each in (scores, sure))
                return Expected.of(case.words, self.lexicon, Usual(usual, recognition, tuple(renderings))), refused
        return None, refused

    def attempt(self, expected: Expected, audio: Samples) -> tuple[Transcript, float]:
        """What is found in an attempt, and how noisy it is."""
        samples = _speech(audio)
        return self._judged(expected, samples, 0.0), noise_in(samples)

    def _judged(self, expected: Expected, samples: Samples, least_llr: float) -> Transcript:
        check = PhraseCheck(self._model, self.lexicon, expected, self._judge, least_llr)
        return check.judge(samples, (), over=True)


def _speech(audio: Samples) -> Samples:
    found = list(utterances(audio))
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def collect(
    sets: Sequence[str], conditions: Sequence[str], count: int, seed: int, attempts: Attempts
) -> Iterator[Trial]:
    """All trials."""
    dice, people = random.Random(seed), People(attempts.lexicon, seed)
    for name in sets:
        for case in people.draw(name, count):
            expected, refused = attempts.enroll(case, dice)
            if expected is None:
                print(f"{name}, {case.source}: no enrollment, {refused} utterances refused", flush=True)
                continue
            about = name, case.source, case.person, is_held_out(case.source, case.person)
            for condition in conditions:
                for kind, audio in case.said:
                    found, noise = attempts.attempt(expected, in_condition(audio, condition, dice))
                    llr = LEAST_LLR if found.whole_llr is None else found.whole_llr
                    own = found.agreement
                    alone = llr - min(MOST_OWN, max(0.0, own or 0.0))
                    yield Trial(*about, condition, kind, " ".join(case.words), refused, llr, alone, own, noise)


def report(trials: Sequence[Trial]) -> None:
    """Print the error rates, by set, source, condition and kind."""
    enrolled = {(trial.source, trial.person, trial.words): trial for trial in trials}
    counts: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for trial in enrolled.values():
        counts[trial.set, trial.source].append(trial.refused)
    for (name, source), refused in counts.items():
        print(
            f"{name}, {source}: {len(refused)} phrases, {sum(refused)} of {ENROLLED * len(refused)} utterances refused"
        )
    print(f"{sum(trial.held_out for trial in enrolled.values())} of them by people who are held out\n")
    rows: defaultdict[tuple[str, str, str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        rows[trial.set, trial.source, trial.condition, trial.kind].append(trial)
    print("| | | condition | | with own renderings | 95 % | without | of |\n|---|---|---|---|---|---|---|---|")
    for (name, source, condition, kind), found in rows.items():
        right = kind == "right"
        wrong, alone = (
            [(llr < 0) == right for llr in llrs] for llrs in zip(*((t.llr, t.alone) for t in found), strict=True)
        )
        low, high = wilson(sum(wrong), len(wrong))
        what = "missed" if right else f"taken: {kind}"
        cells = f"{np.mean(wrong):.1%} | {low:.1%} to {high:.1%} | {np.mean(alone):.1%} | {len(found)}"
        print(f"| {name} | {source} | {condition} | {what} | {cells} |")


def main() -> None:
    """Try, or load what was tried, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[trial_options(CONDITIONS, 2)],
    )
    parser.add_argument("--count", type=int, default=30, help="phrases of each source")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    arguments = parser.parse_args()
    if arguments.load:
        trials = loaded(Trial, arguments.load)
    else:
        drawn = arguments.sets, arguments.conditions, arguments.count, arguments.seed
        trials = kept(collect(*drawn, Attempts()), arguments.save)
    report(trials)


if __name__ == "__main__":
    main()
