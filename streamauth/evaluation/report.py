"""Writes the report of an evaluation: figures as JSON, plots, and one HTML page that needs nothing else."""

import json
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from streamauth.errors import InputError
from streamauth.evaluation.labels import CAPTIONS, MEANINGS, intervals_told, seconds, shown, value_of
from streamauth.evaluation.run import Evaluation

NO_PLOTS = "Plots need matplotlib: `pip install 'streamauth[evaluate]'`, or `pip install '.[evaluate]'` in the source."
_PAGE = Path(__file__).with_name("page.html")
_TOLD = 10


def prepare_report(folder: Path) -> None:
    """See that a report can be written, before the work is done.

    Raises:
        InputError: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder of the report, {folder}, cannot be made: {error.strerror}.") from None


def write_report(folder: Path, evaluation: Evaluation, found: dict[str, Any]) -> bool:
    """Write ``report.html``, ``figures.json`` and, where there is what draws them, the plots.

    Args:
        folder: Where to.
        evaluation: What became of the trials.
        found: Its figures.

    Returns:
        Whether there are plots.

    Raises:
        InputError: Something cannot be written.
    """
    can_draw = find_spec("matplotlib") is not None
    try:
        drawn = {}
        if can_draw:
            from streamauth.evaluation.plots import plots

            drawn = plots(evaluation.of(attacks=False), folder)
        (folder / "figures.json").write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", "utf-8")
        (folder / "report.html").write_text(page(found, drawn), "utf-8")
    except OSError as error:
        raise InputError(f"The report cannot be written: {error.strerror}.") from None
    return can_draw


def page(found: dict[str, Any], drawn: dict[str, str]) -> str:
    """The HTML page.

    Args:
        found: The figures.
        drawn: SVG by the name of the plot; none where nothing could draw.
    """
    parts = {
        "summary": _summary(found),
        "figures": _figures(found),
        "decision": _decision(found),
        "classes": _classes(found) + _shares(found),
        "failures": _failures(found),
        "method": escape(found["intervals"]["method"]),
        "plots": "".join(
            f"<figure>{svg}<figcaption>{escape(CAPTIONS[name])}</figcaption></figure>" for name, svg in drawn.items()
        )
        or f'<p class="note">{escape(NO_PLOTS)}</p>',
    }
    text = _PAGE.read_text("utf-8")
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    return text


def _summary(found: dict[str, Any]) -> str:
    facts = {
        "target trials": f"{found['n_target']:,}",
        "non-target trials": f"{found['n_nontarget']:,}",
        "recordings": f"{found['n_files']:,}",
        "scoring": found["scoring"],
        "encoder": found["encoder"],
    }
    return "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts.items())


def _figures(found: dict[str, Any]) -> str:
    rows = []
    for name, (label, meaning) in MEANINGS.items():
        value = value_of(found, name)
        if value is not None:
            rows.append(
                f'<tr><th scope="row">{escape(label)}</th><td class="number">{shown(name, value)}</td>'
                f'<td class="between">{intervals_told(found, name)}</td><td>{escape(meaning)}</td></tr>'
            )
    return "".join(rows)


def _decision(found: dict[str, Any]) -> str:
    decision, point = found["decision"], found["operating_point"]
    if decision is None or point is None:
        return ""
    aim = "the prior" if point["target_far"] is None else f"a FAR of {point['target_far']:.2%}"
    return (
        f"<p>With all speech heard, the threshold for {aim} (LLR "
        f"{point['threshold']:+.2f}) accepted <b>{point['far']:.2%}</b> of the non-targets and refused "
        f"<b>{point['frr']:.2%}</b> of the targets. Live, {decision['undecided_target']:.2%} of the targets and "
        f"{decision['undecided_nontarget']:.2%} of the non-targets stayed undecided; the median decision fell after "
        f"<b>{seconds(decision['median_speech_s_target'])}</b> of a target's speech and "
        f"<b>{seconds(decision['median_speech_s_nontarget'])}</b> of a non-target's.</p>"
    )


def _classes(found: dict[str, Any]) -> str:
    if not found["by_class"]:
        return ""
    names = {
        "TW": "right person, wrong phrase",
        "IC": "impostor, correct phrase",
        "IW": "impostor, wrong phrase",
    }
    rows = "".join(
        f'<tr><th scope="row">{kind}: {names[kind]}</th><td class="number">{each["n"]:,}</td><td class="number">'
        f"{'' if each['far'] is None else format(each['far'], '.2%')}</td>"
        f'<td class="number">{each["eer"]:.2%}</td></tr>'
        for kind, each in found["by_class"].items()
    )
    head = '<tr><th>trials</th><th class="number">count</th><th class="number">accepted live</th>'
    return f'<h2>By kind of attempt</h2><table>{head}<th class="number">EER against TC</th></tr>{rows}</table>'


def _shares(found: dict[str, Any]) -> str:
    """Groups of people, and recordings that were presented."""
    rows = [(f"{group}: {name.upper()}", rates[name]) for group, rates in found["by_group"].items() for name in rates]
    rows += [(f"recordings presented, {condition}: IAPAR", share) for condition, share in found["iapar"].items()]
    if not rows:
        return ""
    told = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{share["n"]:,}</td>'
        f'<td class="number">{"" if share["rate"] is None else format(share["rate"], ".2%")}</td>'
        f'<td class="between">{share["interval"][0]:.2%} to {share["interval"][1]:.2%}</td></tr>'
        for name, share in rows
    )
    return f"<h2>Groups and presented recordings, live</h2><table>{told}</table>"


def _failures(found: dict[str, Any]) -> str:
    files = [", ".join(files) for files in found["failed_enrol"]], found["failed_test"]
    if not any(files):
        return "<p>Every recording gave a score.</p>"
    told = (
        f"<p>{found['n_failed_enrol']} enrollments and {found['n_failed_test']} tested recordings gave no score: "
        f"{found['n_failed_trials_target']} target and {found['n_failed_trials_nontarget']} non-target trials. They "
        "are in all figures, as never accepted.</p>"
    )
    for title, names in zip(("Not enrolled", "Too little speech in the test"), files, strict=True):
        if names:
            more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
            told += f"<p>{title}: {', '.join(f'<code>{escape(name)}</code>' for name in names[:_TOLD])}{more}</p>"
    return told
