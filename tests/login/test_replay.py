"""A recording of an earlier login, with the real models and the fixed phrase: its words are right."""

import logging
from pathlib import Path

import pytest
import soundfile

from streamauth.demo_data import demo_utterances
from streamauth.login.users import TENANT
from streamauth.login.voices import LoginVoices
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from tests.login.rig import FORMAT, FakeMicrophone, me

PHRASE = "please open the door and let me come in"


def demo(name: str) -> bytes:
    samples, _ = soundfile.read(demo_utterances()["slt", name].path, dtype="int16")
    return bytes(samples.tobytes())


def test_a_recording_of_an_earlier_login(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    authenticator = Authenticator.open(home=tmp_path, settings=Settings())
    microphone = FakeMicrophone(demo("door-4"))
    voices = LoginVoices(authenticator, microphone)
    with authenticator.enroll(me().profile, FORMAT, phrase=PHRASE, tenant=TENANT) as enrollment:
        for name in ("door-1", "door-2", "door-3"):
            enrollment.receive_audio(demo(name))
        assert enrollment.session.complete
    verdicts = []
    for _ in range(2):
        with voices.listen(voices.offer(me(), digits=False), 12.0) as (_, events):
            decision = list(events)[-1]
        verdicts.append((decision.verdict, decision.reasons[0]))  # type: ignore[attr-defined]
    assert verdicts == [("accept", "voice_match"), ("reject", "heard_before")]
    assert voices.standing(me()).failures == 1
    authenticator.close()
