import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided, Event, Failed, RankingUpdated, Reason, Verdict
from streamauth.core.sessions.base import Models, SessionState
from streamauth.core.sessions.identification import IdentificationSession
from streamauth.core.voice.roster import Roster
from streamauth.settings import DecisionSettings, Settings
from tests.fakes import FAKE_CALIBRATION, BrokenEncoder, cut, fake_models, pause, pcm, say, voiceprint

GROUP = {"ann": voiceprint(1), "ben": voiceprint(4), "cleo": voiceprint(7)}
LONG = "open the front door please close window my voice is key " * 2


def session(models: Models | None = None, used: Settings | None = None) -> IdentificationSession:
    models = models or fake_models()
    group = Roster.of({name: [each] for name, each in GROUP.items()}, models.calibration)
    return IdentificationSession(group, AudioFormat(16_000), models, used or Settings())


def run(identification: IdentificationSession, chunks: list[bytes]) -> list[Event]:
    events: list[Event] = []
    for chunk in chunks:
        identification.receive_audio(chunk)
        events += identification.events()
    identification.receive_end()
    return events + identification.events()


def decide(audio: bytes, used: Settings | None = None) -> Decided:
    (decided,) = [event for event in run(session(used=used), [audio]) if isinstance(event, Decided)]
    return decided


@pytest.mark.parametrize(("speaker", "name"), [(1, "ann"), (4, "ben"), (7, "cleo")])
def test_each_of_the_group_is_named(speaker: int, name: str) -> None:
    decided = decide(pcm(pause(0.5), say(LONG, speaker), pause(0.5)))
    assert (decided.verdict, decided.name, decided.reasons) == (Verdict.ACCEPT, name, (Reason.VOICE_MATCH,))
    assert decided.ranking[0].name == name
    assert len(decided.ranking) == 3
    assert [c.llr for c in decided.ranking] == sorted((c.llr for c in decided.ranking), reverse=True)


def test_a_stranger_is_nobody() -> None:
    decided = decide(pcm(pause(0.5), say(LONG, 9), pause(0.5)))
    assert (decided.verdict, decided.name, decided.reasons) == (Verdict.REJECT, None, (Reason.NOBODY,))
    assert len(decided.ranking) == 3


@pytest.mark.parametrize(
    ("audio", "reason"),
    [
        (pcm(np.zeros(32_000, np.float32)), Reason.DIGITAL_SILENCE),
        (pcm(pause(2.0)), Reason.NO_SPEECH),
        (pcm(pause(0.5), say("open", 1), pause(0.5)), Reason.TOO_LITTLE_SPEECH),
    ],
)
def test_without_enough_speech_it_is_undecided(audio: bytes, reason: Reason) -> None:
    decided = decide(audio)
    assert (decided.verdict, decided.reasons, decided.name) == (Verdict.UNDECIDED, (reason,), None)


def test_the_time_budget_ends_it() -> None:
    decided = decide(pcm(pause(4.0)), Settings(decision=DecisionSettings(max_time_s=2.0)))
    assert decided.reasons == (Reason.TIME_BUDGET_SPENT, Reason.NO_SPEECH)


def test_the_threshold_rises_with_the_size_of_the_group() -> None:
    assert session().threshold == pytest.approx(FAKE_CALIBRATION.threshold(0.01 / 3, rolling=True))
    assert session().threshold > FAKE_CALIBRATION.threshold(0.01, rolling=True)


def test_a_failing_encoder_names_nobody() -> None:
    identification = session(fake_models(encoder=BrokenEncoder()))
    events = run(identification, [pcm(pause(0.5), say("open the front door please " * 2, 1))])
    assert identification.state is SessionState.FAILED
    assert isinstance(events[-1], Failed)
    assert not any(isinstance(event, Decided) for event in events)


STORY = pcm(pause(0.4), say(LONG, 4), pause(0.6))
WHOLE = run(session(), [STORY])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_the_same_pcm_cut_anywhere_gives_the_same_events(sizes: list[int]) -> None:
    assert any(isinstance(event, RankingUpdated) for event in WHOLE)
    assert run(session(), cut(STORY, sizes)) == WHOLE
