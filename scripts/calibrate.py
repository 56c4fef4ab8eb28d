"""Fits the calibration of an encoder: cosine and net speech to LLR, and thresholds by false-accept rate.

    python scripts/calibrate.py [--encoder ge2e] [--write]

Data: LibriSpeech clips of 11 s or more, of every second speaker (the others are kept for scripts/evaluate.py). The
first 6 s enroll, the last 5 s are compared after 0.8 to all seconds of net speech; clean, and with white and pink
noise at 20 and 10 dB on the compared side. Same and different speakers weigh equally. The threshold of a rate is the
highest that any one condition and length needs for it, so that none is let through more often than promised.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from _trials import librispeech, noisy
from numpy.typing import NDArray

from streamauth.core.calibration import Calibration, cosine
from streamauth.core.listening import Models
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.engines.loader import Engines
from streamauth.evaluation.metrics import cllr, eer, threshold_at_far
from streamauth.evaluation.replay import CachingEncoder, Probe
from streamauth.settings import Settings

SPEECH_S = (0.82, 1.22, 1.62, 2.42, 3.22, 4.5)
RATES = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
CONDITIONS = (None, ("white", 20.0), ("white", 10.0), ("pink", 20.0), ("pink", 10.0))
RIDGE = 1e-3
SEED = 20


def collect(models: Models, settings: Settings) -> NDArray[np.float64]:
    """Trials, shape (n, 4): cosine, ln of net speech in s, 1 for the same speaker or 0, number of the condition."""
    rng = np.random.default_rng(SEED)
    clips = list(librispeech(11.0))[::2]
    enrolled = []
    for _, clip in clips:
        voice = Probe(clip[: 6 * SAMPLE_RATE_HZ], models, settings).voice()
        assert voice is not None
        enrolled.append(voice.embedding)
    trials = []
    for speaker, (_, clip) in enumerate(clips):
        tail = clip[-5 * SAMPLE_RATE_HZ :]
        for number, condition in enumerate(CONDITIONS):
            heard = tail if condition is None else noisy(tail, condition[1], condition[0], rng)
            probe = Probe(heard, models, settings)
            for speech_s in SPEECH_S:
                voice = probe.voice(speech_s)
                if voice is not None:
                    trials += [
                        (cosine(voice.embedding, other), np.log(voice.speech_s), float(speaker == index), number)
                        for index, other in enumerate(enrolled)
                    ]
    return np.array(trials)


def fit(trials: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logistic regression by Newton's method; weights of (score, score·ln s, 1, ln s)."""
    score, duration, same = trials[:, :3].T
    features = np.stack((score, score * duration, np.ones_like(score), duration), axis=1)
    weights = np.where(same > 0, 0.5 / np.sum(same > 0), 0.5 / np.sum(same == 0))
    theta = np.zeros(4)
    for _ in range(100):
        probability = 1 / (1 + np.exp(-np.clip(features @ theta, -500, 500)))
        gradient = features.T @ (weights * (probability - same)) + RIDGE * 1e-3 * theta
        curvature = weights * probability * (1 - probability)
        hessian = (features * curvature[:, None]).T @ features + RIDGE * 1e-3 * np.eye(4)
        step = np.linalg.solve(hessian, gradient)
        theta = theta - step
        if np.abs(step).max() < 1e-8:
            break
    return theta


def main() -> None:
    """Fit, report, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="ge2e")
    parser.add_argument("--write", action="store_true", help="put the file into models/")
    arguments = parser.parse_args()
    settings = Settings().with_values({"voice": {"encoder": arguments.encoder}}, "--encoder")
    engines = Engines(settings)
    encoder = engines.encoder()
    nothing = Calibration(encoder.id, (1.0, 0.0), (0.0, 0.0), (0.8, 5.0), ((0.01, 0.0),))
    trials = collect(Models(engines.detector(), CachingEncoder(encoder), nothing), settings)
    theta = fit(trials)
    score, duration, same, condition = trials.T
    llrs = (theta[0] + theta[1] * duration) * score + theta[2] + theta[3] * duration
    target, nontarget = llrs[same > 0], llrs[same == 0]
    length = np.digitize(np.exp(duration) + 0.05, SPEECH_S)
    cells = [
        llrs[(same == 0) & (condition == number) & (length == index)]
        for number in range(len(CONDITIONS))
        for index in range(1, len(SPEECH_S) + 1)
    ]
    thresholds = [
        (rate, round(max(threshold_at_far(cell, rate) for cell in cells if cell.size * rate >= 1), 3)) for rate in RATES
    ]
    data = {
        "encoder_id": encoder.id,
        "scale": [round(float(theta[0]), 4), round(float(theta[1]), 4)],
        "offset": [round(float(theta[2]), 4), round(float(theta[3]), 4)],
        "speech_range_s": [round(float(np.exp(duration.min())), 2), round(float(np.exp(duration.max())), 2)],
        "thresholds": thresholds,
        "provenance": {
            "command": f"python scripts/calibrate.py --encoder {arguments.encoder} --write",
            "data": "LibriSpeech train-clean-100 (CC BY 4.0), every second of the speakers with a clip of 11 s or more",
            "seed": SEED,
            "target_trials": int(target.size),
            "nontarget_trials": int(nontarget.size),
            "eer": round(eer(target, nontarget), 5),
            "cllr": round(cllr(target, nontarget), 5),
        },
    }
    text = json.dumps(data, indent=2) + "\n"
    print(text)
    if arguments.write:
        folder = Path(__file__).resolve().parents[1] / "models"
        (folder / f"{arguments.encoder}.calibration.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
