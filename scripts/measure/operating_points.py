"""What each operating point costs the right people: false rejects beside false accepts, of people never fitted to.

    python -m scripts.measure.operating_points [--encoder NAME]

The recordings are those of ``scripts.measure.evaluate``: 6 s enroll, the next 6 s are the attempt. After 3 s the voice
is looked at once, as at the end of a pass phrase; a whole attempt without a phrase is looked at with every window. A
false-accept rate of 0.01 % cannot be shown with some thousand pairs: what is shown is that none of so many came.
"""

import argparse

import numpy as np

from scripts.measure.plot_decisions import heard
from streamauth.core.voice.operating_point import PRESETS
from streamauth.evaluation.conditions import EVALUATED
from streamauth.settings import Settings

_SHOWN = ("clean", "babble-10", "telephone")


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default=Settings().voice.encoder)
    trials, calibration, settings = heard(parser.parse_args().encoder)
    llr = trials.llr(calibration)
    speech_s = np.exp(trials.side[:, 0])
    begins = np.flatnonzero(np.r_[True, np.diff(trials.attempt) != 0])
    highest = np.maximum.reduceat(np.where(speech_s >= settings.decision.first_look_s - 0.01, llr, -np.inf), begins)
    once = (speech_s >= 2.9) & (speech_s <= 3.3)
    looks = (
        ("one look after 3 s", False, llr[once], trials.same[once], trials.condition[once]),
        ("whole attempts", True, highest, trials.same[begins], trials.condition[begins]),
    )
    print("| point | aimed at | LLR | |", " | ".join(f"{name}: FRR; FAR" for name in _SHOWN), "|")
    for name, far in PRESETS.items():
        for what, rolling, found, same, condition in looks:
            bound = calibration.threshold(far, rolling=rolling)
            cells = []
            for shown in _SHOWN:
                cell = condition == EVALUATED.index(shown)
                refused, let_in = found[cell & same] < bound, found[cell & ~same] >= bound
                cells.append(f"{refused.mean():.1%} of {refused.size}; {let_in.mean():.2%} of {let_in.size}")
            print(f"| {name} | {far:.2%} | {bound:.2f} | {what} |", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
