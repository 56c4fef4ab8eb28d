"""``streamauth evaluate``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from streamauth.cli import options
from streamauth.cli.output import Output, progress


def evaluate(
    trial_list: Annotated[Path, typer.Argument(metavar="LIST", help="The list of trials; see docs/evaluation.md.")],
    root: Annotated[
        Path | None,
        typer.Option("--root", help="Folder of the audio files; that of the list if not given.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Folder for plots, HTML report and figures.", show_default=False),
    ] = None,
    scoring: Annotated[
        Literal["full", "plain"],
        typer.Option("--scoring", help="full: calibrated LLR and live decisions; plain: bare cosine, as in papers."),
    ] = "full",
    work: Annotated[
        Path | None,
        typer.Option(
            "--work", help="Keep what was worked out here, to go on after a break; holds voices.", show_default=False
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Processes; one for each core if not given.", show_default=False)
    ] = None,
    json: options.Json = False,
) -> None:
    """Measure error rates on a list of trials, through the same sessions as live."""
    from streamauth.evaluation.figures import figures
    from streamauth.evaluation.labels import table
    from streamauth.evaluation.report import NO_PLOTS, prepare_report, write_report
    from streamauth.evaluation.run import run
    from streamauth.evaluation.trial_runner import Scoring
    from streamauth.evaluation.trials import read_trials
    from streamauth.settings import load_settings

    output = Output(json)
    settings = load_settings()
    if report is not None:
        prepare_report(report)
    trials = read_trials(trial_list, settings, root)
    if trials.same_file:
        told = f"Trials that test a file which also enrolls, so that they mean nothing: {trials.same_file}"
        output.messages.print(told, style="yellow", markup=False)
    with progress(output) as show:
        evaluation = run(trials, settings, Scoring(scoring), work=work, processes=jobs, progress=show)
    drawn = False
    with output.busy("Working out the figures"):
        found = figures(evaluation)
        if report is not None:
            drawn = write_report(report, evaluation, found)
    if report is not None and not drawn:
        output.messages.print(f"The report has no plots. {NO_PLOTS}", style="yellow", markup=False)
    output.result(found, table(found))
