"""The daemon: who may ask what, each way a login can end, and peers that do not behave."""

import os
import time
from pathlib import Path

import pytest

from streamauth.errors import (
    AttemptDelayed,
    LoginDaemonAbsent,
    MicrophoneAbsent,
    MicrophoneBusy,
    MicrophoneFormat,
    MicrophoneMuted,
    MicrophoneUnplugged,
    ProfileLocked,
    ProfileNotEnrolled,
    ServiceNotEnabled,
    StreamAuthError,
    UnknownUser,
)
from streamauth.login.client import LoginClient
from streamauth.login.users import UnixUser
from tests.fakes import BrokenEncoder
from tests.login.rig import OTHER, PHRASE, Rig, free_speech, login, me, running, settings, spoken


def test_the_right_voice_and_digits(rig: Rig) -> None:
    outcome = login(rig)
    assert (outcome.verdict, outcome.message) == ("accept", "")
    assert rig.failures() == 0


def test_another_voice_is_counted(rig: Rig) -> None:
    outcome = login(rig, OTHER)
    assert (outcome.verdict, outcome.reasons) == ("reject", "not_accepted")
    assert "not accepted" in outcome.message
    assert rig.failures() == 1


def test_wrong_digits_are_counted(rig: Rig) -> None:
    with LoginClient(rig.path) as client:
        asked = client.ask(me().name, "sudo")
        wrong = " ".join(str((int(digit) + 3) % 10) for digit in asked.say.split())
        rig.microphone.audio = spoken(wrong)
        outcome = client.listen()
    assert (outcome.verdict, outcome.reasons) == ("reject", "not_accepted")
    assert rig.failures() == 1


def test_silence_is_undecided_and_free(rig: Rig) -> None:
    rig.microphone.audio = rig.microphone.noise * 10
    with LoginClient(rig.path) as client:
        client.ask(me().name, "sudo")
        outcome = client.listen()
    assert outcome.verdict == "undecided"
    assert "No speech was heard" in outcome.message
    assert rig.failures() == 0


def test_silence_ends_by_the_clock(tmp_path: Path) -> None:
    with running(tmp_path, settings(login={"silence_s": 1.0})) as rig:
        rig.microphone.pace = 1.0
        with LoginClient(rig.path) as client:
            client.ask(me().name, "sudo")
            began_s = time.monotonic()
            assert client.listen().verdict == "undecided"
        assert 0.9 < time.monotonic() - began_s < 10.0


def test_the_client_need_not_wait_longer_than_it_said(rig: Rig) -> None:
    rig.microphone.pace = 1.0
    with LoginClient(rig.path) as client:
        client.ask(me().name, "sudo", wait_s=2.5)  # two of them are the daemon's margin
        began_s = time.monotonic()
        assert client.listen().verdict == "undecided"
    assert time.monotonic() - began_s < 4.5


@pytest.mark.parametrize("error", [MicrophoneBusy, MicrophoneAbsent, MicrophoneFormat, MicrophoneMuted])
def test_no_microphone_no_charge(rig: Rig, error: type[StreamAuthError]) -> None:
    rig.microphone.error = error()
    with LoginClient(rig.path) as client:
        client.ask(me().name, "sudo")
        with pytest.raises(error) as met:
            client.listen()
    assert met.value.message == error.default_message
    assert rig.failures() == 0


def test_a_microphone_that_is_unplugged_meanwhile(rig: Rig) -> None:
    rig.microphone.dies = MicrophoneUnplugged()
    with LoginClient(rig.path) as client:
        client.ask(me().name, "sudo")
        with pytest.raises(MicrophoneUnplugged):
            client.listen()
    assert rig.failures() == 0


def test_a_muted_microphone_is_told_at_once(rig: Rig) -> None:
    rig.microphone.audio = bytes(16_000 * 2)  # a second
    rig.microphone.pace = 1.0
    with LoginClient(rig.path) as client:
        client.ask(me().name, "sudo")
        began_s = time.monotonic()
        with pytest.raises(MicrophoneMuted):
            client.listen()
    assert time.monotonic() - began_s < 4.5


def test_an_engine_that_fails_accepts_nobody(tmp_path: Path) -> None:
    encoder = BrokenEncoder(at_call=1_000_000)
    with running(tmp_path, encoder=encoder) as rig:
        encoder._at_call = 0
        with pytest.raises(StreamAuthError) as met:
            login(rig)
    assert met.value.code == "engine_failed"
    assert "marker-secret" not in met.value.message


