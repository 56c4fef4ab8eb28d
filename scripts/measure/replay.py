"""How often recordings that are played again are noticed, and how often people who repeat themselves are.

    python -m scripts.measure.replay [--earlier K]    K earlier trails stand against each attempt (default 8)
    python -m scripts.measure.replay --people         of people who repeat themselves alone, those of both halves
    python -m scripts.measure.replay --every N        only each Nth phrase, which is quicker

Phrases are four words in a row that one person said several times (``people/dsp20``, ``wuw2``, ``gsc``, ``digits``).
People of one half of the names (by hash) are there to choose the bounds on, those of the other half are told apart:
the figures that count are theirs. Replays are made of the same phrases: as bytes, by telephone, and by a small
loudspeaker (300 Hz to 6.5 kHz) in simulated rooms with noise. Spliced ones join single words, each of another earlier
attempt, with gaps of 75 ms, as a prompt would be answered from recordings. To a prompt of digits one word comes twice:
said twice by people, and twice the same recording by who joins one of each.
"""

import argparse
import csv
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from scripts.measure.trials import AUDIO, load, utterance
from streamauth.core.audio.degradation import band_limited, coloured_noise, telephone, with_noise
from streamauth.core.audio.rooms import in_room, room_response
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.replay.rule import ReplayRule, heard_before
from streamauth.core.replay.trail import PHASES, Trail, TrailRecorder
from streamauth.evaluation.metrics import wilson

WORDS, TAKES = 4, 10
GAP_S = 0.075
SETS = ("dsp20", "wuw2", "gsc")
SAME_RECORDINGS = "dsp20/d05"
"""Most takes of this person are one recording, processed again: they are replays, and found as such."""

Phrase = list[list[Samples]]
"""Takes of one phrase, each the list of its words."""
Rng = np.random.Generator


def takes_of_words() -> Iterator[tuple[str, list[Samples]]]:
    """(person, takes) of each word that a person said at least twice, person by person."""
    for name in SETS:
        found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        files: dict[str, str] = {}
        with (AUDIO / "people" / f"{name}.tsv").open(encoding="utf-8") as table:
            for file, start, end, person, _, _, words in csv.reader(table, delimiter="\t"):
                if start[0].isdigit():
                    found[person, words.lower()].append((float(start), float(end)))
                    files[person] = file
        for (person, _), spans in sorted(found.items()):
            if len(spans) < 2:
                continue
            yield f"{name}/{person}", [utterance(files[person], *span) for span in spans[:TAKES]]
    for folder in sorted((AUDIO / "digits").iterdir()):
        for digit in range(10):
            paths = sorted(folder.glob(f"{digit}_*.wav"))[:TAKES]
            yield f"digits/{folder.name}", [load(path) for path in paths]


def phrases() -> dict[bool, list[tuple[str, Phrase]]]:
    """(person, takes of a phrase) by whether they may be chosen on."""
    by_person: dict[str, list[list[Samples]]] = defaultdict(list)
    for person, takes in takes_of_words():
        by_person[person].append(takes)
    halves: dict[bool, list[tuple[str, Phrase]]] = {True: [], False: []}
    for person, words in by_person.items():
        if person == SAME_RECORDINGS:
            continue
        chosen_on = hashlib.sha256(person.encode()).digest()[0] < 128
        for first in range(0, len(words) - WORDS + 1, WORDS):
            group = words[first : first + WORDS]
            count = min(len(takes) for takes in group)
            halves[chosen_on].append((person, [[takes[k] for takes in group] for k in range(count)]))
    return halves


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


PLAYED: dict[str, Callable[[Samples, Rng], Samples]] = {
    "the same bytes, another level": digital,
    "by telephone": by_telephone,
    **{
        f"loudspeaker, room of {rt:g} s, noise {snr:g} dB": partial(by_loudspeaker, reverberation_s=rt, snr_db=snr)
        for rt, snr in ((0.3, 20), (0.3, 10), (0.6, 20), (0.6, 10), (0.8, 5))
    },
}


