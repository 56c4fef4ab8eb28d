"""How often recordings that are played again are noticed, and how often people who repeat themselves are.

    python -m scripts.measure.replay [--earlier K]    K earlier trails stand against each attempt (default 8)
    python -m scripts.measure.replay --people         of people who repeat themselves alone, those of both halves
    python -m scripts.measure.replay --played         of what is played again alone
    python -m scripts.measure.replay --every N        only each Nth phrase, which is quicker

Phrases are four words in a row that one person said several times (``people/dsp20``, ``wuw2``, ``gsc``, ``digits``).
People of one half of the names (by hash) are there to choose the bounds on, those of the other half are told apart:
the figures that count are theirs. Printed is, too, how near to a bound the nearest repeats come. Two takes that are one
recording by their waveforms (``scripts/measure/one_recording.py``) are no repeat but a replay: they are listed, and
counted apart. Replays are made of the same phrases: as bytes, by telephone, and by a small
loudspeaker (300 Hz to 6.5 kHz) in simulated rooms with noise. Spliced ones join single words, each of another earlier
attempt, with gaps of 75 ms, as a prompt would be answered from recordings. To a prompt of digits one word comes twice:
said twice by people, and twice the same recording by who joins one of each.
"""

import argparse
import csv
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from itertools import combinations

import numpy as np
import soxr

from scripts.measure.one_recording import BOUND, sameness
from scripts.measure.trials import AUDIO, load, utterance
from streamauth.core.audio.degradation import band_limited, coloured_noise, telephone, with_noise
from streamauth.core.audio.rooms import in_room, room_response
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.replay.comparison import Likeness, likeness
from streamauth.core.replay.rule import BOUNDS, is_replay
from streamauth.core.replay.trail import PHASES, Trail, TrailRecorder
from streamauth.evaluation.metrics import wilson

WORDS, TAKES = 4, 10
GAP_S = 0.075
SETS = ("dsp20", "wuw2", "gsc")

Rng = np.random.Generator


@dataclass(frozen=True)
class Phrase:
    """Words in a row that one person said several times.

    Attributes:
        person: Set and name.
        words: What was said.
        takes: Each the list of its words.
    """

    person: str
    words: tuple[str, ...]
    takes: list[list[Samples]]


def takes_of_words() -> Iterator[tuple[str, str, list[Samples]]]:
    """(person, word, takes) of each word that a person said at least twice, person by person."""
    for name in SETS:
        found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        files: dict[str, str] = {}
        with (AUDIO / "people" / f"{name}.tsv").open(encoding="utf-8") as table:
            for file, start, end, person, _, _, words in csv.reader(table, delimiter="\t"):
                if start[0].isdigit():
                    found[person, words.lower()].append((float(start), float(end)))
                    files[person] = file
        for (person, word), spans in sorted(found.items()):
            if len(spans) < 2:
                continue
            yield f"{name}/{person}", word, [utterance(files[person], *span) for span in spans[:TAKES]]
    for folder in sorted((AUDIO / "digits").iterdir()):
        for digit in range(10):
            paths = sorted(folder.glob(f"{digit}_*.wav"))[:TAKES]
            yield f"digits/{folder.name}", str(digit), [load(path) for path in paths]


def phrases() -> dict[bool, list[Phrase]]:
    """Phrases by whether their people may be chosen on."""
    by_person: dict[str, list[tuple[str, list[Samples]]]] = defaultdict(list)
    for person, word, takes in takes_of_words():
        by_person[person].append((word, takes))
    halves: dict[bool, list[Phrase]] = {True: [], False: []}
    for person, said_words in by_person.items():
        chosen_on = hashlib.sha256(person.encode()).digest()[0] < 128
        for first in range(0, len(said_words) - WORDS + 1, WORDS):
            words, groups = zip(*said_words[first : first + WORDS], strict=True)
            count = min(len(takes) for takes in groups)
            halves[chosen_on].append(Phrase(person, words, [[takes[k] for takes in groups] for k in range(count)]))
    return halves


def sentences() -> list[Phrase]:
    """Sentences that one person said several times: all of ``kathleen``, and what ``wuw2`` has."""
    found = []
    for name in ("kathleen", "wuw2"):
        takes: dict[tuple[str, str, str], list[list[Samples]]] = defaultdict(list)
        with (AUDIO / "people" / f"{name}.tsv").open(encoding="utf-8") as table:
            for file, start, end, person, _, _, text in csv.reader(table, delimiter="\t"):
                if start[0].isdigit() and " " in text:
                    takes[file, person, text].append([utterance(file, float(start), float(end))])
        found += [Phrase(f"{name}/{who}", (text,), some) for (_, who, text), some in takes.items() if len(some) > 1]
    return found


