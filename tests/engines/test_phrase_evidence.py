from pathlib import Path

import numpy as np
import pocketsphinx
import pytest
import soundfile

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.demo_data import VOICES, demo_utterances
from streamauth.engines.phrase_evidence import Explanation, UtteranceEvidence
from streamauth.engines.sphinx_decoder import SphinxDecoder
from streamauth.engines.sphinx_model import AcousticModel

FOLDER = Path(pocketsphinx.get_model_path("en-us"))
DOOR = "please open the door and let me come in"


class Bench:
    def __init__(self) -> None:
        self.model = AcousticModel(FOLDER / "en-us")
        self.decoder = SphinxDecoder(FOLDER)

    def explain(self, samples: Samples, text: str, *, partly: bool = False) -> Explanation:
        found = self.maybe(samples, text, partly=partly)
        assert found is not None
        return found

    def maybe(self, samples: Samples, text: str, *, partly: bool = False) -> Explanation | None:
        sounds = [self.decoder.pronunciations(word) for word in text.split()]
        return UtteranceEvidence(self.model, samples).explain(sounds, partly=partly)


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def speech(voice: str, name: str) -> Samples:
    samples, _ = soundfile.read(demo_utterances()[voice, name].path, dtype="float32")
    return np.asarray(samples, np.float32)


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("name", ["door-3", "window", "coffee", "passport"])
def test_what_was_said_explains_best(bench: Bench, voice: str, name: str) -> None:
    samples = speech(voice, name)
    said = demo_utterances()[voice, name].text
    right = bench.explain(samples, said)
    assert right.log_odds(right.ratio) > 1.4
    assert right.ratio > 0
    words = said.split()
    for near in (words[1:], words[:-1], [words[1], words[0], *words[2:]], [*words[:2], "yellow", *words[3:]]):
        wrong = bench.explain(samples, " ".join(near))
        assert wrong.ratio < right.ratio
        assert wrong.log_odds(right.ratio) < right.log_odds(right.ratio) - 1.4
    other = bench.explain(samples, "seven green apples are on the table")
    assert other.log_odds(right.ratio) < -4


def test_beginning_of_a_phrase_is_found(bench: Bench) -> None:
    found = bench.explain(speech("kal16", "door-half"), DOOR, partly=True)
    assert [word.index for word in found.words] == [0, 1, 2, 3]
    assert bench.explain(speech("kal16", "door-1"), DOOR, partly=True).words[-1].index == 8


def test_digital_silence_around_the_phrase_does_no_harm(bench: Bench) -> None:
    samples = speech("rms", "door-2")
    gated = np.concatenate([np.zeros(SAMPLE_RATE_HZ, np.float32), samples, np.zeros(SAMPLE_RATE_HZ, np.float32)])
    found = bench.explain(gated, DOOR)
    assert found.log_odds(found.ratio) > 0
    assert found.words[0].start_s > 1.5


@pytest.mark.parametrize("gain", [0.02, 0.3, 1.1])
def test_level_does_not_matter(bench: Bench, gain: float) -> None:
    found = bench.explain((speech("slt", "door-1") * gain).astype(np.float32), DOOR)
    assert found.log_odds(found.ratio) > 0


def test_stronger_rival_lowers_the_odds(bench: Bench) -> None:
    found = bench.explain(speech("slt", "door-1"), DOOR)
    odds = [found.log_odds(found.ratio + lead) for lead in (-np.inf, 0.0, 200.0, 400.0)]
    assert odds == sorted(odds, reverse=True)
    assert odds[0] > odds[-1]


def test_too_short_for_the_words_is_none(bench: Bench) -> None:
    assert bench.maybe(speech("slt", "door-1")[:4800], DOOR) is None
    assert bench.maybe(np.zeros(3200, np.float32), DOOR) is None


def test_pure_silence_is_no_phrase(bench: Bench) -> None:
    found = bench.explain(np.zeros(3 * SAMPLE_RATE_HZ, np.float32), DOOR)
    assert found.log_odds(-np.inf) < 0
