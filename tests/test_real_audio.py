"""The product on recordings of real people, where they are at hand; the full figures come from scripts/evaluate.py."""

import sys
from pathlib import Path

import pytest

from streamauth.core.listening import Models
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.engines.loader import Engines
from streamauth.evaluation.replay import CachingEncoder, Probe
from streamauth.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
AUDIO = ROOT.parent / "shared" / "audio"
SPEAKERS = 30

pytestmark = [
    pytest.mark.real_audio,
    pytest.mark.skipif(not AUDIO.is_dir(), reason="no recordings beside the repository"),
]
sys.path.insert(0, str(ROOT / "scripts"))

SETTINGS = Settings()
ALL_OF_IT = SETTINGS.with_values({"enrollment": {"text_independent_speech_s": 300}}, "test")


@pytest.fixture(scope="module")
def models() -> Models:
    loaded = Engines(SETTINGS).models(with_words=False)
    return Models(loaded.detector, CachingEncoder(loaded.encoder), loaded.calibration)


def test_other_sessions_in_another_language_are_all_right(models: Models) -> None:
    import _trials
    import evaluate

    recordings = list(_trials.sessions())
    names = sorted({name for name, _, _ in recordings})
    assert len(names) == 3
    people = {
        name: evaluate.enroll([a for who, part, a in recordings if (who, part) == (name, "enroll")], models, ALL_OF_IT)
        for name in names
    }
    result = evaluate.Result()
    for who, part, audio in recordings:
        if part == "test":
            for name, voiceprint in people.items():
                evaluate.decide(result, Probe(audio, models, SETTINGS), voiceprint, who == name, models, SETTINGS)
    assert len(result.target_verdicts) == 7
    assert set(result.target_verdicts) == {"accept"}
    assert set(result.nontarget_verdicts) == {"reject"}


def test_readers_are_told_apart_at_the_shipped_threshold(models: Models) -> None:
    import _trials
    import evaluate

    clips = [clip for _, clip in _trials.librispeech(11.0)]
    chosen = clips[1 :: len(clips) // SPEAKERS][:SPEAKERS]
    prints = [evaluate.enroll([clip[: 6 * SAMPLE_RATE_HZ]], models, ALL_OF_IT) for clip in chosen]
    result = evaluate.Result()
    for i, clip in enumerate(chosen):
        probe = Probe(clip[-5 * SAMPLE_RATE_HZ :], models, SETTINGS)
        voice = probe.voice()
        assert voice is not None
        for j, voiceprint in enumerate(prints):
            evaluate.score(result, voice, voiceprint, i == j, models)
            evaluate.decide(result, probe, voiceprint, i == j, models, SETTINGS)
    summary = result.summary()
    assert summary["n_target"] == SPEAKERS
    assert float(str(summary["eer"])) <= 0.01
    assert float(str(summary["decision_frr"])) <= 0.04  # one of thirty
    assert float(str(summary["decision_far"])) <= 0.015


@pytest.mark.parametrize("group", ["keyword", "digits", "sentence"])
def test_phrases_are_told_apart_on_real_speech(group: str) -> None:
    import random

    from _phrase_trials import digit_recordings, keyword_recordings, sentence_recordings

    from streamauth.engines.acoustic_model import AcousticModel
    from streamauth.engines.phrase_evidence import Expected, UtteranceEvidence
    from streamauth.engines.pronunciations import Pronunciations
    from streamauth.engines.registry import models_folder

    folder = models_folder() / "vosk-en" / "phrase"
    model, sounds, dice = AcousticModel(folder), Pronunciations(folder), random.Random(1)
    recordings = {
        "keyword": lambda: keyword_recordings(12, "clean", dice),
        "digits": lambda: digit_recordings(18, "clean", dice),
        "sentence": lambda: sentence_recordings(40, "clean", dice, [model, model], sounds),
    }
    taken: dict[str, list[bool]] = {"right": [], "nearly": [], "other": []}
    for recording in recordings[group]():
        evidences = [UtteranceEvidence(model, samples) for samples in recording.utterances]
        for kind, words in recording.expected:
            if kind != "near word":
                found = [e.explain(Expected.of(words, sounds.of)) for e in evidences]
                llr = max((f.llr for f in found if f is not None), default=-30.0)
                nearly = kind in ("replaced", "dropped", "added", "swapped", "cut short")
                taken["nearly" if nearly else "right" if kind == "right" else "other"].append(
                    llr >= SETTINGS.phrase.min_llr
                )
    assert len(taken["right"]) >= 12
    # the shipped model heard these recordings; the error rates are those of scripts/evaluate_phrase.py
    assert sum(taken["right"]) >= 0.85 * len(taken["right"])
    assert sum(taken["nearly"]) <= 0.2 * len(taken["nearly"])
    assert sum(taken["other"]) <= 0.01 * len(taken["other"])
