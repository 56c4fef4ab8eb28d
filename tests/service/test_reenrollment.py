from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamauth.errors import EncoderChanged, EngineError, ProfileExists, ProfileNotEnrolled, UnknownProfile
from streamauth.service.authenticator import Authenticator
from streamauth.settings import ReplaySettings, Settings
from streamauth.store.records import ProfileKind
from streamauth.store.store import Store
from tests.fakes import FakeEncoder, fake_models, pause, pcm, say
from tests.service.test_authenticator import FORMAT, PHRASE, FakeEngines, finish

KEEPING = Settings().with_values({"enrollment": {"keep_audio_s": 60.0}, "replay": {"refuse": False}}, "test")


class OtherEncoder(FakeEncoder):
    id = "other-encoder"


class Switched(FakeEngines):
    """The fakes with another encoder."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.loaded = replace(fake_models(encoder=OtherEncoder()))

    def encoder(self) -> FakeEncoder:
        encoder = self.loaded.encoder
        assert isinstance(encoder, FakeEncoder)
        return encoder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path, None, {}) as made:
        yield made


def enroll(store: Store, settings: Settings, name: str = "ada", *, free: bool = False) -> None:
    auth = Authenticator(store, FakeEngines(settings), settings)
    text = "my voice is key please close the window " * 3
    said = [pause(0.5), say(text, 3), pause(3.0)] if free else [pause(0.5), say(PHRASE, 3), pause(3.0)]
    with auth.enroll(name, FORMAT, phrase=None if free else PHRASE, text_independent=free) as attempt:
        finish(attempt, pcm(*said * 3))
        assert attempt.session.complete


def switched(store: Store) -> Authenticator:
    return Authenticator(store, Switched(KEEPING), KEEPING)


@pytest.mark.parametrize("free", [False, True])
def test_a_voiceprint_is_made_anew_from_kept_speech(store: Store, free: bool) -> None:
    enroll(store, KEEPING, free=free)
    profile = store.profiles.get("ada")
    before = store.enrollments.of(profile.id, "fake-encoder")
    switched(store).rebuild("ada")
    after = store.enrollments.of(profile.id, "other-encoder")
    assert len(after) == len(before) > 0
    for old, new in zip(before, after, strict=True):
        # the two encoders are one in all but name, so that all must be as it was, but for rounding to 16 bits
        assert np.einsum("vd,vd->v", old.voiceprint, new.voiceprint).min() > 0.9999
        assert new.speech_s == pytest.approx(old.speech_s)
        assert (new.audio_s, new.pronunciation_scores) == (old.audio_s, old.pronunciation_scores)
    one, other = (store.voiceprints.get(profile.id, encoder) for encoder in ("fake-encoder", "other-encoder"))
    assert np.einsum("vd,vd->v", one, other).min() > 0.9999


def test_a_profile_without_kept_speech_must_be_enrolled_again(store: Store) -> None:
    enroll(store, Settings(replay=ReplaySettings(refuse=False)))
    with pytest.raises(EncoderChanged, match="Enroll again"):
        switched(store).rebuild("ada")


def test_what_cannot_be_rebuilt_is_told(store: Store) -> None:
    auth = switched(store)
    with pytest.raises(UnknownProfile):
        auth.rebuild("ada")
    store.profiles.create("ada", ProfileKind.TEXT_INDEPENDENT)
    with pytest.raises(ProfileNotEnrolled):
        auth.rebuild("ada")
    enroll(store, KEEPING, "ben")
    auth.rebuild("ben")
    with pytest.raises(ProfileExists):
        auth.rebuild("ben")


def test_refused_utterances_are_not_kept(store: Store) -> None:
    auth = Authenticator(store, FakeEngines(KEEPING), KEEPING)
    with auth.enroll("ada", FORMAT, phrase=PHRASE) as attempt:
        finish(attempt, pcm(pause(0.5), say("window my voice is key", 3), pause(3.0), say(PHRASE, 3), pause(3.0)))
        assert [utterance.phrase for utterance in attempt.session.utterances] == [PHRASE]
        (utterance,) = attempt.session.utterances
    assert utterance.audio is not None
    # the phrase alone, without what was said before it
    assert utterance.audio.size == pytest.approx(utterance.speech_s * 16_000)


def test_speech_too_short_for_an_encoder_is_told(store: Store) -> None:
    enroll(store, KEEPING)
    switching = Switched(KEEPING)
    switching.encoder().min_samples = 10 * 16_000
    with pytest.raises(EngineError, match="too short"):
        Authenticator(store, switching, KEEPING).rebuild("ada")


def test_scores_of_words_are_kept_apart(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    enroll(store, KEEPING)
    auth = Authenticator(store, FakeEngines(Settings()), Settings())
    profile = store.profiles.get("ada")
    kept = store.enrollments.of(profile.id, "fake-encoder")
    words = len(PHRASE.split())
    for scores in ((), (-0.5,) * words, (*(-0.5,) * words, *(-3.0,) * words)):
        records = [replace(record, pronunciation_scores=scores) for record in kept]
        monkeypatch.setattr(store.enrollments, "of", lambda *_, found=records: found)
        for utterance in auth._enrollment.utterances(profile, "fake-encoder"):
            assert utterance.pronunciation_scores == scores[:words]
            assert utterance.recognition_scores == scores[words:]