def said(words: list[Samples], gap_s: float = GAP_S) -> Samples:
    """Words in a row."""
    gap = np.zeros(round(gap_s * SAMPLE_RATE_HZ), np.float32)
    return np.concatenate([part for word in words for part in (word, gap)])


def trail_of(speech: Samples) -> Trail:
    """The trail of a whole recording."""
    recorder = TrailRecorder(30.0)
    recorder.add(speech)
    return recorder.trail()


def trails_of(speech: Samples) -> tuple[Trail, ...]:
    """The trails of a whole recording, as an attempt with a prompt makes them."""
    recorder = TrailRecorder(30.0, PHASES)
    recorder.add(speech)
    return recorder.trails()


def digital(speech: Samples, rng: Rng) -> Samples:
    """The same samples, at another level and not at the same frame."""
    return speech[int(rng.integers(20, 150)) :] * np.float32(rng.uniform(0.3, 1.5))


def by_telephone(speech: Samples, rng: Rng) -> Samples:
    """Played into a telephone line."""
    return telephone(digital(speech, rng))


def by_loudspeaker(speech: Samples, rng: Rng, *, reverberation_s: float, snr_db: float) -> Samples:
    """Played by a small loudspeaker at 0.7 m in a room of 5 m by 4 m, with pink noise."""
    size, source = np.array((5.0, 4.0, 2.6)), np.array((2.0, 1.5, 1.2))
    room = room_response(size, source, source + np.array((0.6, 0.3, 0.2)), reverberation_s, rng)
    played = in_room(band_limited(digital(speech, rng), 300, 6500), room)
    return with_noise(played, coloured_noise(played.size, 1.0, rng), snr_db)


def faster(speech: Samples, rng: Rng, *, percent: float) -> Samples:
    """The same samples, played faster."""
    return np.asarray(soxr.resample(digital(speech, rng), SAMPLE_RATE_HZ * (1 + percent / 100), SAMPLE_RATE_HZ))


PLAYED: dict[str, Callable[[Samples, Rng], Samples]] = {
    "the same bytes, another level": digital,
    "by telephone": by_telephone,
    **{f"{percent:g} % faster": partial(faster, percent=percent) for percent in (0.5, 1.0)},
    **{
        f"loudspeaker, room of {rt:g} s, noise {snr:g} dB": partial(by_loudspeaker, reverberation_s=rt, snr_db=snr)
        for rt, snr in ((0.3, 20), (0.3, 10), (0.6, 20), (0.6, 10), (0.8, 5))
    },
}


@dataclass(frozen=True)
class Attempt:
    """Who speaks what, its trails, and those of earlier attempts."""

    what: str
    trails: tuple[Trail, ...]
    earlier: list[Trail]


def repeats(some: list[Phrase], earlier: int) -> tuple[list[Attempt], list[Attempt]]:
    """Each take of a phrase, with others of the same person and words before it; and takes of one recording."""
    honest, copies = [], []
    for phrase in some:
        spoken = [trails_of(said(words)) for words in phrase.takes]
        same = {
            pair
            for pair in combinations(range(len(spoken)), 2)
            if sameness(phrase.takes[pair[0]], phrase.takes[pair[1]]) >= BOUND
        }
        name = f"{phrase.person} {' '.join(phrase.words)}"
        for one, other in sorted(same):
            copies.append(Attempt(f"{name}: takes {one + 1} and {other + 1}", spoken[other], [spoken[one][0]]))
        for index, trails in enumerate(spoken):
            others = [
                trails_[0]
                for at, trails_ in enumerate(spoken)
                if at != index and (min(at, index), max(at, index)) not in same
            ]
            if others:
                honest.append(Attempt(f"{name}: take {index + 1}", trails, others[:earlier]))
    return honest, copies


def twice(some: list[Phrase], play: Callable[[Samples], Samples], *, joined: bool) -> Iterator[Attempt]:
    """Prompts in which a word comes twice: in two takes, or in one recording where words are joined."""
    for phrase in some:
        if len(phrase.takes) > 1 and len(phrase.words) == WORDS:
            first, second = phrase.takes[0], phrase.takes[0] if joined else phrase.takes[1]
            words = play(said([first[0], first[1], second[0], first[2]]))
            yield Attempt(f"{phrase.person} {phrase.words[0]}", trails_of(words), [])


