"""Error rates by group of people, with the calibration that ships: readers, callers on another day, words in a browser.

    python -m scripts.measure.groups [--encoder NAME] [--speech S,S] [GROUP ...]

No encoder and no calibration was fitted to the callers and to the speakers of words, so that all of them are measured
on; of the readers, those of the part "unseen". *clean* is readers of the parts "unseen" and "fit", as they are: enough
pairs of people for a false-accept rate of 1 in 10,000 to be measured. *rooms* is readers in a real living room, through
any of its 50 microphones (``rooms/dirha-*-L*``); they enroll close to a microphone. *in-room*: they enroll through any
of these microphones, too. Each attempt is judged at the end of its speech, and also as soon as so many seconds were
heard. The target is 1 %.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from scripts.measure.calibrate import SEED
from scripts.measure.people import callers, readers, word_speakers
from scripts.measure.trials import AUDIO, ENROLL, PROBE, librispeech, load
from streamauth.core.audio.rooms import in_room
from streamauth.core.ports import Samples
from streamauth.core.sessions.base import Models
from streamauth.core.voice.calibration import Calibration
from streamauth.engines.loader import Engines
from streamauth.evaluation.fitting import Person, Trials, trials_of
from streamauth.evaluation.metrics import cllr, eer, frr_at_far, min_cllr, wilson
from streamauth.evaluation.replay import Probe
from streamauth.settings import Settings

GROUPS = ("readers", "clean", "rooms", "in-room", "callers", "words")
TARGET_FAR, SELDOM = 0.01, 0.0001
ENOUGH = 0.95
"""How many strangers must stand for the seldom rate, for it to be measured; one of them may be accepted."""
ROOM_PROBES = 3
"""Of each reader, in a room."""
_LATE = 16_000
_ENROLL_SEED = 99


def read(group: str, models: Models, settings: Settings) -> list[Person]:
    """Readers as they are, or in real rooms."""
    rng, where = np.random.default_rng(SEED), np.random.default_rng(_ENROLL_SEED)
    rooms = sorted((AUDIO / "rooms").glob("dirha-*-L*.flac")) if group != "clean" else []
    responses = [load(path) for path in rooms]
    parts = ("unseen",) if responses else ("unseen", "fit")
    found = []
    for clip in (clip for part in parts for _, clip in librispeech(11.0, part)):
        first = clip[ENROLL]
        if group == "in-room":
            first = in_room(first, _from_direct(responses[where.integers(len(responses))]))
        enrolled = Probe(first, models, settings).enrolled()
        chosen = [responses[number] for number in rng.choice(len(responses), ROOM_PROBES)] if responses else []
        probes = [in_room(clip[PROBE], _from_direct(response)) for response in chosen]
        looks = [Probe(audio, models, settings).looks() for audio in probes or [clip[PROBE]]]
        assert enrolled is not None
        found.append(Person(enrolled, {group: [look for look in looks if look]}))
    return found


def _from_direct(response: Samples) -> Samples:
    start = int(np.abs(response).argmax())
    return response[start : start + _LATE]


def heard(group: str, models: Models, settings: Settings) -> list[Person]:
    """The people of a group."""
    if group in ("clean", "rooms", "in-room"):
        return read(group, models, settings)
    if group == "readers":
        return readers(models, settings, True, np.random.default_rng(SEED))
    hear = {"callers": callers, "words": word_speakers}[group]
    return [person for held_out in (False, True) for person in hear(models, settings, held_out)]


def judged(trials: Trials, speech_s: float | None) -> NDArray[np.intp]:
    """Of each attempt the last look, or the first with so much speech, if it has one."""
    attempt = trials.attempt
    if speech_s is None:
        return np.append(np.flatnonzero(np.diff(attempt)), len(attempt) - 1)
    enough = np.flatnonzero(trials.side[:, 0] >= np.log(speech_s) - 1e-6)
    first: NDArray[np.intp] = enough[np.unique(attempt[enough], return_index=True)[1]]
    return first


def row(group: str, people: list[Person], calibration: Calibration, speech_s: float | None) -> str:
    """A line of the table."""
    trials = trials_of(people, calibration.normalizer)
    chosen = judged(trials, speech_s)
    llr, same = trials.llr(calibration)[chosen], trials.same[chosen]
    target, other = llr[same], llr[~same]
    bound = calibration.threshold(TARGET_FAR)
    refused, accepted = int(np.sum(target < bound)), int(np.sum(other >= bound))
    cells = [
        group if speech_s is None else f"{group}, {speech_s:g} s",
        str(len(people)),
        f"{target.size} / {other.size}",
        f"{eer(target, other):.2%}",
        f"{frr_at_far(target, other, TARGET_FAR):.1%}",
        f"{frr_at_far(target, other, max(SELDOM, 1 / other.size)):.1%}" if other.size * SELDOM >= ENOUGH else "-",
        _rate(accepted, other.size),
        _rate(refused, target.size),
        f"{cllr(target, other):.3f} ({min_cllr(target, other):.3f})",
    ]
    return f"| {' | '.join(cells)} |"


def _rate(errors: int, trials: int) -> str:
    low, high = wilson(errors, trials)
    return f"{errors / trials:.2%} ({low:.2%} to {high:.2%})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", default=list(GROUPS), metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--encoder", default=Settings().voice.encoder)
    parser.add_argument("--speech", default="", metavar="S,S", help="judge also after so many seconds of speech")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"there is no group {', '.join(sorted(unknown))}")
    settings = Settings().with_values({"voice": {"encoder": options.encoder}}, "--encoder")
    models = Engines(settings).models(with_words=False)
    print(f"encoder {models.encoder.id}\n")
    columns = "EER | FRR at FAR 1 % | at FAR 0.01 % | at the target: FAR | FRR | Cllr (least)"
    print(f"| group | people | true / other attempts | {columns} |")
    print("|---|---|---|---|---|---|---|---|---|")
    for group in options.groups:
        people = heard(group, models, settings)
        for speech_s in (None, *(float(part) for part in options.speech.split(",") if part)):
            print(row(group, people, models.calibration, speech_s), flush=True)


if __name__ == "__main__":
    main()
