from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided, Event, Failed, Reason, UtteranceTaken, Verdict
from streamauth.core.ports import PhraseRecognizer
from streamauth.core.sessions.base import Models, SessionState
from streamauth.engines.loader import Engines
from streamauth.errors import (
    AttemptDelayed,
    BadPhrase,
    DiskFull,
    EncoderChanged,
    NobodyToIdentify,
    ProfileExists,
    ProfileLocked,
    ProfileNotEnrolled,
    SessionInterrupted,
    UnknownProfile,
    UnknownWord,
)
from streamauth.service.authenticator import Attempt, Authenticator
from streamauth.settings import Settings
from streamauth.store.api_keys import Scope
from streamauth.store.store import Store
from tests.fakes import FAKE_CALIBRATION, BrokenEncoder, FakeEncoder, fake_models, pause, pcm, say

PHRASE = "open the front door please"
FORMAT = AudioFormat(16_000)
LONG = "open the front door please close window my voice is key " * 2


class FakeEngines(Engines):
    """The fakes in place of what the settings name."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.loaded = fake_models()

    def models(self, *, with_words: bool, locale: str | None = None) -> Models:
        return self.loaded

    def recognizer(self, locale: str | None = None) -> PhraseRecognizer:
        assert self.loaded.recognizer is not None
        return self.loaded.recognizer


class Clock:
    def __init__(self) -> None:
        self.now_s = 1e9

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def opened(home: Path, clock: Clock) -> Iterator[Authenticator]:
    settings = Settings().with_values(
        {"enrollment": {"text_independent_speech_s": 5.0}, "replay": {"refuse": False}}, "test"
    )
    with Store.open(home, clock=clock) as store:
        yield Authenticator(store, FakeEngines(settings), settings, clock)


@pytest.fixture
def auth(tmp_path: Path, clock: Clock) -> Iterator[Authenticator]:
    with opened(tmp_path, clock) as made:
        yield made


def spoken(words: str = PHRASE, speaker: int = 1) -> bytes:
    return pcm(pause(0.5), say(words, speaker), pause(0.8))


def finish(attempt: Attempt[Any], audio: bytes) -> list[Event]:
    with attempt:
        events = attempt.receive_audio(audio)
        if attempt.state is SessionState.LISTENING:
            events += attempt.receive_end()
    return events


def decided(events: list[Event]) -> Decided:
    (decision,) = [event for event in events if isinstance(event, Decided)]
    return decision


def enroll(auth: Authenticator, name: str = "ada", speaker: int = 1, tenant: str = "default") -> None:
    finish(auth.enroll(name, FORMAT, phrase=PHRASE, tenant=tenant), spoken(speaker=speaker) * 3)


def verify(auth: Authenticator, audio: bytes, name: str = "ada") -> Verdict:
    return decided(finish(auth.verify(name, FORMAT), audio)).verdict


def test_enroll_then_verify(auth: Authenticator) -> None:
    enroll(auth)
    assert verify(auth, spoken()) is Verdict.ACCEPT
    assert verify(auth, spoken(speaker=6)) is Verdict.REJECT
    assert verify(auth, spoken("close the window my key")) is Verdict.REJECT


def test_enrollment_goes_on_over_several_sessions(auth: Authenticator) -> None:
    for count in (1, 2, 3):
        attempt = auth.enroll("ada", FORMAT, phrase=PHRASE if count == 1 else None)
        finish(attempt, spoken())
        assert len(attempt.session.everything) == count
        assert auth.store.profiles.summaries(name="ada")[0].utterances == count
    assert verify(auth, spoken()) is Verdict.ACCEPT


def test_each_utterance_is_stored_before_it_is_confirmed(auth: Authenticator) -> None:
    attempt = auth.enroll("ada", FORMAT, phrase=PHRASE)
    events = attempt.receive_audio(spoken())
    assert sum(isinstance(event, UtteranceTaken) for event in events) == 1
    # nothing was closed: this is what a kill would leave
    assert auth.store.profiles.summaries(name="ada")[0].utterances == 1
    attempt.close()


def test_a_refused_utterance_leaves_no_profile(auth: Authenticator) -> None:
    finish(auth.enroll("ada", FORMAT, phrase=PHRASE), spoken("close the window my key"))
    with pytest.raises(UnknownProfile):
        auth.store.profiles.get("ada")


def test_text_independent_enrollment_and_verification(auth: Authenticator) -> None:
    finish(auth.enroll("bo", FORMAT, text_independent=True), spoken(LONG, 4))
    assert auth.store.profiles.get("bo").phrase is None
    assert verify(auth, spoken("my key is the window please close " * 2, 4), "bo") is Verdict.ACCEPT
    assert verify(auth, spoken(LONG, 6), "bo") is Verdict.REJECT


@pytest.mark.parametrize("failing", ["enrollments.add", "profiles.create"])
def test_a_store_that_fails_confirms_no_utterance(
    auth: Authenticator, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFull

    part, _, method = failing.partition(".")
    monkeypatch.setattr(getattr(auth.store, part), method, full)
    attempt = auth.enroll("ada", FORMAT, phrase=PHRASE)
    events = finish(attempt, spoken())
    assert attempt.state is SessionState.FAILED
    assert isinstance(events[-1], Failed)
    assert events[-1].code == "disk_full"
    assert not any(isinstance(event, UtteranceTaken) for event in events)


def test_a_store_that_cannot_settle_the_attempt_accepts_nobody(
    auth: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    enroll(auth)

    def full(*_: object, by: str | None = None) -> None:
        raise DiskFull

    monkeypatch.setattr(auth.store.attempts, "finish", full)
    attempt = auth.verify("ada", FORMAT)
    events = attempt.receive_audio(spoken())
    assert attempt.state is SessionState.FAILED
    assert not any(isinstance(event, Decided) for event in events)
    assert isinstance(events[-1], Failed)


def failures(auth: Authenticator) -> int:
    return auth.store.profiles.summaries(name="ada")[0].failures


def test_rejects_count_and_an_accept_clears_them(auth: Authenticator) -> None:
    enroll(auth)
    for count in (1, 2):
        assert verify(auth, spoken(speaker=6)) is Verdict.REJECT
        assert failures(auth) == count
    assert verify(auth, spoken()) is Verdict.ACCEPT
    assert failures(auth) == 0


def test_silence_is_not_counted(auth: Authenticator) -> None:
    enroll(auth)
    assert verify(auth, pcm(pause(2.0))) is Verdict.UNDECIDED
    assert failures(auth) == 0


def test_vanishing_counts_once_something_was_compared(auth: Authenticator) -> None:
    enroll(auth)
    with auth.verify("ada", FORMAT) as attempt:
        attempt.receive_audio(pcm(pause(0.5)))
    assert failures(auth) == 0
    with auth.verify("ada", FORMAT) as attempt:
        attempt.receive_audio(pcm(pause(0.5), say("open the front", 6)))
        attempt.fail(SessionInterrupted())
    assert failures(auth) == 1


def test_an_engine_failure_is_never_an_accept(auth: Authenticator) -> None:
    enroll(auth)
    assert isinstance(auth.engines, FakeEngines)
    auth.engines.loaded = fake_models(encoder=BrokenEncoder(2))
    attempt = auth.verify("ada", FORMAT)
    events = finish(attempt, spoken())
    assert attempt.error is not None
    assert attempt.error.code == "engine_failed"
    assert not any(isinstance(event, Decided) for event in events)


def test_failures_delay_and_then_lock_until_an_operator_unlocks(auth: Authenticator, clock: Clock) -> None:
    enroll(auth)
    limits = auth.settings.attempts
    for count in range(limits.lock_after):
        if count >= limits.free_failures:
            with pytest.raises(AttemptDelayed):
                auth.verify("ada", FORMAT)
            clock.now_s += limits.max_delay_s
        assert verify(auth, spoken(speaker=6)) is Verdict.REJECT
    clock.now_s += 1e6
    with pytest.raises(ProfileLocked):
        auth.verify("ada", FORMAT)
    auth.store.attempts.unlock(auth.store.profiles.get("ada").id)
    assert verify(auth, spoken()) is Verdict.ACCEPT


def test_identification_among_all_or_some_or_nobody(auth: Authenticator) -> None:
    with pytest.raises(NobodyToIdentify):
        auth.identify(FORMAT)
    enroll(auth, "ada", 1)
    enroll(auth, "bo", 4)
    assert decided(finish(auth.identify(FORMAT), spoken(LONG, 4))).name == "bo"
    only_ada = decided(finish(auth.identify(FORMAT, among=["ada"]), spoken(LONG, 4)))
    assert (only_ada.name, only_ada.reasons) == (None, (Reason.NOBODY,))
    with pytest.raises(UnknownProfile):
        auth.identify(FORMAT, among=["ada", "eve"])


def test_tenants_do_not_see_each_other(auth: Authenticator) -> None:
    auth.store.api_keys.create("any", [Scope.VERIFY], tenant="other")
    enroll(auth, "ada", 1)
    enroll(auth, "ada", 4, tenant="other")
    mine = decided(finish(auth.identify(FORMAT), spoken(LONG, 4)))
    theirs = decided(finish(auth.identify(FORMAT, tenant="other"), spoken(LONG, 4)))
    assert (mine.name, theirs.name) == (None, "ada")
    assert len(mine.ranking) == len(theirs.ranking) == 1


@pytest.mark.parametrize(
    ("phrase", "text_independent"), [(PHRASE, False), ("close the window please", False), (None, False), (None, True)]
)
def test_who_is_enrolled_cannot_be_enrolled_over(
    auth: Authenticator, phrase: str | None, text_independent: bool
) -> None:
    enroll(auth)
    with pytest.raises(ProfileExists):
        auth.enroll("ada", FORMAT, phrase=phrase, text_independent=text_independent)


def test_an_enrollment_under_way_keeps_its_kind_and_phrase(auth: Authenticator) -> None:
    finish(auth.enroll("ada", FORMAT, phrase=PHRASE), spoken())
    with pytest.raises(ProfileExists):
        auth.enroll("ada", FORMAT, text_independent=True)
    with pytest.raises(ProfileExists):
        auth.enroll("ada", FORMAT, phrase="close the window please")


def test_what_cannot_be_verified(auth: Authenticator) -> None:
    with pytest.raises(UnknownProfile):
        auth.verify("ada", FORMAT)
    finish(auth.enroll("ada", FORMAT, phrase=PHRASE), spoken())
    with pytest.raises(ProfileNotEnrolled):
        auth.verify("ada", FORMAT)


def test_a_voiceprint_is_never_compared_with_another_encoder(auth: Authenticator) -> None:
    enroll(auth)

    class Another(FakeEncoder):
        id = "another-encoder"

    assert isinstance(auth.engines, FakeEngines)
    auth.engines.loaded = Models(
        auth.engines.loaded.detector, Another(), FAKE_CALIBRATION, auth.engines.loaded.recognizer
    )
    with pytest.raises(EncoderChanged):
        auth.verify("ada", FORMAT)
    with pytest.raises(EncoderChanged):
        auth.identify(FORMAT)
    # enrolling again with the new encoder mends it
    enroll(auth)
    assert verify(auth, spoken()) is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("phrase", "error"), [("", BadPhrase), ("...", BadPhrase), ("open " * 30, BadPhrase), ("open xyzzy", UnknownWord)]
)
def test_a_phrase_that_cannot_be_used_is_refused_before_anyone_speaks(
    auth: Authenticator, phrase: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        auth.enroll("ada", FORMAT, phrase=phrase)


def test_an_accepted_attempt_asks_the_database_less_than_a_hundred_times(auth: Authenticator) -> None:
    enroll(auth)
    assert verify(auth, spoken()) is Verdict.ACCEPT  # the first one notes when the profile was used
    said: list[str] = []

    def hear(*about: Any) -> None:
        said.append(about[2])

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        assert verify(auth, spoken()) is Verdict.ACCEPT
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    assert len(said) <= 96
