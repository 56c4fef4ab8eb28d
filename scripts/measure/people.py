"""Groups of people whose trials calibrations are fitted to and measured on: readers, callers, single words.

Of ``people/`` in ../shared/audio, those whom ``heldout`` names are measured on, others may be fitted to. Readers
are split by ``trials.part_of``.
"""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import soundfile
import soxr

from scripts.measure.heldout import is_held_out
from scripts.measure.trials import AUDIO, people
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.core.sessions.base import Models
from streamauth.evaluation.fitting import Person
from streamauth.evaluation.replay import Probe
from streamauth.settings import Settings

MIXED = frozenset({"w013", "w135"})
"""Callers under whose name several people called: their calls are as unlike as those of different people."""
PAUSE_S = 0.1
ENROLL_S, PROBE_S = 8, 10
"""Of a call."""
LEAST_S = 2
"""Of the speech of a person's single words."""
MOST_WORDS_PEOPLE = 130


def sessions(people_set: str, held_out: bool) -> Iterator[tuple[str, list[Samples]]]:
    """(person, audio of each session) of a set, float32 at 16 kHz."""
    files = defaultdict(list)
    for line in (AUDIO / "people" / f"{people_set}.tsv").read_text("utf-8").splitlines():
        file, begin, end, person, session, *_ = line.split("\t")
        if is_held_out(people_set, person) == held_out and person not in MIXED:
            files[file, person].append((float(begin), float(end), session))
    for (file, person), utterances in files.items():
        audio, rate = soundfile.read(AUDIO / "people" / file, dtype="float32")
        parts = defaultdict(list)
        for begin_s, end_s, session in utterances:
            utterance = audio[int(begin_s * rate) : int(end_s * rate)]
            parts[session].append(np.pad(utterance, (0, int(PAUSE_S * rate))))
        joined = [np.concatenate(part) for part in parts.values()]
        yield person, [np.asarray(soxr.resample(one, rate, SAMPLE_RATE_HZ), np.float32) for one in joined]


def readers(models: Models, settings: Settings, held_out: bool, rng: np.random.Generator) -> list[Person]:
    """Readers of LibriSpeech under every condition; their probe follows what enrolled, in the same recording."""
    return people("unseen" if held_out else "fit", models, settings, rng)


def callers(models: Models, settings: Settings, held_out: bool) -> list[Person]:
    """People on the telephone: one call enrolls, their other calls are probes; who called once is only claimed."""
    found = []
    for _, calls in sessions("wuw2", held_out):
        enrolled = Probe(calls[0][: ENROLL_S * SAMPLE_RATE_HZ], models, settings).enrolled()
        if enrolled is not None:
            looks = [Probe(call[: PROBE_S * SAMPLE_RATE_HZ], models, settings).looks() for call in calls[1:]]
            heard = [look for look in looks if look]
            found.append(Person(enrolled, {"another call": heard} if heard else {}))
    return found


def word_speakers(models: Models, settings: Settings, held_out: bool) -> list[Person]:
    """People in front of browsers, single words: half of them enroll, the others are the probe."""
    found: list[Person] = []
    for _, parts in sessions("gsc", held_out):
        # the set numbers how often a word was said, not days
        audio = np.concatenate(parts)
        if audio.size >= 2 * LEAST_S * SAMPLE_RATE_HZ and len(found) < MOST_WORDS_PEOPLE:
            first, second = np.array_split(audio, 2)
            enrolled, looks = Probe(first, models, settings).enrolled(), Probe(second, models, settings).looks()
            if enrolled is not None and looks:
                found.append(Person(enrolled, {"other words": [looks]}))
    return found
