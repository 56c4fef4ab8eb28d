"""Draws the pictures of docs/decisions.md, of speakers of whom nothing was fitted.

    python -m scripts.measure.plot_decisions [--encoder NAME]    write docs/decisions-*.svg

The recordings are those of scripts/measure/evaluate.py. Needs matplotlib (extra ``evaluate``).
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from scripts.measure.evaluate import SEED
from scripts.measure.trials import people
from streamauth.core.decision import VoiceRule
from streamauth.core.events import Verdict
from streamauth.core.voice.calibration import Calibration
from streamauth.core.voice.operating_point import accept_bound
from streamauth.engines.loader import Engines
from streamauth.evaluation.conditions import EVALUATED
from streamauth.evaluation.fitting import Trials, trials_of
from streamauth.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
TARGET, NONTARGET, INK = "#2a7de1", "#e0662f", "#3c3f45"
STYLE: Any = {
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "legend.frameon": False, "svg.fonttype": "none", "svg.hashsalt": "decisions", "figure.constrained_layout.use": True,
}  # fmt: skip


def heard(encoder: str) -> tuple[Trials, Calibration, Settings]:
    """All looks at all unseen people."""
    settings = Settings().with_values({"voice": {"encoder": encoder}}, "--encoder")
    models = Engines(settings).models(with_words=False)
    unseen = people("unseen", models, settings, np.random.default_rng(SEED))
    return trials_of(unseen, models.calibration.normalizer), models.calibration, settings


def llrs(trials: Trials, llr: NDArray[np.float64]) -> Figure:
    """What LLRs are like, for some lengths and conditions."""
    figure = Figure(figsize=(9.6, 5.2), facecolor="white")
    speech_s = np.exp(trials.side[:, 0])
    chosen = ("clean", "babble-10", "telephone")
    lengths = ((0.7, 1.0, "0.8 s"), (1.5, 1.7, "1.6 s"), (2.9, 3.3, "3 s"))
    bins = np.linspace(-20, 20, 61)
    for row, (low, high, text) in zip(figure.subplots(3, 3, sharex=True), lengths, strict=True):
        for axes, name in zip(row, chosen, strict=True):
            cell = (trials.condition == EVALUATED.index(name)) & (speech_s >= low) & (speech_s <= high)
            for same, colour, label in ((False, NONTARGET, "another voice"), (True, TARGET, "the enrolled voice")):
                found = np.clip(llr[cell & (trials.same == same)], -20, 20)
                axes.hist(found, bins, density=True, color=colour, alpha=0.6, label=label)
            axes.set_yticks([])
            axes.axvline(0, color=INK, linewidth=0.8)
            axes.set_title(f"{name}, {text}", fontsize=9)
    figure.axes[0].legend(fontsize=8, loc="upper left")
    figure.supxlabel("LLR in nats")
    return figure


def rates(trials: Trials, llr: NDArray[np.float64], calibration: Calibration, settings: Settings) -> Figure:
    """False accepts that come of those aimed at, by condition, after 3 s and over whole attempts."""
    figure = Figure(figsize=(9.6, 4.4), facecolor="white")
    wanted = np.geomspace(0.1, 0.001, 25)
    speech_s = np.exp(trials.side[:, 0])
    begins = np.flatnonzero(np.r_[True, np.diff(trials.attempt) != 0])
    highest = np.maximum.reduceat(np.where(speech_s >= settings.decision.first_look_s - 0.01, llr, -np.inf), begins)
    once = (speech_s >= 2.9) & (speech_s <= 3.3)
    for axes, title in zip(figure.subplots(1, 2, sharey=True), ("one look after 3 s", "whole attempts"), strict=True):
        rolling = title == "whole attempts"
        bounds = np.array([calibration.threshold(float(far), rolling=rolling) for far in wanted])
        for number, name in enumerate(EVALUATED):
            if rolling:
                cell = highest[~trials.same[begins] & (trials.condition[begins] == number)]
            else:
                cell = llr[once & ~trials.same & (trials.condition == number)]
            axes.loglog(100 * wanted, 100 * (cell[None] >= bounds[:, None]).mean(axis=1), label=name, linewidth=1.4)
        axes.loglog(100 * wanted, 100 * wanted, color=INK, linestyle=":")
        axes.fill_between(100 * wanted, 50 * wanted, 200 * wanted, color=INK, alpha=0.1, linewidth=0)
        axes.set(title=title, xlabel="false accepts aimed at, in %")
    figure.axes[0].set_ylabel("false accepts that came, in %")
    figure.axes[1].legend(fontsize=8)
    return figure


def times(trials: Trials, llr: NDArray[np.float64], calibration: Calibration, settings: Settings) -> Figure:
    """Net speech until the decision."""
    accept_llr = accept_bound(settings.decision, calibration, rolling=True)
    rule = VoiceRule(accept_llr, min(calibration.reject_llr, accept_llr), settings.decision)
    speech_s = np.exp(trials.side[:, 0])
    begins = np.flatnonzero(np.r_[True, np.diff(trials.attempt) != 0])
    figure = Figure(figsize=(9.6, 3.6), facecolor="white")
    for axes, same in zip(figure.subplots(1, 2), (True, False), strict=True):
        for name in ("clean", "babble-10", "pink-5", "telephone"):
            ends = []
            for begin, end in zip(begins, [*begins[1:], llr.size], strict=True):
                if trials.same[begin] == same and trials.condition[begin] == EVALUATED.index(name):
                    before = [np.inf, *llr[begin : end - 1]]
                    looks = zip(llr[begin:end].tolist(), speech_s[begin:end].tolist(), before, strict=True)
                    wanted = Verdict.ACCEPT if same else Verdict.REJECT
                    verdicts = ((rule.early(one, at + 0.01, last), at) for one, at, last in looks)
                    decided = next(((verdict, at) for verdict, at in verdicts if verdict is not None), (None, np.inf))
                    ends.append(decided[1] if decided[0] is wanted else np.inf)
            at = np.linspace(0.7, 5, 100)
            axes.plot(at, 100 * (np.array(ends)[None] <= at[:, None]).mean(axis=1), label=name)
        axes.set(title="true speakers accepted" if same else "others rejected", xlabel="net speech in s", ylim=(0, 101))
    figure.axes[0].set_ylabel("% of the attempts")
    figure.axes[1].legend(fontsize=8)
    return figure


def main() -> None:
    """Draw all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default=Settings().voice.encoder)
    trials, calibration, settings = heard(parser.parse_args().encoder)
    llr = trials.llr(calibration)
    with matplotlib.rc_context(STYLE):
        for name, figure in (
            ("llrs", llrs(trials, llr)),
            ("rates", rates(trials, llr, calibration, settings)),
            ("times", times(trials, llr, calibration, settings)),
        ):
            figure.savefig(DOCS / f"decisions-{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
