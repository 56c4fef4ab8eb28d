"""The two forms of the embedded model, Kaldi's and ONNX, are one network on one kind of features."""

import json

import numpy as np
import vosk

from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.demo_data import VOICES
from streamauth.engines.acoustic_model import AcousticModel
from streamauth.engines.pronunciations import Pronunciations
from streamauth.engines.registry import models_folder
from streamauth.engines.word_graph import WordGraph
from tests.engines.test_recognizers import DOOR, speech

FOLDER = models_folder() / "vosk-en"


def test_libvosk_and_onnx_give_the_same_path_scores() -> None:
    vosk.SetLogLevel(-1)
    shared = vosk.Model(str(FOLDER))
    model, sounds = AcousticModel(FOLDER / "phrase"), Pronunciations(FOLDER / "phrase")
    graph = WordGraph.of([sounds.of(word) for word in DOOR])
    differences = []
    for voice in VOICES:
        samples = speech(voice, "door-2")
        recognizer = vosk.KaldiRecognizer(shared, SAMPLE_RATE_HZ, json.dumps([" ".join(DOOR)]))
        recognizer.SetMaxAlternatives(1)
        recognizer.AcceptWaveform(np.rint(samples * 32768).astype("<i2").tobytes())
        best = json.loads(recognizer.FinalResult())["alternatives"][0]
        assert best["text"].strip() == " ".join(DOOR)
        scores = model.scores(samples)
        posteriors = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        ours, _ = graph.align(posteriors, np.zeros_like(model.bigram))
        differences.append(best["confidence"] - ours)
    # what is left is the cost of the grammar and of its optional pauses, the same for each recording
    assert np.ptp(differences) < 0.1, differences
