"""The two Vosk folders that the tests hear with, loaded once."""

from collections.abc import Iterator

import pytest

from streamauth.catalog.registry import models_folder
from streamauth.core.ports import PhraseRecognizer, PhraseStream
from streamauth.engines.phrase.vosk import VoskRecognizer
from tests.engines.phrase.rig import DOOR, VOSK_MODEL


@pytest.fixture(scope="session")
def embedded() -> VoskRecognizer:
    return VoskRecognizer(str(models_folder() / "vosk-en"), trusted=True)


@pytest.fixture(scope="session")
def tiny() -> VoskRecognizer:
    return VoskRecognizer(str(VOSK_MODEL))


@pytest.fixture(params=["embedded", "tiny"])
def recognizer(request: pytest.FixtureRequest) -> PhraseRecognizer:
    chosen: PhraseRecognizer = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def stream(recognizer: PhraseRecognizer) -> Iterator[PhraseStream]:
    opened = recognizer.stream(DOOR)
    yield opened
    opened.close()
