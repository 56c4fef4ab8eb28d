"""Compares speaker encoders in noise, on the speakers that nothing was fitted to.

    python -m scripts.measure.compare_noise [ENCODER ...]    default ge2e and ge2e-noise; --all: further conditions

LibriSpeech clips of 9 s or more of the "unseen" part (``trials.part_of``). The first 6 s enroll, clean; the rest is
put under a condition of ``streamauth.evaluation.conditions`` and cut into pieces of 3 s and of 1.6 s, each compared
with every speaker by plain cosine, through the product's own detection and rolling windows. Babble is of other unseen
speakers. *Pooled* has one threshold for all conditions above it; its interval comes from resampled speakers.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scripts.measure.compare_encoders import SETTINGS, voices
from scripts.measure.trials import librispeech
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.encoder.load import load_encoder
from streamauth.engines.vad.webrtc import WebrtcDetector
from streamauth.evaluation.conditions import CONDITIONS, EVALUATED, degrade
from streamauth.evaluation.metrics import eer, frr_at_far

SEED, RESAMPLED = 4, 200
ENROLLED_S, PIECES_S = 6.0, (3.0, 1.6)
OTHERS = tuple(name for name in CONDITIONS if name not in EVALUATED)


def pieces(clips: Sequence[Samples], condition: str, seconds: float) -> tuple[list[Samples], NDArray[np.intp]]:
    """What follows the enrolled seconds of each clip, under a condition, in pieces; and whose each piece is."""
    cut, who = [], []
    size = int(seconds * SAMPLE_RATE_HZ)
    for index, clip in enumerate(clips):
        # the same noise for each encoder and length
        rng = np.random.default_rng([SEED, index, list(CONDITIONS).index(condition)])
        others = [other for number, other in enumerate(clips) if number != index]
        rest = degrade(condition, clip[int(ENROLLED_S * SAMPLE_RATE_HZ) :], rng, others)
        found = [rest[at : at + size] for at in range(0, rest.size - size + 1, size)]
        cut += found
        who += [index] * len(found)
    return cut, np.array(who)


class Found:
    """Scores of one encoder and length: pieces against all enrolled, by condition."""

    def __init__(self, name: str, clips: Sequence[Samples], seconds: float, conditions: Sequence[str]) -> None:
        encoder, detector = load_encoder(name), WebrtcDetector(SETTINGS.speech.aggressiveness)
        enrolled = voices([clip[: int(ENROLLED_S * SAMPLE_RATE_HZ)] for clip in clips], encoder, detector, None)
        self.scores: dict[str, Samples] = {}
        self.who: dict[str, NDArray[np.intp]] = {}
        self.unheard = 0
        for condition in conditions:
            cut, who = pieces(clips, condition, seconds)
            scores = voices(cut, encoder, detector, None) @ enrolled.T
            heard = ~np.isnan(scores[:, 0])
            self.scores[condition], self.who[condition] = scores[heard], who[heard]
            self.unheard += int(np.sum(~heard)) if condition in EVALUATED else 0

    def rates(self, conditions: Sequence[str], speakers: NDArray[np.intp] | None = None) -> tuple[float, float]:
        """EER and FRR at FAR 1 %, in percent, of some conditions together, of all or of resampled speakers."""
        scores = np.concatenate([self.scores[name] for name in conditions])
        who = np.concatenate([self.who[name] for name in conditions])
        columns = np.arange(scores.shape[1]) if speakers is None else speakers
        rows = np.concatenate([np.flatnonzero(who == speaker) for speaker in columns])
        same = who[rows][:, None] == columns
        chosen = scores[np.ix_(rows, columns)]
        return 100 * eer(chosen[same], chosen[~same]), 100 * frr_at_far(chosen[same], chosen[~same], 0.01)

    def interval(self) -> str:
        """95 % interval of the pooled EER and FRR."""
        rng = np.random.default_rng(SEED)
        count = self.scores["clean"].shape[1]
        drawn = [self.rates(EVALUATED, rng.choice(np.arange(count), count)) for _ in range(RESAMPLED)]
        (low, frr_low), (high, frr_high) = np.quantile(drawn, (0.025, 0.975), axis=0)
        return f"{low:.2f}-{high:.2f} / {frr_low:.1f}-{frr_high:.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoders", nargs="*", default=["ge2e", "ge2e-noise"])
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    names, others = arguments.encoders, OTHERS if arguments.all else ()
    clips = [clip for _, clip in librispeech(ENROLLED_S + max(PIECES_S), "unseen")]
    measured = EVALUATED + others
    columns = {f"{name}, {size} s": Found(name, clips, size, measured) for size in PIECES_S for name in names}
    print(f"{len(clips)} speakers. Each cell: EER / FRR at FAR 1 %, in percent.\n")
    print("| condition |", " | ".join(columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    rows = [(name, (name,)) for name in EVALUATED] + [("**pooled**", EVALUATED)] + [(name, (name,)) for name in others]
    for title, conditions in rows:
        cells = ["{:.2f} / {:.1f}".format(*found.rates(conditions)) for found in columns.values()]
        print(f"| {title} |", " | ".join(cells), "|")
        if conditions == EVALUATED:
            print("| 95 % interval |", " | ".join(found.interval() for found in columns.values()), "|", flush=True)
    for title, found in columns.items():
        count = sum(len(found.who[name]) for name in EVALUATED)
        print(f"\n{title}: {count} pieces in the pooled conditions; {found.unheard} more had too little speech")


if __name__ == "__main__":
    main()
