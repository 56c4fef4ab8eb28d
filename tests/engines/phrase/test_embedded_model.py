"""The embedded model: one network is libvosk's in another form, and both hold what the phrase check relies on."""

import json

import numpy as np
import pytest
import vosk

from streamauth.catalog.registry import models_folder
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.demo_data import VOICES
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.alignment import PHONES, SILENCE, AlignmentGraph, any_phones
from streamauth.engines.phrase.lexicon import Lexicon
from tests.engines.phrase.rig import DOOR, speech

FOLDER = models_folder() / "vosk-en"
LIBVOSKS, SECOND = 0, 1


@pytest.fixture(scope="module")
def model() -> AcousticModel:
    return AcousticModel(FOLDER / "phrase")


@pytest.fixture(scope="module")
def door() -> AlignmentGraph:
    sounds = Lexicon(FOLDER / "phrase")
    return AlignmentGraph.of([sounds.of(word) for word in DOOR])


def test_libvosk_and_onnx_give_the_same_path_scores(model: AcousticModel, door: AlignmentGraph) -> None:
    vosk.SetLogLevel(-1)
    shared = vosk.Model(str(FOLDER))
    differences = []
    for voice in VOICES:
        samples = speech(voice, "door-2")
        recognizer = vosk.KaldiRecognizer(shared, SAMPLE_RATE_HZ, json.dumps([" ".join(DOOR)]))
        recognizer.SetMaxAlternatives(1)
        recognizer.AcceptWaveform(np.rint(samples * 32768).astype("<i2").tobytes())
        best = json.loads(recognizer.FinalResult())["alternatives"][0]
        assert best["text"].strip() == " ".join(DOOR)
        scores = model.scores(samples)[LIBVOSKS]
        posteriors = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        ours, _ = door.best_path(posteriors, np.zeros_like(model.bigram))
        differences.append(best["confidence"] - ours)
    # what is left is the cost of the grammar and of its optional pauses, the same for each recording
    assert np.ptp(differences) < 0.1, differences


@pytest.mark.parametrize("gain_db", [-20, 6])
def test_the_level_of_speech_does_not_matter_to_the_second_network(model: AcousticModel, gain_db: float) -> None:
    samples = speech(VOICES[0], "door-2")
    usual, other = (
        any_phones(model.scores(audio)[SECOND], model.bigram)[1]
        for audio in (samples, np.float32(10 ** (gain_db / 20)) * samples)
    )
    np.testing.assert_allclose(np.exp(usual), np.exp(other), atol=0.2)


@pytest.mark.parametrize("network", [LIBVOSKS, SECOND])
@pytest.mark.parametrize("voice", VOICES)
def test_sounds_are_found_where_words_are_said(
    model: AcousticModel, door: AlignmentGraph, voice: str, network: int
) -> None:
    scores = model.scores(np.pad(speech(voice, "door-2"), 8000))[network]
    _, path = door.best_path(scores, model.bigram)
    found = any_phones(scores, model.bigram)[1].argmax(axis=1)
    said = door.words[path] >= 0
    assert np.mean(found[said] == door.phones[path][said]) > 0.5
    # half a second of silence before and after
    assert (found[:10] == SILENCE).all()
    assert (found[-10:] == SILENCE).all()


@pytest.mark.parametrize("samples", [400, 401, 1_600, 48_000])
def test_a_row_of_scores_every_30_ms(model: AcousticModel, samples: int) -> None:
    scores = model.scores(np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32))
    assert scores.shape == (2, -(-(1 + (samples - 400) // 160) // 3), 2 * (1 + len(PHONES)))