Attempt = tuple[str, tuple[Trail, ...], list[Trail]]
"""Who speaks, the trails of the attempt, those of earlier ones."""


def repeats(some: list[tuple[str, Phrase]], earlier: int) -> Iterator[Attempt]:
    """Each take of a phrase, with others of the same person and words before it."""
    for person, takes in some:
        spoken = [trails_of(said(words)) for words in takes]
        for index, trails in enumerate(spoken):
            others = [other[0] for other in spoken[:index] + spoken[index + 1 :]]
            yield person, trails, others[:earlier]


def twice(some: list[tuple[str, Phrase]], play: Callable[[Samples], Samples], *, joined: bool) -> Iterator[Attempt]:
    """Prompts in which a word comes twice: in two takes, or in one recording where words are joined."""
    for person, takes in some:
        if len(takes) > 1:
            first, second = takes[0], takes[0] if joined else takes[1]
            yield person, trails_of(play(said([first[0], first[1], second[0], first[2]]))), []


def replays(
    some: list[tuple[str, Phrase]], earlier: int, play: Callable[[Samples], Samples], *, spliced: bool
) -> Iterator[Attempt]:
    """Each first take of a phrase played again, among earlier ones; or words of several takes spliced."""
    for person, takes in some:
        attempts = [trail_of(said(words)) for words in takes[:earlier]]
        words = [takes[k % len(attempts)][k] for k in range(WORDS)] if spliced else takes[0]
        yield person, trails_of(play(said(words))), attempts


def noticed(attempts: Iterator[Attempt], *, prompted: bool) -> list[tuple[bool, str]]:
    """Whether each attempt is taken for a recording, and whose it is."""
    return [(heard_before(trails, earlier, prompted=prompted), person) for person, trails, earlier in attempts]


def table_row(label: str, found: list[tuple[bool, str]], what: str) -> str:
    """A line of the table, with a 95 % interval, and who was flagged."""
    count, total = sum(flagged for flagged, _ in found), len(found)
    low, high = wilson(count, total)
    rate = f"{100 * count / total:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    who = sorted({person for flagged, person in found if flagged}) if what == "flagged" else []
    return f"| {label} | {total} | {count} {what} {' '.join(who)} | {rate} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--earlier", type=int, default=8)
    parser.add_argument("--people", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    rng, rule, halves = np.random.default_rng(1), ReplayRule(), phrases()
    some = (halves[False] + halves[True] if arguments.people else halves[False])[:: arguments.every]
    people = len({person for person, _ in some})
    print(f"{people} people, {arguments.earlier} earlier trails, {rule}\n", flush=True)
    print("| attempt | tried | noticed | rate, 95 % |\n|---|---|---|---|")
    for prompted, name in ((False, "the same person says it again"), (True, "the same, to a prompt")):
        attempts = repeats(some, arguments.earlier)
        print(table_row(name, noticed(attempts, prompted=prompted), "flagged"), flush=True)
    spoken = twice(some, lambda speech: speech, joined=False)
    print(table_row("a word said twice to a prompt", noticed(spoken, prompted=True), "flagged"), flush=True)
    if arguments.people:
        return
    for condition, way in PLAYED.items():

        def play(speech: Samples, way: Callable[[Samples, Rng], Samples] = way) -> Samples:
            return way(speech, rng)

        for spliced, name in ((False, "a recording"), (True, "words of earlier attempts, joined to a prompt")):
            found = noticed(replays(some, arguments.earlier, play, spliced=spliced), prompted=spliced)
            print(table_row(f"{name}, {condition}", found, "noticed"), flush=True)
        found = noticed(twice(some, play, joined=True), prompted=True)
        print(table_row(f"one recording of each word, joined, {condition}", found, "noticed"), flush=True)


if __name__ == "__main__":
    main()
