"""``streamauth calibrate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import Output, progress

if TYPE_CHECKING:
    from streamauth.core.ports import Samples
    from streamauth.evaluation.recalibration import Recalibration
    from streamauth.settings import Settings

_ROWS = {
    "eer": "equal error rate",
    "cllr": "Cllr (bits)",
    "min_cllr": "least possible Cllr",
    "far_at_target_01": "false accepts where 1 % is the target",
    "frr_at_target_01": "false rejects there",
}


def calibrate(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder for each person, two recordings or more in each.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would be; change nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Use the new one even where it is no better.")] = False,
    json: options.Json = False,
) -> None:
    """Fit the calibration of the encoder on your own recordings, and show before and after."""
    from streamauth.catalog.calibrations import load_calibration, save_calibration
    from streamauth.catalog.registry import Catalog
    from streamauth.core.sessions.base import Models
    from streamauth.engines.loader import Engines
    from streamauth.errors import ModelMissing
    from streamauth.evaluation.fitting import uncalibrated
    from streamauth.evaluation.recalibration import recalibrate, recordings_of
    from streamauth.settings import load_settings

    output = Output(json)
    settings, catalog = load_settings(), Catalog()
    people = recordings_of(folder)
    engines = Engines(settings, catalog)
    encoder = engines.encoder()
    try:
        former = load_calibration(catalog, settings.voice.encoder, encoder.id)
    except ModelMissing:
        former = None
    models = Models(engines.detector(), encoder, uncalibrated(encoder.id))
    with progress(output) as show:
        found = recalibrate(people, models, former, settings, lambda path: _read(path, settings), show)
    saved = not dry_run and (force or found.better)
    if saved:
        save_calibration(catalog.calibrations, settings.voice.encoder, found.calibration, found.as_dict())
    output.result({**found.as_dict(), "saved": saved}, _told(found, saved))


def _read(path: Path, settings: "Settings") -> "Samples":
    import numpy as np

    from streamauth.core.audio.pcm import PcmDecoder
    from streamauth.core.audio.resampling import Resampler
    from streamauth.sources.files import open_audio

    limits = settings.audio
    with open_audio(path, max_s=limits.max_enroll_s, max_mb=limits.max_file_mb) as audio:
        decoder, resampler = PcmDecoder(audio.format), Resampler(audio.format.sample_rate_hz)
        parts = [resampler.feed(decoder.feed(chunk)) for chunk in audio]
        return np.concatenate([*parts, resampler.finish()])


def _told(found: "Recalibration", saved: bool) -> str:
    lines = [f"{found.people} people, {found.probes} recordings tried against all of them."]
    if not found.enough:
        lines.append("These are too few to rely on: the rates below are rough.")
    if found.skipped:
        lines.append(f"{len(found.skipped)} recordings could not be used.")
    lines.append(f"{'':40}{'before':>10}{'after':>10}")
    for key, text in _ROWS.items():
        before = "-" if found.before is None else _number(key, found.before[key])
        lines.append(f"{text:40}{before:>10}{_number(key, found.after[key]):>10}")
    if saved:
        lines.append("The new calibration is in use from now on.")
    else:
        lines.append("Nothing was changed." + ("" if found.better else " The new one is no better; --force uses it."))
    return "\n".join(lines)


def _number(key: str, value: float) -> str:
    return f"{value:.3f}" if "cllr" in key else f"{value:.2%}"
