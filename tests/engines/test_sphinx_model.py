from pathlib import Path

import numpy as np
import pocketsphinx
import pytest
import soundfile

from streamauth.core.ports import Samples
from streamauth.demo_data import demo_utterances
from streamauth.engines.phrase_evidence import UtteranceEvidence
from streamauth.engines.sphinx_decoder import SphinxDecoder
from streamauth.engines.sphinx_features import product, sphinx_features
from streamauth.engines.sphinx_model import BEGIN, INTERNAL, AcousticModel

FOLDER = Path(pocketsphinx.get_model_path("en-us"))
DOOR = ("please", "open", "the", "door", "and", "let", "me", "come", "in")


@pytest.fixture(scope="module")
def model() -> AcousticModel:
    return AcousticModel(FOLDER / "en-us")


@pytest.fixture(scope="module")
def decoder() -> SphinxDecoder:
    return SphinxDecoder(FOLDER)


def speech(voice: str, name: str) -> Samples:
    samples, _ = soundfile.read(demo_utterances()[voice, name].path, dtype="float32")
    return np.asarray(samples, np.float32)


def test_product_in_parts_is_the_whole_product() -> None:
    random = np.random.default_rng(0)
    left, right = random.normal(size=(500, 60)), random.normal(size=(60, 200))
    assert np.allclose(product(left, right), left @ right)


def test_features_do_not_depend_on_the_level_of_clean_speech() -> None:
    loud = speech("rms", "coffee")
    quiet = sphinx_features((loud * 0.25).astype(np.float32))
    assert quiet.shape == (1 + (loud.size - 410) // 160, 3, 13)
    # cepstra range over tens; the recording's own noise floor keeps the rest from being nought
    assert np.abs(quiet - sphinx_features(loud)).mean() < 0.3


def test_likelihood_is_that_of_the_mixture(model: AcousticModel) -> None:
    features = sphinx_features(speech("slt", "door-1"))[90:92]
    senones = np.array([5, 700, 5125])
    scores = model.log_likelihoods(features, senones)
    for row, frame in enumerate(features.astype(np.float64)):
        for column, senone in enumerate(senones):
            total = 0.0
            for stream in range(3):
                book = model._codebook[senone]
                linear, constant = model._linear[stream, book], model._constant[stream, book]
                logs = frame[stream] @ linear[:13] + frame[stream] ** 2 @ linear[13:] + constant
                weights = 1.0001 ** (-1024.0 * model._weights[stream, senone])
                total += float(np.log(np.sum(weights * np.exp(logs - logs.max()))) + logs.max())
            assert scores[row, column] == pytest.approx(total, abs=0.01)


def test_gaussians_are_those_of_the_files(model: AcousticModel) -> None:
    data = (FOLDER / "en-us" / "means").read_bytes()
    means = np.frombuffer(data[-42 * 3 * 128 * 13 * 4 - 4 : -4], "<f4").reshape(42, 3, 128, 13)
    linear = model._linear[1, 20, :, 7].astype(np.float64)
    variances = -0.5 / linear[13:]
    assert np.allclose(linear[:13] * variances, means[20, 1, 7], rtol=1e-3, atol=1e-3)
    at_mean = linear[:13] @ means[20, 1, 7] + linear[13:] @ means[20, 1, 7] ** 2 + model._constant[1, 20, 7]
    assert at_mean == pytest.approx(-0.5 * np.sum(np.log(2 * np.pi * variances)), rel=1e-3)


def test_unknown_triphone_is_the_phone_alone(model: AcousticModel) -> None:
    phones = model.phones
    known = model.senones(phones["AO"], phones["D"], phones["R"], INTERNAL)
    assert not np.array_equal(known, model.lone_senones(phones["AO"]))
    noise = phones["+NSN+"]
    assert np.array_equal(model.senones(noise, noise, noise, BEGIN), model.lone_senones(noise))


@pytest.mark.parametrize("voice", ["slt", "kal16"])
def test_words_are_found_where_pocketsphinx_aligns_them(
    model: AcousticModel, decoder: SphinxDecoder, voice: str
) -> None:
    samples = speech(voice, "door-1")
    reference = pocketsphinx.Decoder(lm=None, loglevel="FATAL")
    reference.set_align_text(" ".join(DOOR))
    reference.start_utt()
    reference.process_raw((samples * 32767).astype("<i2").tobytes(), full_utt=True)
    reference.end_utt()
    starts = [segment.start_frame / 100 for segment in reference.seg() if segment.word[0].isalpha()]
    explanation = UtteranceEvidence(model, samples).explain([decoder.pronunciations(word) for word in DOOR])
    assert explanation is not None
    assert [word.index for word in explanation.words] == list(range(len(DOOR)))
    assert np.abs(np.subtract(starts, [word.start_s for word in explanation.words])).max() < 0.08
