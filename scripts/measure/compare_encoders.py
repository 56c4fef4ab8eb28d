"""Compares speaker encoders, or levels that windows are brought to, on recordings of real people.

    python -m scripts.measure.compare_encoders [ENCODER ...]    error rates, speed and size; default ge2e and ge2e-noise
    python -m scripts.measure.compare_encoders --levels         error rates of ge2e under several level rules and gains

LibriSpeech clips of 11 s or more: the first 6 s enroll, the last 5 s are compared with every speaker, through the
product's own voice activity detection and rolling windows. Noise of 10 dB (white, or babble of six other speakers) is
put on the compared side, since error rates on clean speech are too near to zero to tell encoders apart.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from scripts.measure.trials import librispeech, noisy, sessions, voiced
from streamauth.catalog.registry import models_folder, read_registry
from streamauth.core.ports import SAMPLE_RATE_HZ, Embedding, Samples, SpeakerEncoder, SpeechDetector
from streamauth.core.voice.pooling import RollingVoice, unit
from streamauth.engines.encoder import ge2e
from streamauth.engines.encoder.load import load_encoder
from streamauth.engines.encoder.onnx import OnnxEncoder, self_test_signal
from streamauth.engines.vad.webrtc import WebrtcDetector
from streamauth.evaluation.metrics import eer, frr_at_far
from streamauth.evaluation.replay import CachingEncoder, WindowCollector
from streamauth.settings import Settings

SEED, SNR_DB, BABBLERS, RESAMPLED = 4, 10.0, 6, 300
# in whole frames of the detector, and just enough for a window of 1.6 and of 0.8 s
SPEECH_S = (None, 1.62, 0.82)
SETTINGS, FRAME = Settings(), SAMPLE_RATE_HZ // 100

Condition = Callable[[int], Samples]


def level_rules() -> dict[str, Callable[[NDArray[np.float32]], NDArray[np.floating]]]:
    """What may be done to a window before its mel spectra, by name."""

    def only_raised(windows: NDArray[np.float32]) -> NDArray[np.floating]:
        rms = np.sqrt(np.mean(np.square(windows), axis=1, keepdims=True))
        return np.where(rms < 10 ** (-30 / 20), ge2e.at_level(windows, -30), windows)

    rules: dict[str, Callable[[NDArray[np.float32]], NDArray[np.floating]]] = {
        "as it is": lambda windows: windows,
        "raised to -30 (Resemblyzer)": only_raised,
    }
    return rules | {f"always {level}": partial(ge2e.at_level, level_dbfs=level) for level in (-30, -27, -24, -21)}


def conditions() -> tuple[list[Samples], dict[str, list[Samples]]]:
    """The enrolling clips, and the compared ones by condition."""
    rng = np.random.default_rng(SEED)
    clips = [clip for _, clip in librispeech(11.0)]
    heads, tails = [clip[: 6 * SAMPLE_RATE_HZ] for clip in clips], [clip[-5 * SAMPLE_RATE_HZ :] for clip in clips]

    def babble(index: int) -> Samples:
        others = rng.choice(np.delete(np.arange(len(heads)), index), BABBLERS, replace=False)
        noise = np.sum([heads[other][: tails[index].size] / heads[other].std() for other in others], axis=0)
        gain = tails[index].std() / noise.std() * 10 ** (-SNR_DB / 20)
        return np.asarray(tails[index] + gain * noise, np.float32)

    return heads, {
        "clean": tails,
        "white": [noisy(tail, SNR_DB, "white", rng) for tail in tails],
        "babble": [babble(index) for index in range(len(tails))],
    }


def voices(
    clips: Sequence[Samples], encoder: SpeakerEncoder, detector: SpeechDetector, speech_s: float | None
) -> Samples:
    """The voice of each clip's first ``speech_s`` of speech, shape (clips, dim); NaN where that is too little."""
    limit = None if speech_s is None else int(speech_s * SAMPLE_RATE_HZ)
    cut = [_windows(voiced(clip, detector)[:limit], encoder) for clip in clips]
    cached = CachingEncoder(encoder)
    cached.learn(window for windows in cut for window in windows)
    nothing = np.full(encoder.dim, np.nan, np.float32)
    return np.stack([unit(cached.embed(np.stack(windows)).sum(axis=0)) if windows else nothing for windows in cut])


def _windows(speech: Samples, encoder: SpeakerEncoder) -> list[Samples]:
    """The windows that are left in the product's voice of so much speech; only these need to be embedded."""
    collector = WindowCollector(encoder)
    voice = RollingVoice(collector, SETTINGS.voice)
    for at in range(0, speech.size, FRAME):
        voice.accept(speech[at : at + FRAME])
    voice.flush()
    full = [window for window in collector.windows if window.size == encoder.window_samples]
    return full or collector.windows[-1:]


def trials(scores: Samples, chosen: NDArray[np.intp] | None = None) -> tuple[Samples, Samples]:
    """Target and non-target scores out of a matrix (compared, enrolled), of all or of chosen speakers."""
    chosen = np.arange(len(scores)) if chosen is None else chosen
    scores = scores[np.ix_(chosen, chosen)]
    targets, nontargets = np.diag(scores), scores[chosen[:, None] != chosen]
    return targets[~np.isnan(targets)], nontargets[~np.isnan(nontargets)]


def rates(scores: Samples) -> str:
    """ "EER / FRR at FAR 1 %", in percent."""
    targets, nontargets = trials(scores)
    return f"{100 * eer(targets, nontargets):.2f} / {100 * frr_at_far(targets, nontargets, 0.01):.1f}"


