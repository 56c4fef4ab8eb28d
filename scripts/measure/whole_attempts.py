"""Whole attempts with a pass phrase, voice and words together, by people at their own microphones.

    python -m scripts.measure.whole_attempts [--count 40] [--conditions clean ...] [--save FILE]
    python -m scripts.measure.whole_attempts --load FILE ...

Each person enrolls a phrase of four words by the product's own sessions, at its defaults: joined from recordings of
single words, each used once (``phrase_own``). Then, in the terms of text-dependent verification, attempts of the same
person with the right words (TC) and with wrong ones (TW: a word replaced, replaced by the one that sounds most alike,
dropped, two swapped), and of up to three others with the right words (IC) and with others (IW). TC alone is to be
accepted. Natives mostly, in front of browsers (``gsc``), and speakers of Mandarin (``dsp20``). Intervals are Wilson's,
95 %.
"""

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.measure.phrase_own import TRIES, WORDS, Case, People, say
from scripts.measure.phrase_people import Line
from scripts.measure.phrase_trials import in_condition, kept, loaded, trial_options
from scripts.measure.phrases import CONDITIONS, PHRASE
from streamauth.core.events import Decided, Verdict
from streamauth.core.ports import Samples
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.evaluation.metrics import wilson
from streamauth.evaluation.replay import FORMAT
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings

SOURCES = ("gsc", "dsp20")
OTHERS = 3
"""Other people who try."""


@dataclass(frozen=True)
class Trial:
    """One attempt.

    Attributes:
        source: Set of recordings.
        person: Who enrolled.
        condition: Of ``CONDITIONS``.
        kind: TC, TW, IC or IW.
        what: What is wrong with the words, if anything.
        verdict: Of the product.
        reasons: Its reasons.
    """

    source: str
    person: str
    condition: str
    kind: str
    what: str
    verdict: str
    reasons: list[str]


class Door:
    """A product with a store of its own, whose enrolled people are tried.

    Args:
        home: Folder of the store.
    """

    def __init__(self, home: Path) -> None:
        # others try one after the other, and what they say is tried at several doors
        limits = {"free_failures": 1_000, "lock_after": 10_000}
        settings = Settings().with_values({"attempts": limits, "replay": {"refuse": False}}, "whole_attempts")
        self._authenticator = Authenticator.open(home, settings)

    def enroll(self, case: Case, name: str, dice: random.Random) -> bool:
        """Whether a person could enroll, by so many utterances at most."""
        with self._authenticator.enroll(name, FORMAT, phrase=" ".join(case.words)) as attempt:
            for audio in case.enrolled[:TRIES]:
                attempt.receive_audio(in_condition(audio, CONDITIONS[0], dice))
                attempt.end_utterance()
                if attempt.session.complete:
                    return True
        return False

    def tried(self, name: str, audio: Samples) -> Decided:
        """The decision about one attempt."""
        with self._authenticator.verify(name, FORMAT) as attempt:
            events = [*attempt.receive_audio(audio), *attempt.receive_end()]
        return next(event for event in events if isinstance(event, Decided))

    def close(self) -> None:
        """Close the store."""
        self._authenticator.close()


def said_by_others(
    case: Case, takes: dict[str, dict[str, list[Line]]], dice: random.Random
) -> Iterator[tuple[str, str, Samples]]:
    """(kind, what, audio) of attempts of other people."""
    able = sorted(person for person, mine in takes.items() if person != case.person and set(case.words) <= set(mine))
    for other in dice.sample(able, min(OTHERS, len(able))):
        mine = takes[other]
        yield "IC", "", say(mine, case.words)
        words = [word for word in mine if word not in case.words]
        if len(words) >= WORDS:
            yield "IW", "", say(mine, dice.sample(words, WORDS))


def collect(count: int, conditions: Sequence[str], seed: int, home: Path) -> Iterator[Trial]:
    """All trials; so many phrases of each source."""
    dice, people, door = random.Random(seed), People(Lexicon(PHRASE), seed), Door(home)
    for source in SOURCES:
        takes = people.takes(source)
        for number, case in enumerate(people.joined(source, count)):
            name = f"{source}-{number}"
            if not door.enroll(case, name, dice):
                print(f"{source}: no enrollment", flush=True)
                continue
            attempts = [("TC" if kind == "right" else "TW", kind, audio) for kind, audio in case.said]
            attempts += said_by_others(case, takes, dice)
            for condition in conditions:
                for kind, what, audio in attempts:
                    found = door.tried(name, in_condition(audio, condition, dice))
                    reasons = [str(reason) for reason in found.reasons]
                    yield Trial(source, case.person, condition, kind, what, str(found.verdict), reasons)
    door.close()


def report(trials: Sequence[Trial]) -> None:
    """Print how many were accepted, and why right ones were not."""
    groups: defaultdict[tuple[str, str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        groups[trial.source, trial.condition, trial.kind].append(trial)
    print("| set | condition | | of | people | accepted | 95 % | the others: first reason |")
    print("|---|---|---|---|---|---|---|---|")
    for (source, condition, kind), found in groups.items():
        accepted = sum(trial.verdict == Verdict.ACCEPT for trial in found)
        low, high = wilson(accepted, len(found))
        why = Counter(trial.reasons[0] for trial in found if trial.verdict != Verdict.ACCEPT)
        told = ", ".join(f"{reason} {number}" for reason, number in why.most_common(4)) if kind == "TC" else ""
        people = len({trial.person for trial in found})
        cells = f"{len(found)} | {people} | {accepted / len(found):.1%} | {low:.1%} to {high:.1%} | {told}"
        print(f"| {source} | {condition} | {kind} | {cells} |")


def main() -> None:
    """Try, or load what was tried, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[trial_options(CONDITIONS, 2)],
    )
    parser.add_argument("--count", type=int, default=40, help="phrases of each set")
    arguments = parser.parse_args()
    if arguments.load:
        report(loaded(Trial, arguments.load))
        return
    with TemporaryDirectory() as home:
        drawn = arguments.count, arguments.conditions, arguments.seed, Path(home)
        trials = kept(collect(*drawn), arguments.save)
    report(trials)


if __name__ == "__main__":
    main()
