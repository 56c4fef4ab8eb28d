import numpy as np
import pytest

from streamauth.catalog.registry import models_folder
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.ports import LEAST_LLR, Rendering, Usual
from streamauth.core.sessions.enrollment import EnrollmentPlan, EnrollmentSession
from streamauth.engines.loader import Engines
from streamauth.engines.phrase.own_words import OwnWordsRecognizer
from streamauth.errors import ModelMissing, UnknownWord
from streamauth.settings import Settings
from tests.engines.phrase.rig import hear, speech

WORDS = ("문을", "열어", "주세요")
"""In a language that nothing here knows; how it is said is up to the speaker."""


@pytest.fixture(scope="module")
def recognizer() -> OwnWordsRecognizer:
    return OwnWordsRecognizer(models_folder() / "whisper-tiny-en")


def pcm(name: str) -> bytes:
    return np.rint(np.pad(speech("slt", name), 8_000) * 32767).astype("<i2").tobytes()


def rendering(recognizer: OwnWordsRecognizer, name: str) -> Rendering:
    found = hear(recognizer.stream(WORDS, Usual(renderings=None)), speech("slt", name))
    assert tuple(word.text for word in found.words) == WORDS
    assert found.agreement is None
    assert found.rendering is not None
    return found.rendering


def test_the_same_words_are_known_again_and_others_are_not(recognizer: OwnWordsRecognizer) -> None:
    own = (rendering(recognizer, "door-1"),)
    again = hear(recognizer.stream(WORDS, Usual(renderings=own)), speech("slt", "door-2"))
    assert tuple(word.text for word in again.words) == WORDS
    assert again.llr is not None
    assert again.llr > 0
    for other in ("window", "coffee"):
        found = hear(recognizer.stream(WORDS, Usual(renderings=own)), speech("slt", other))
        assert not set(WORDS) & {word.text for word in found.words}
        assert found.llr is not None
        assert found.llr < 0
        assert found.rendering is None


def test_without_anything_to_compare_with_nothing_is_taken(recognizer: OwnWordsRecognizer) -> None:
    found = hear(recognizer.stream(WORDS), speech("slt", "door-1"))
    assert not set(WORDS) & {word.text for word in found.words}
    assert found.llr == LEAST_LLR
    short = hear(recognizer.stream(WORDS, Usual(renderings=None)), speech("slt", "door-1")[:4000])
    assert not set(WORDS) & {word.text for word in short.words}
    with pytest.raises(UnknownWord, match="in writing"):
        recognizer.stream(None)


def test_it_is_used_only_where_it_is_allowed() -> None:
    def engines(allowed: bool) -> Engines:
        return Engines(Settings().with_values({"phrase": {"own_renderings_alone": allowed}}, "test"))

    with pytest.raises(ModelMissing):
        engines(False).recognizer("xx")
    assert engines(True).recognizer("xx").id.startswith("own-renderings")


def test_an_enrollment_takes_the_first_utterance_and_compares_the_next() -> None:
    settings = Settings().with_values({"phrase": {"own_renderings_alone": True}}, "test")
    models = Engines(settings).models(with_words=True, locale="xx")
    session = EnrollmentSession(EnrollmentPlan(True, WORDS), AudioFormat(16_000), models, settings)
    taken = []
    for name in ("door-1", "coffee", "door-2"):
        session.receive_audio(pcm(name))
        session.end_utterance()
        taken.append(len(session.utterances))
    assert taken == [1, 1, 2]
