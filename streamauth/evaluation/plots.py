"""Plots of an evaluation, as PNG and SVG files and as SVG that takes its colours from the page around it."""

import re
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from streamauth.evaluation.figures import Arrays
from streamauth.evaluation.metrics import Scores, det_points, eer, pav
from streamauth.evaluation.run import Evaluation
from streamauth.evaluation.trial_runner import Scoring

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# text and lines are drawn in this colour, which stands for that of the page
_INK = "#1b1c1d"
_TARGET, _NONTARGET, _THIRD = "#2a7de1", "#e0662f", "#2d9d78"
_DET_TICKS = (1e-5, 1e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
_MOST_POINTS = 3000
_STYLE: Any = {
    "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.25,
    "grid.linewidth": 0.6, "legend.frameon": False, "svg.fonttype": "none", "figure.constrained_layout.use": True,
    "text.color": _INK, "axes.edgecolor": _INK, "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK,
    "grid.color": _INK, "axes.facecolor": "none",
}  # fmt: skip


def plots(evaluation: Evaluation, folder: Path) -> dict[str, str]:
    """Draw what there is to be drawn, ``<name>.png`` and ``<name>.svg`` each.

    Returns:
        By name the SVG to be put into a page.
    """
    arrays = Arrays.of(evaluation)
    drawn: dict[str, Callable[[Figure], None]] = {"det": lambda figure: _det(figure, arrays)}
    if evaluation.scoring is Scoring.FULL:
        drawn["calibration"] = lambda figure: _calibration(figure, arrays, evaluation)
        drawn["time"] = lambda figure: _time(figure, arrays)
    else:
        drawn["scores"] = lambda figure: _histograms(figure.subplots(), arrays, "cosine")
    return {name: _drawn(name, draw, folder) for name, draw in drawn.items()}


def _drawn(name: str, draw: Callable[[Figure], None], folder: Path) -> str:
    # ids inside an SVG come from the salt: two pictures in one page must not share them
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=(9.6, 4.2) if name == "calibration" else (6.2, 4.6), facecolor="white")
        draw(figure)
        figure.savefig(folder / f"{name}.png", dpi=144)
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    (folder / f"{name}.svg").write_text(svg, "utf-8")
    return _for_page(svg)


def _for_page(svg: str) -> str:
    """Without prologue, white background and size, and in the colour of the page's text."""
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    svg = re.sub(r'<g id="patch_1">.*?</g>', "", svg, count=1, flags=re.DOTALL)
    head, rest = svg.split(">", 1)
    width = re.search(r'width="([0-9.]+)pt"', head)
    wide = "" if width is None else f' style="max-width: {1.2 * float(width[1]):.0f}pt"'
    return re.sub(r' (width|height)="[^"]*"', "", head) + wide + ">" + rest


def _det(figure: Figure, arrays: Arrays) -> None:
    axes = figure.subplots()
    targets, nontargets = arrays.pair(arrays.scores)
    far, frr = _thinned(*det_points(targets, nontargets))
    # no rate is measured beyond one error in all trials; the curve is cut there
    low = 0.5 * min(1 / targets.size, 1 / nontargets.size, 0.001)
    axes.plot(_probit(far, low), _probit(frr, low), color=_TARGET, linewidth=2)
    equal = eer(targets, nontargets)
    axes.plot(_probit([equal], low), _probit([equal], low), "o", color=_NONTARGET, label=f"EER {equal:.2%}")
    ticks = [tick for tick in _DET_TICKS if tick > low]
    for set_ticks, limit in ((axes.set_xticks, axes.set_xlim), (axes.set_yticks, axes.set_ylim)):
        set_ticks(_probit(ticks, low), [f"{100 * tick:g}" for tick in ticks])
        limit(*_probit([low, 0.5], low))
    axes.set_xlabel("false accepts, FAR in %")
    axes.set_ylabel("false rejects, FRR in %")
    axes.set_title("Detection error trade-off")
    axes.legend(loc="upper right")


