"""What the phrase check relies on in the scores of the embedded network."""

import numpy as np
import pytest

from streamauth.demo_data import VOICES
from streamauth.engines.acoustic_model import AcousticModel
from streamauth.engines.pronunciations import Pronunciations
from streamauth.engines.registry import models_folder
from streamauth.engines.word_graph import PHONES, SILENCE, WordGraph, phone_posteriors
from tests.engines.test_recognizers import DOOR, speech

FOLDER = models_folder() / "vosk-en" / "phrase"


@pytest.fixture(scope="module")
def model() -> AcousticModel:
    return AcousticModel(FOLDER)


@pytest.mark.parametrize("gain_db", [-20, 6])
def test_the_level_of_speech_does_not_matter(model: AcousticModel, gain_db: float) -> None:
    samples = speech(VOICES[0], "door-2")
    usual, other = (
        phone_posteriors(model.scores(audio), model.bigram)
        for audio in (samples, np.float32(10 ** (gain_db / 20)) * samples)
    )
    np.testing.assert_allclose(np.exp(usual), np.exp(other), atol=0.2)


@pytest.mark.parametrize("voice", VOICES)
def test_sounds_are_found_where_words_are_said(model: AcousticModel, voice: str) -> None:
    sounds = Pronunciations(FOLDER)
    scores = model.scores(np.pad(speech(voice, "door-2"), 8000))
    graph = WordGraph.of([sounds.of(word) for word in DOOR])
    _, path = graph.align(scores, model.bigram)
    found = phone_posteriors(scores, model.bigram).argmax(axis=1)
    said = graph.words[path] >= 0
    assert np.mean(found[said] == graph.phones[path][said]) > 0.5
    # half a second of silence before and after
    assert (found[:10] == SILENCE).all()
    assert (found[-10:] == SILENCE).all()


@pytest.mark.parametrize("samples", [400, 401, 1_600, 48_000])
def test_a_row_of_scores_every_30_ms(model: AcousticModel, samples: int) -> None:
    scores = model.scores(np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32))
    assert scores.shape == (-(-(1 + (samples - 400) // 160) // 3), 2 * (1 + len(PHONES)))