def replays(
    some: list[Phrase], kept: list[list[Trail]], play: Callable[[Samples], Samples], *, spliced: bool
) -> Iterator[Attempt]:
    """Each first take of a phrase played again, among earlier ones; or words of several takes spliced."""
    for phrase, trails in zip(some, kept, strict=True):
        words = [phrase.takes[k % len(trails)][k] for k in range(WORDS)] if spliced else phrase.takes[0]
        heard = play(said(words))
        yield Attempt(phrase.person, trails_of(heard) if spliced else (trail_of(heard),), trails)


Found = list[tuple[Likeness, str]]
"""How alike attempts are to earlier ones, and what each is."""


def found_in(attempts: Iterable[Attempt], *, prompted: bool) -> Found:
    """How alike each attempt is to earlier ones."""
    return [(likeness(one.trails, one.earlier, prompted=prompted), one.what) for one in attempts]


def unprompted(found: Found) -> Found:
    """What the same attempts are without a prompt."""
    return [(Likeness(one.steady, one.drifting), what) for one, what in found]


def table_row(label: str, found: Found, what: str) -> str:
    """A line of the table, with a 95 % interval, and who was flagged."""
    flagged = [name for one, name in found if is_replay(one)]
    count, total = len(flagged), len(found)
    low, high = wilson(count, total)
    rate = f"{100 * count / total:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    who = "; ".join(flagged) if what == "flagged" else ""
    return f"| {label} | {total} | {count} {what} {who} | {rate} |"


def nearest(found: Found) -> str:
    """How near the nearest honest attempts come to each bound."""
    told = []
    for name in (field.name for field in fields(Likeness)):
        value, what = max((getattr(one, name), what) for one, what in found)
        told.append(f"{name} {value:.3f} of {getattr(BOUNDS, name):g} ({what})")
    return "nearest honest ones: " + "; ".join(told)


def tell_people(label: str, some: list[Phrase], earlier: int) -> None:
    """Print the rows of people who repeat themselves, and begin a table."""
    people = len({phrase.person for phrase in some})
    print(f"\n{label}: {people} people, {earlier} earlier trails, bounds {BOUNDS}\n")
    print("| attempt | tried | noticed | rate, 95 % |\n|---|---|---|---|", flush=True)
    honest, copies = repeats(some, earlier)
    again = found_in(honest, prompted=True)
    print(table_row("the same person says it again", unprompted(again), "flagged"))
    print(table_row("the same, to a prompt", again, "flagged"), flush=True)
    spoken = found_in(twice(some, lambda speech: speech, joined=False), prompted=True)
    if spoken:
        print(table_row("a word said twice to a prompt", spoken, "flagged"))
    if copies:
        print(table_row("one recording in two files", found_in(copies, prompted=False), "noticed"))
        print("one recording by the waveform:", "; ".join(one.what for one in copies))
    print(nearest(again + spoken), flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--earlier", type=int, default=8)
    parser.add_argument("--people", action="store_true")
    parser.add_argument("--played", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    rng, halves = np.random.default_rng(1), phrases()
    if arguments.people:
        tell_people("chosen on", halves[True][:: arguments.every], arguments.earlier)
    some = halves[False][:: arguments.every]
    if not arguments.played:
        tell_people("told apart", some, arguments.earlier)
    if arguments.people:
        tell_people("whole sentences, told apart", sentences()[:: arguments.every], arguments.earlier)
        return
    if arguments.played:
        print(f"told apart: {len({phrase.person for phrase in some})} people, bounds {BOUNDS}\n")
        print("| attempt | tried | noticed | rate, 95 % |\n|---|---|---|---|", flush=True)
    kept = [[trail_of(said(words)) for words in phrase.takes[: arguments.earlier]] for phrase in some]
    for condition, way in PLAYED.items():

        def play(speech: Samples, way: Callable[[Samples, Rng], Samples] = way) -> Samples:
            return way(speech, rng)

        for spliced, name in ((False, "a recording"), (True, "words of earlier attempts, joined to a prompt")):
            found = found_in(replays(some, kept, play, spliced=spliced), prompted=spliced)
            print(table_row(f"{name}, {condition}", found, "noticed"), flush=True)
        found = found_in(twice(some, play, joined=True), prompted=True)
        print(table_row(f"one recording of each word, joined, {condition}", found, "noticed"), flush=True)


if __name__ == "__main__":
    main()
