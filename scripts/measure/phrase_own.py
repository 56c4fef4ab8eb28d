"""How well the phrase check knows people who enrolled: three utterances of a phrase, then attempts.

    python -m scripts.measure.phrase_own [--count 30] [--conditions clean ...]

Phrases of four words joined from one person's recordings of single words (``dsp20``, each take used once), and
sentences that one reader read three times or more (``kathleen``). The phrase is enrolled as the product does it, and
attempts are made by the same voice: with the same words, and with one word replaced by another one, dropped, or two
swapped. Printed with and without what the person's own renderings add.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scripts.measure.heldout import is_held_out
from scripts.measure.phrase_people import spoken_lines
from scripts.measure.phrase_trials import in_condition, utterances
from scripts.measure.phrases import CONDITIONS, JUDGE, PHRASE
from streamauth.core.ports import SAMPLE_RATE_HZ, Rendering, Samples, Transcript, Usual
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.check import PhraseCheck
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.whisper.fusion import MOST_OWN
from streamauth.engines.phrase.whisper.judge import PhraseJudge
from streamauth.evaluation.metrics import wilson
from streamauth.settings import Settings

ENROLLED, WORDS = 3, 4
_GAP = np.zeros(SAMPLE_RATE_HZ // 20, np.float32)


@dataclass(frozen=True)
class Case:
    """A phrase of one person: what is enrolled, and what is said in attempts, by kind."""

    source: str
    person: str
    words: tuple[str, ...]
    enrolled: Sequence[Samples]
    said: Sequence[tuple[str, Samples]]


def joined(count: int, dice: random.Random) -> Iterator[Case]:
    """Phrases of single words."""
    takes: defaultdict[str, defaultdict[str, list[Samples]]] = defaultdict(lambda: defaultdict(list))
    every = [line for line in spoken_lines("dsp20") if all(word.isascii() for word in line.words)]
    people = sorted({line.person for line in every})
    for number in range(count):
        person = people[number % len(people)]
        if person not in takes:
            for line in every:
                if line.person == person:
                    takes[person][line.words[0]].append(line.audio())
        words = tuple(dice.sample(sorted(takes[person]), WORDS))
        mine = {word: dice.sample(each, len(each)) for word, each in takes[person].items()}

        def say(said: Sequence[str], take: int, clips: dict[str, list[Samples]] = mine) -> Samples:
            return np.concatenate([part for word in said for part in (clips[word][take % len(clips[word])], _GAP)])

        at = dice.randrange(WORDS)
        other = dice.choice([word for word in mine if word not in words])
        swap = dice.randrange(WORDS - 1)
        said = [
            ("right", words),
            ("replaced", (*words[:at], other, *words[at + 1 :])),
            ("dropped", (*words[:at], *words[at + 1 :])),
            ("swapped", (*words[:swap], words[swap + 1], words[swap], *words[swap + 2 :])),
        ]
        enrolled = [say(words, take) for take in range(ENROLLED)]
        yield Case("dsp20", person, words, enrolled, [(kind, say(each, ENROLLED)) for kind, each in said])


def read(count: int, dice: random.Random) -> Iterator[Case]:
    """Sentences that one reader read several times."""
    takes = defaultdict(list)
    for line in spoken_lines("kathleen"):
        takes[line.words].append(line)
    known = sorted(words for words, each in takes.items() if len(each) >= ENROLLED and len(words) <= 10)
    for words in dice.sample(known, min(count, len(known))):
        *enrolled, last = [line.audio() for line in takes[words][: ENROLLED + 1]]
        other = dice.choice([each for each in known if each != words])
        yield Case("kathleen", "kathleen", words, enrolled, [("right", last), ("other", takes[other][0].audio())])


class Attempts:
    """Enrolls and tries."""

    def __init__(self) -> None:
        self._model, self.lexicon = AcousticModel(PHRASE), Lexicon(PHRASE)
        self._judge = PhraseJudge(lambda: JUDGE, self.lexicon)

    def enroll(self, case: Case, dice: random.Random) -> tuple[Expected, int]:
        """What is expected after the enrollment, and how many of its utterances were refused."""
        least_llr, refused = Settings().enrollment.min_phrase_llr, 0
        scores: list[list[float]] = []
        sure: list[list[float]] = []
        renderings: list[Rendering] = []
        for audio in case.enrolled:
            expected = Expected.of(case.words, self.lexicon, Usual(renderings=tuple(renderings)))
            found = self._judged(expected, in_condition(audio, CONDITIONS[0], dice), least_llr)
            differs = (found.whole_llr or 0.0) < 0 and (found.agreement or 0.0) < 0
            if tuple(word.text for word in found.words) != case.words or differs:
                refused += 1
                continue
            scores.append([word.pronunciation_score or 0.0 for word in found.words])
            sure.append([word.recognition_score or 0.0 for word in found.words])
            renderings += [found.rendering] if found.rendering is not None else []
        usual = tuple(np.mean(scores, axis=0).tolist()) if scores else ()
        recognition = tuple(np.mean(sure, axis=0).tolist()) if sure else ()
        return Expected.of(case.words, self.lexicon, Usual(usual, recognition, tuple(renderings))), refused

    def attempt(self, expected: Expected, audio: Samples) -> tuple[float, float]:
        """Likelihood ratio of the phrase with and without the own renderings, in nats."""
        found = self._judged(expected, audio, 0.0)
        llr = -np.inf if found.whole_llr is None else found.whole_llr
        return llr, llr - min(MOST_OWN, max(0.0, found.agreement or 0.0))

    def _judged(self, expected: Expected, audio: Samples, least_llr: float) -> Transcript:
        found = list(utterances(audio))
        samples = np.concatenate(found) if found else np.zeros(0, np.float32)
        check = PhraseCheck(self._model, self.lexicon, expected, self._judge, least_llr)
        return check.judge(samples, (), over=True)


def main() -> None:
    """Try and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=30, help="phrases of each set")
    parser.add_argument("--conditions", nargs="+", default=list(CONDITIONS[:2]), choices=CONDITIONS)
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    dice, attempts = random.Random(arguments.seed), Attempts()
    llrs: defaultdict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    refused: defaultdict[str, list[int]] = defaultdict(list)
    held_out = 0
    for case in (*joined(arguments.count, dice), *read(arguments.count, dice)):
        expected, count = attempts.enroll(case, dice)
        refused[case.source].append(count)
        held_out += is_held_out(case.source, case.person)
        for condition in arguments.conditions:
            for kind, audio in case.said:
                heard = in_condition(audio, condition, dice)
                llrs[case.source, condition, kind].append(attempts.attempt(expected, heard))
    for source, counts in refused.items():
        print(f"{source}: {len(counts)} enrollments, {sum(counts)} of {ENROLLED * len(counts)} utterances refused")
    print(f"{held_out} of them by people who are held out\n")
    print("| | condition | | with own renderings | 95 % | without | of |\n|---|---|---|---|---|---|---|")
    for (source, condition, kind), values in llrs.items():
        right = kind == "right"
        wrong, alone = ([(each[place] < 0) == right for each in values] for place in (0, 1))
        low, high = wilson(sum(wrong), len(wrong))
        name = "missed" if right else f"taken: {kind}"
        cells = f"{np.mean(wrong):.1%} | {low:.1%} to {high:.1%} | {np.mean(alone):.1%} | {len(values)}"
        print(f"| {source} | {condition} | {name} | {cells} |")


if __name__ == "__main__":
    main()