def difference(scores: Sequence[Samples], reference: Sequence[Samples]) -> str:
    """Mean EER over the conditions against a reference's, with an interval from resampled speakers."""
    rng, speakers = np.random.default_rng(SEED), len(scores[0])

    def points(chosen: NDArray[np.intp] | None = None) -> float:
        pairs = zip(scores, reference, strict=True)
        return 100 * float(np.mean([eer(*trials(a, chosen)) - eer(*trials(b, chosen)) for a, b in pairs]))

    drawn = [points(rng.integers(0, speakers, speakers)) for _ in range(RESAMPLED)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{points():+.2f} points, 95 % interval {low:+.2f} to {high:+.2f}"


def other_sessions(encoder: SpeakerEncoder, detector: SpeechDetector) -> str:
    """Least score of the same and largest of another speaker, from other days and in Mandarin."""
    recordings = list(sessions())
    embeddings = voices([audio for _, _, audio in recordings], encoder, detector, None)
    prints: dict[str, Embedding] = {}
    for (name, part, _), embedding in zip(recordings, embeddings, strict=True):
        if part == "enroll":
            prints[name] = prints.get(name, np.zeros(encoder.dim, np.float32)) + embedding
    same: list[float] = []
    other: list[float] = []
    for (name, part, _), embedding in zip(recordings, embeddings, strict=True):
        if part == "test":
            for who, total in prints.items():
                (same if who == name else other).append(float(embedding @ total / np.linalg.norm(total)))
    return f"{min(same):.3f} / {max(other):.3f}"


def milliseconds(encoder: SpeakerEncoder, samples: int) -> float:
    """Least CPU time of one window, features included, over many runs: other work on the machine only adds to it."""
    window = self_test_signal(samples)[None]
    times = []
    for _ in range(60):
        start = time.process_time()
        encoder.embed(window)
        times.append(time.process_time() - start)
    return 1000 * min(times)


def compare_encoders(names: Sequence[str]) -> None:
    """Print the table of encoders."""
    detector = WebrtcDetector(SETTINGS.speech.aggressiveness)
    heads, compared = conditions()
    registry = read_registry(models_folder())
    enrolled: dict[str, Samples] = {}
    scores: dict[str, list[Samples]] = {name: [] for name in names}
    print("| encoder | MB | ms per window of 1.6 s / 0.8 s | speech | clean | white 10 dB | babble 10 dB |")
    print("|---|---|---|---|---|---|---|")
    notes = []
    for name in names:
        encoder = load_encoder(name)
        enrolled[name] = voices(heads, encoder, detector, None)
        cost = f"{milliseconds(encoder, encoder.window_samples):.1f} / {milliseconds(encoder, encoder.min_samples):.1f}"
        for speech_s in SPEECH_S:
            found = [voices(clips, encoder, detector, speech_s) @ enrolled[name].T for clips in compared.values()]
            scores[name] += found
            cells = [name, f"{registry[name].bytes / 1e6:.1f}", cost, f"{speech_s} s" if speech_s else "all"]
            print("|", " | ".join(cells + [rates(matrix) for matrix in found]), "|", flush=True)
        notes.append(f"{name}: sessions-zh, least same / largest other score: {other_sessions(encoder, detector)}")
        if name != names[0]:
            likeness = np.sum(enrolled[name] * enrolled[names[0]], axis=1).min()
            apart = difference(scores[name], scores[names[0]])
            notes.append(f"{name} against {names[0]}: voiceprint cosine >= {likeness:.4f}; mean EER {apart}")
    print("\nRates: EER / FRR at FAR 1 %, in percent.", *notes, sep="\n")


def compare_levels() -> None:
    """Print the table of level rules."""
    encoder, detector = load_encoder("ge2e"), WebrtcDetector(SETTINGS.speech.aggressiveness)
    heads, compared = conditions()
    clean = compared["clean"]
    columns: list[tuple[str, list[Samples], float | None]] = [("clean", clean, None), ("clean, 1.6 s", clean, 1.6)]
    columns += [(f"{gain:+d} dB", [clip * np.float32(10 ** (gain / 20)) for clip in clean], None) for gain in (-20, 10)]
    columns += [(f"{kind} 10 dB", compared[kind], None) for kind in ("white", "babble")]
    print("| level, dBFS |", " | ".join(title for title, _, _ in columns), "|")
    print("|---" * (len(columns) + 1) + "|")
    for name, rule in level_rules().items():
        _use(encoder, rule)
        enrolled = voices(heads, encoder, detector, None)
        cells = [rates(voices(clips, encoder, detector, speech_s) @ enrolled.T) for _, clips, speech_s in columns]
        print(f"| {name} |", " | ".join(cells), "|", flush=True)
    print("\nEER / FRR at FAR 1 %, in percent; gains are those of the compared side.")


def _use(encoder: OnnxEncoder, rule: Callable[[NDArray[np.float32]], NDArray[np.floating]]) -> None:
    def features(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return ge2e.mel_spectra(rule(windows))[:, : windows.shape[1] // ge2e.HOP_SAMPLES]

    encoder._features = features


def main() -> None:
    """Print the table that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoders", nargs="*", default=["ge2e", "ge2e-noise"])
    parser.add_argument("--levels", action="store_true")
    arguments = parser.parse_args()
    if arguments.levels:
        compare_levels()
    else:
        compare_encoders(arguments.encoders)


if __name__ == "__main__":
    main()