def _calibration(figure: Figure, arrays: Arrays, evaluation: Evaluation) -> None:
    left, right = figure.subplots(1, 2)
    _histograms(left, arrays, "LLR in nats")
    first, target, nontarget = pav(*arrays.pair(arrays.evidence))
    inside = (target > 0) & (nontarget > 0)
    map_axes = left.twinx()
    map_axes.step(
        first[inside], np.log(target[inside] / nontarget[inside]), where="post", color=_THIRD, label="best LLR (PAV)"
    )
    low, high = left.get_xlim()
    map_axes.plot([low, high], [low, high], color=_INK, linewidth=0.8, linestyle=":", label="as it should be")
    map_axes.set(xlim=(low, high), ylim=(-9, 9), ylabel="LLR that it was worth, in nats")
    map_axes.grid(False)
    map_axes.spines["right"].set_visible(True)
    left.set_title("What the scores are worth")
    _together(left, map_axes)

    targets, nontargets = arrays.pair(arrays.scores)
    wanted = np.array([far for far, _ in evaluation.thresholds])
    bounds = [llr for _, llr in evaluation.thresholds]
    least = 0.3 / nontargets.size
    right.loglog(wanted, wanted, color=_INK, linewidth=0.8, linestyle=":", label="as it should be")
    right.fill_between(wanted, wanted / 2, wanted * 2, color=_INK, alpha=0.08, linewidth=0, label="within a factor 2")
    measured = np.array([np.mean(nontargets >= bound) for bound in bounds])
    missed = np.array([np.mean(targets < bound) for bound in bounds])
    right.loglog(wanted, np.maximum(measured, least), color=_NONTARGET, linewidth=2, label="FAR")
    right.loglog(wanted, np.maximum(missed, least), color=_TARGET, linewidth=2, label="FRR")
    right.set(xlabel="FAR aimed at", ylabel="rate measured", ylim=(least, 1), xlim=(wanted[0], wanted[-1]))
    right.set_title("What the threshold does")
    right.legend(loc="lower right", fontsize=9)


def _histograms(axes: "Axes", arrays: Arrays, unit: str) -> None:
    scored = arrays.scores[arrays.scored]
    low, high = np.percentile(scored, [0.1, 99.9]) if scored.size else (0.0, 1.0)
    margin = 0.05 * (high - low) + 1e-3
    bins = np.linspace(low - margin, high + margin, 60)
    for values, colour, label in _both(arrays, np.where(arrays.scored, arrays.scores, np.nan)):
        axes.hist(values, bins=bins.tolist(), density=True, color=colour, alpha=0.45, label=label)
    axes.set(xlabel=f"score: {unit}", ylabel="density", xlim=(bins[0], bins[-1]))
    axes.set_title("Scores")
    axes.legend(loc="upper left", fontsize=9)


def _time(figure: Figure, arrays: Arrays) -> None:
    axes = figure.subplots()
    heard = arrays.speech_s[np.isfinite(arrays.speech_s)]
    bins = np.linspace(0, float(heard.max()) if heard.size else 1.0, 40)
    for values, colour, label in _both(arrays, arrays.speech_s):
        shares = np.full(values.size, 1 / max(1, values.size))
        axes.hist(values, bins=bins.tolist(), weights=shares, color=colour, alpha=0.45, label=label)
        if values.size:
            middle = float(np.median(values))
            axes.axvline(middle, color=colour, linestyle="--", linewidth=1.4, label=f"median {middle:.1f} s")
    axes.set(xlabel="net speech until the decision, in s", ylabel="share of trials")
    axes.set_title("Time to decision")
    axes.legend(loc="upper right", fontsize=9)


def _both(arrays: Arrays, values: Scores) -> Iterator[tuple[Scores, str, str]]:
    for part, colour, label in ((arrays.target, _TARGET, "targets"), (~arrays.target, _NONTARGET, "non-targets")):
        yield values[part & np.isfinite(values)], colour, label


def _together(axes: "Axes", other: "Axes") -> None:
    handles, labels = axes.get_legend_handles_labels()
    more, names = other.get_legend_handles_labels()
    axes.legend().remove()
    other.legend(handles + more, labels + names, loc="upper left", fontsize=9)


def _thinned(far: Scores, frr: Scores) -> tuple[Scores, Scores]:
    step = max(1, far.size // _MOST_POINTS)
    keep = np.unique(np.append(np.arange(0, far.size, step), far.size - 1))
    return far[keep], frr[keep]


def _probit(rates: Sequence[float] | Scores, low: float) -> list[float]:
    inverse = NormalDist().inv_cdf
    return [inverse(min(1 - low, max(low, float(rate)))) for rate in rates]
