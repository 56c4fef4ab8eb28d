"""Error rates by group of people, with the calibration that ships: readers, callers on another day, words in a browser.

    python -m scripts.measure.groups [--encoder NAME] [GROUP ...]

No encoder and no calibration was fitted to the callers and to the speakers of words, so that all of them are measured
on; of the readers, those of the part "unseen". Each attempt is judged at the end of its speech. The target is 1 %.
"""

import argparse

import numpy as np

from scripts.measure.calibrate import SEED
from scripts.measure.people import callers, readers, word_speakers
from streamauth.core.sessions.base import Models
from streamauth.core.voice.calibration import Calibration
from streamauth.engines.loader import Engines
from streamauth.evaluation.fitting import Person, trials_of
from streamauth.evaluation.metrics import cllr, eer, frr_at_far, min_cllr, wilson
from streamauth.settings import Settings

GROUPS = ("readers", "callers", "words")
TARGET_FAR = 0.01


def heard(group: str, models: Models, settings: Settings) -> list[Person]:
    """The people of a group."""
    if group == "readers":
        return readers(models, settings, True, np.random.default_rng(SEED))
    hear = {"callers": callers, "words": word_speakers}[group]
    return [person for held_out in (False, True) for person in hear(models, settings, held_out)]


def row(group: str, people: list[Person], calibration: Calibration) -> str:
    """A line of the table."""
    trials = trials_of(people, calibration.normalizer)
    last = np.r_[np.flatnonzero(np.diff(trials.attempt)), len(trials.attempt) - 1]
    llr, same = trials.llr(calibration)[last], trials.same[last]
    target, other = llr[same], llr[~same]
    bound = calibration.threshold(TARGET_FAR)
    refused, accepted = int(np.sum(target < bound)), int(np.sum(other >= bound))
    cells = [
        group,
        str(len(people)),
        f"{target.size} / {other.size}",
        f"{eer(target, other):.2%}",
        f"{frr_at_far(target, other, TARGET_FAR):.1%}",
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
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"there is no group {', '.join(sorted(unknown))}")
    settings = Settings().with_values({"voice": {"encoder": options.encoder}}, "--encoder")
    models = Engines(settings).models(with_words=False)
    print(f"encoder {models.encoder.id}\n")
    print("| group | people | true / other attempts | EER | FRR at FAR 1 % | at the target: FAR | FRR | Cllr (least) |")
    print("|---|---|---|---|---|---|---|---|")
    for group in options.groups:
        print(row(group, heard(group, models, settings), models.calibration), flush=True)


if __name__ == "__main__":
    main()
