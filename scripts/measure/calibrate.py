"""Fits the calibration of an encoder: scores to LLRs, bounds by false-accept rate, and the cohort.

    python -m scripts.measure.calibrate [--encoder NAME] [--write]

Data: LibriSpeech clips of 11 s or more. The first 6 s enroll; the next 6 s are the probe, as they are and under each
condition of ``streamauth.evaluation.conditions.EVALUATED``, of the part "fit". The part "student" is the cohort; the
part "unseen" is left for ``evaluate``. The cohort does not normalize where that lowers the cost of the LLRs
of one half of the people, by a calibration of the other half, by a tenth or more.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.measure.trials import ENROLL, librispeech, people
from streamauth.catalog.calibrations import save_calibration
from streamauth.core.sessions.base import Models
from streamauth.core.voice.calibration import Cohort
from streamauth.engines.loader import Engines
from streamauth.evaluation.conditions import EVALUATED
from streamauth.evaluation.fitting import Person, crossed, fit, trials_of, uncalibrated
from streamauth.evaluation.metrics import cllr, eer, min_cllr
from streamauth.evaluation.replay import Probe
from streamauth.settings import Settings

COHORT_TOP = 15
WORTH = 0.9
SEED = 20


def cost(fitted: Sequence[Person], cohort: Cohort, encoder_id: str, settings: Settings) -> float:
    """Cllr of each half of the people by what was fitted to the other."""
    halves = crossed(fitted, cohort, encoder_id, settings.decision.first_look_s)
    llrs = [(trials.llr(calibration), trials.same) for trials, calibration in halves]
    return float(np.mean([cllr(llr[same], llr[~same]) for llr, same in llrs]))


def main() -> None:
    """Fit, report, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default=Settings().voice.encoder)
    parser.add_argument("--write", action="store_true", help="put the files into models/")
    arguments = parser.parse_args()
    settings = Settings().with_values({"voice": {"encoder": arguments.encoder}}, "--encoder")
    engines = Engines(settings)
    encoder = engines.encoder()
    models = Models(engines.detector(), encoder, uncalibrated(encoder.id))
    fitted = people("fit", models, settings, np.random.default_rng(SEED))
    others = [Probe(clip[ENROLL], models, settings).voice() for _, clip in librispeech(11.0, "student")]
    known = [voice.embedding for voice in others if voice is not None]
    choice = {"normalized": Cohort(np.stack(known), COHORT_TOP), "as it is": Cohort(np.stack(known), 0)}
    costs = {name: cost(fitted, cohort, encoder.id, settings) for name, cohort in choice.items()}
    # a cohort also takes off what is common to a microphone or a language, which this data cannot show
    cohort = choice["as it is" if costs["as it is"] < WORTH * costs["normalized"] else "normalized"]

    trials = trials_of(fitted, cohort)
    calibration = fit(trials, cohort, encoder.id, settings.decision.first_look_s)
    llr = trials.llr(calibration)
    target, nontarget = llr[trials.same], llr[~trials.same]
    provenance = {
        "command": f"python -m scripts.measure.calibrate --encoder {arguments.encoder} --write",
        "data": "LibriSpeech train-clean-100 (CC BY 4.0): part fit, cohort of part student",
        "seed": SEED,
        "people": len(fitted),
        "cohort": len(known),
        "crossed_cllr": {name: round(value, 5) for name, value in costs.items()},
        "conditions": list(EVALUATED),
        "target_looks": int(target.size),
        "nontarget_looks": int(nontarget.size),
        "eer": round(eer(target, nontarget), 5),
        "cllr": round(cllr(target, nontarget), 5),
        "min_cllr": round(min_cllr(target, nontarget), 5),
    }
    for name, value in provenance.items():
        print(f"{name}: {value}")
    print("threshold by rate:", ", ".join(f"{rate:g}: {llr:.2f}" for rate, llr in calibration.thresholds))
    print("rolling:", ", ".join(f"{rate:g}: {llr:.2f}" for rate, llr in calibration.rolling))
    print(f"early reject: {calibration.reject_llr:.2f}, change: {calibration.change_llr:.2f}")
    if arguments.write:
        save_calibration(Path(__file__).resolve().parents[2] / "models", arguments.encoder, calibration, provenance)


if __name__ == "__main__":
    main()