def test_delay_and_lock(tmp_path: Path) -> None:
    limits = {"free_failures": 1, "base_delay_s": 1000.0, "lock_after": 2}
    with running(tmp_path, settings(attempts=limits)) as rig:
        assert login(rig, OTHER).verdict == "reject"
        with LoginClient(rig.path) as client:
            with pytest.raises(AttemptDelayed):
                client.ask(me().name, "sudo")
            if os.getuid() == 0:
                client.unlock(me().name)
                assert rig.failures() == 0
    with running(tmp_path / "2", settings(attempts=limits | {"base_delay_s": 0.0})) as rig:
        login(rig, OTHER)
        login(rig, OTHER)
        with LoginClient(rig.path) as client, pytest.raises(ProfileLocked):
            client.ask(me().name, "sudo")


def test_attempts_of_other_entrances_count(tmp_path: Path) -> None:
    """As of a websocket client on the same store."""
    from streamauth.login.users import TENANT
    from tests.login.rig import FORMAT

    with running(tmp_path, settings(attempts={"free_failures": 1, "lock_after": 1})) as rig:
        attempt = rig.authenticator.verify(me().profile, FORMAT, tenant=TENANT)
        with attempt:
            attempt.receive_audio(free_speech(OTHER))
        with LoginClient(rig.path) as client, pytest.raises(ProfileLocked):
            client.ask(me().name, "sudo")


def test_a_service_must_be_enabled(rig: Rig) -> None:
    with LoginClient(rig.path) as client:
        with pytest.raises(ServiceNotEnabled):
            client.ask(me().name, "su")
        client.ask(me().name, "streamauth")
        client.ask(me().name, "sudo")


def test_an_unknown_user_and_one_without_a_voice(rig: Rig) -> None:
    with LoginClient(rig.path) as client:
        with pytest.raises(UnknownUser):
            client.ask("nobody-of-this-name", "sudo")
        rig.voices.forget(me())
        with pytest.raises(ProfileNotEnrolled):
            client.ask(me().name, "sudo")


def test_a_number_or_name_given_to_somebody_else_opens_nothing(rig: Rig) -> None:
    for heir in (UnixUser(me().name, me().uid + 1), UnixUser("heir", me().uid)):
        with pytest.raises(ProfileNotEnrolled):
            rig.voices.offer(heir, digits=True)


def test_the_fixed_phrase_needs_one(rig: Rig, tmp_path: Path) -> None:
    with LoginClient(rig.path) as client, pytest.raises(ProfileNotEnrolled, match="no pass phrase"):
        client.ask(me().name, "sudo", digits=False)
    with running(tmp_path / "phrase", phrase=PHRASE) as other, LoginClient(other.path) as client:
        asked = client.ask(me().name, "sudo", digits=False)
        assert (asked.say, asked.after_phrase) == ("", True)
        other.microphone.audio = spoken(PHRASE)
        assert client.listen().verdict == "accept"
        asked = client.ask(me().name, "sudo")
        other.microphone.audio = spoken(f"{PHRASE} {asked.say}")
        assert client.listen().verdict == "accept"


def test_a_service_that_shows_no_texts_asks_for_the_phrase_alone(rig: Rig, tmp_path: Path) -> None:
    with running(tmp_path / "phrase", phrase=PHRASE) as other, LoginClient(other.path) as client:
        client.enable("swaylock", True, fixed=True)
        asked = client.ask(me().name, "swaylock")
        assert (asked.say, asked.after_phrase) == ("", True)
        assert client.ask(me().name, "sudo").say != ""
    with LoginClient(rig.path) as client:
        client.enable("swaylock", True, fixed=True)
        with pytest.raises(ProfileNotEnrolled, match="no pass phrase"):
            client.ask(me().name, "swaylock")


def test_a_recording_of_an_earlier_login_opens_nothing(rig: Rig) -> None:
    with LoginClient(rig.path) as client:
        first = client.ask(me().name, "sudo").say
        rig.microphone.audio = spoken(first)
        assert client.listen().verdict == "accept"
        while client.ask(me().name, "sudo").say == first:
            pass
        assert client.listen().verdict == "reject"


def test_a_prompt_is_good_once(rig: Rig) -> None:
    login(rig)
    with LoginClient(rig.path) as client, pytest.raises(LoginDaemonAbsent):
        client.listen()  # nothing was asked for: the daemon hangs up


def test_prompts_that_nobody_used_are_gone(rig: Rig) -> None:
    """Passwords are typed instead, again and again."""
    for _ in range(20):
        with LoginClient(rig.path) as client:
            client.ask(me().name, "sudo")
    with LoginClient(rig.path) as client:
        for _ in range(12):
            client.ask(me().name, "sudo")
