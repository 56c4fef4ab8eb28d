from pathlib import Path

import numpy as np
import pytest

from streamauth.catalog.registry import models_folder
from streamauth.core.ports import Rendering, Samples, Usual
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.check import FreeCheck, PhraseCheck
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.whisper.evidence import WordScores
from streamauth.engines.phrase.whisper.fusion import MOST_OWN, Evidence, Fusion
from streamauth.engines.phrase.whisper.judge import PhraseJudge
from streamauth.engines.phrase.whisper.renderings import FARTHEST, FILE, MOST_FRAMES, Projection, difference
from streamauth.errors import ModelCorrupt
from tests.engines.phrase.rig import DOOR, speech

PHRASE, FOLDER = models_folder() / "vosk-en" / "phrase", models_folder() / "whisper-tiny-en"
SURE = WordScores((0.0,), 0.0, (0.0,))


def made(frames: int, seed: int) -> Rendering:
    """A rendering that goes on from phone to phone, one each 80 ms."""
    directions = np.random.default_rng(seed).standard_normal((-(-frames // 2), 32)).repeat(2, axis=0)[:frames]
    return np.asarray(np.rint(127 * directions / np.linalg.norm(directions, axis=1, keepdims=True)), np.int8)


def test_the_same_at_another_speed_differs_little() -> None:
    one = made(60, 1)
    assert difference(one, one).worst < 0.02
    slower = one[np.linspace(0, 59, 75).astype(int)]
    assert difference(one, slower).worst < 0.02
    assert difference(slower, one).worst == pytest.approx(difference(one, slower).worst, abs=1e-6)
    assert difference(one, made(60, 2)).mean > 0.5


@pytest.mark.parametrize("at", [0, 20, 50])
def test_a_word_that_differs_is_not_made_up_for(at: int) -> None:
    one, replaced = made(60, 1), made(60, 1)
    replaced[at : at + 10] = made(10, 2)
    for other in (replaced, np.delete(one, np.s_[at : at + 10], axis=0), np.insert(one, at, made(10, 3), axis=0)):
        found = difference(one, other)
        assert found.mean < 0.25
        assert found.worst > 0.6
        assert Fusion.read(FOLDER).own_llr([found]) < 0  # type: ignore[operator]


def test_what_has_another_length_is_far() -> None:
    assert difference(made(60, 1), made(20, 1)) == FARTHEST
    assert difference(made(60, 1), made(0, 1)) == FARTHEST
    assert difference(made(MOST_FRAMES, 1), made(MOST_FRAMES, 1)).worst < 0.02


def test_an_own_rendering_helps_by_so_much_and_never_harms() -> None:
    fusion = Fusion.read(FOLDER)
    plain = fusion.llr(Evidence(1.0, SURE))
    assert fusion.llr(Evidence(1.0, SURE, own=-9.0)) == plain
    assert fusion.llr(Evidence(1.0, SURE, own=1.0)) == pytest.approx(plain + 1.0)
    assert fusion.llr(Evidence(1.0, SURE, own=99.0)) == pytest.approx(plain + MOST_OWN)
    assert fusion.llr(Evidence(-15.0, SURE, own=99.0)) < -1
    assert fusion.own_llr([]) is None


class Check:
    """The judges, with what one voice said before."""

    def __init__(self) -> None:
        self._model, self._lexicon = AcousticModel(PHRASE), Lexicon(PHRASE)
        self._judge = PhraseJudge(lambda: FOLDER, self._lexicon)
        self.own = tuple(
            one
            for name in ("door-1", "door-2")
            if (one := self.check().judge(speech("slt", name), (), over=True).rendering) is not None
        )

    def check(self, *own: Rendering) -> PhraseCheck:
        expected = Expected.of(DOOR, self._lexicon, Usual(renderings=tuple(own)))
        return PhraseCheck(self._model, self._lexicon, expected, self._judge, -4.0)

    def free(self, samples: Samples) -> Rendering | None:
        return FreeCheck(self._model, self._lexicon, self._judge).judge(samples, (), over=True).rendering


@pytest.fixture(scope="module")
def judges() -> Check:
    return Check()


def test_the_same_voice_says_the_phrase_as_before(judges: Check) -> None:
    assert [one.dtype for one in judges.own] == [np.int8] * 2
    assert all(len(one) <= MOST_FRAMES and one.shape[1:] == (32,) for one in judges.own)
    again = judges.check(*judges.own).judge(speech("slt", "door-3"), (), over=True)
    alone = judges.check().judge(speech("slt", "door-3"), (), over=True)
    assert again.agreement is not None
    assert again.agreement > 0
    assert again.evidence["own"] == again.agreement
    assert again.llr is not None
    assert alone.llr is not None
    assert alone.llr < again.llr <= alone.llr + MOST_OWN
    assert alone.agreement is None


def test_one_word_that_differs_gets_no_help(judges: Check) -> None:
    said = speech("slt", "window")
    found = judges.check(*judges.own).judge(said, (), over=True)
    alone = judges.check().judge(said, (), over=True)
    assert found.agreement is None or found.agreement < 0
    assert found.llr == alone.llr
    # an utterance of other words is no rendering of the phrase
    assert found.llr is not None
    assert (found.rendering is None) == (found.text != " ".join(DOOR))


def test_where_no_phrase_is_known_the_first_utterance_is_a_rendering(judges: Check) -> None:
    found = judges.free(speech("slt", "door-1"))
    assert found is not None
    assert difference(found, judges.own[0]).worst < 0.01


def test_a_projection_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt):
        Projection(tmp_path)
    np.savez(tmp_path / FILE, mean=np.zeros(4), projection=np.zeros((4, 3)))
    with pytest.raises(ModelCorrupt):
        Projection(tmp_path)
