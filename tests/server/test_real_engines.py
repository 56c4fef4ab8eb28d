"""The shipped engines behind the real server, on synthetic voices: the product's main job end to end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.client import EndUtterance, Mode, Pronunciation, Ready, Start, pcm_chunks, stream_sync
from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided, Enrolled, Event, Reason, ScoreUpdated, Verdict, WordsHeard
from streamauth.demo_data import demo_utterances
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from tests.serving import serving

pytestmark = pytest.mark.system

FORMAT = AudioFormat(16_000)
UTTERANCES = demo_utterances()
PHRASE = UTTERANCES["awb", "door-1"].text


def spoken(voice: str, name: str) -> Iterator[bytes]:
    samples, rate = soundfile.read(UTTERANCES[voice, name].path, dtype="int16")
    assert rate == FORMAT.sample_rate_hz
    return pcm_chunks(np.asarray(samples).astype("<i2").tobytes(), FORMAT)


@contextmanager
def server(home: Path, *names: str) -> Iterator[str]:
    """A server that knows these people, each enrolled through it with the voice awb."""

    def three() -> Iterator[bytes | EndUtterance]:
        for number in (1, 2, 3):
            yield from spoken("awb", f"door-{number}")
            yield EndUtterance()

    settings = Settings().with_values({"server": {"port": 0}}, "tests")
    authenticator = Authenticator.open(home, settings)
    with serving(authenticator, settings) as address:
        for name in names:
            start = Start(Mode.ENROLL, FORMAT, name=name, phrase=PHRASE)
            assert isinstance(list(stream_sync(address, start, three(), pace=None))[-1], Enrolled)
        yield address
    authenticator.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with server(tmp_path_factory.mktemp("home"), "ada") as address:
        yield address


@pytest.mark.parametrize(
    ("voice", "name", "verdict", "reason"),
    [
        ("awb", "door-4", Verdict.ACCEPT, Reason.VOICE_MATCH),
        ("slt", "door-4", Verdict.REJECT, Reason.VOICE_MISMATCH),
        ("awb", "window", Verdict.REJECT, Reason.PHRASE_MISMATCH),
    ],
)
def test_verification(url: str, voice: str, name: str, verdict: Verdict, reason: Reason) -> None:
    start = Start(Mode.VERIFY, FORMAT, name="ada")
    ready, *events = stream_sync(url, start, spoken(voice, name), pace=None)
    assert isinstance(ready, Ready)
    decided = events[-1]
    assert isinstance(decided, Decided)
    assert (decided.verdict, decided.reasons[0]) == (verdict, reason)
    assert {ScoreUpdated, WordsHeard} <= {type(event) for event in events}


def test_a_name_that_no_dictionary_has(url: str) -> None:
    start = Start(Mode.ENROLL, FORMAT, name="eve", phrase="my friend kelvandro opens the door")
    ready, told, *_ = stream_sync(url, start, spoken("awb", "window"), pace=None)
    assert isinstance(ready, Ready)
    assert isinstance(told, Pronunciation)
    assert list(told.words) == ["kelvandro"]
    assert "K EH L V AA N D R OW" in told.words["kelvandro"]


@pytest.mark.parametrize(("voice", "name"), [("awb", "ada"), ("kal16", None)])
def test_identification(url: str, voice: str, name: str | None) -> None:
    events = list(stream_sync(url, Start(Mode.IDENTIFY, FORMAT), spoken(voice, "long-2"), pace=None))
    assert [event.name for event in events if isinstance(event, Decided)] == [name]


def test_a_live_pace_gives_the_same_events_as_none(tmp_path: Path) -> None:
    """As two people: the second time the same sound would be a recording that was heard before."""

    def events(url: str, name: str, pace: float | None) -> list[Event]:
        start = Start(Mode.VERIFY, FORMAT, name=name)
        received = stream_sync(url, start, spoken("awb", "door-4"), pace=pace)
        return [message for message in received if isinstance(message, Event)]

    with server(tmp_path, "ada", "amy") as url:
        paced = events(url, "ada", 4.0)
        assert isinstance(paced[-1], Decided)
        assert paced[-1].verdict is Verdict.ACCEPT
        assert paced == events(url, "amy", None)
