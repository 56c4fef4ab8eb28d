"""Who may ask the daemon what, and peers that do not behave."""

import json
import logging
import os
import secrets
import socket
import time
from pathlib import Path

import pytest

from streamauth.errors import (
    LoginDaemonAbsent,
    LoginError,
    LoginNotPermitted,
    LoginProtocolError,
    MicrophoneBusy,
    UnknownUser,
)
from streamauth.login import protocol
from streamauth.login.client import LoginClient
from streamauth.login.conversation import Conversation, Peer
from streamauth.login.daemon import own_listener
from tests.login.rig import OTHER, OWNER, Rig, enroll, free_speech, login, me, running, settings, spoken


def test_one_at_the_microphone(rig: Rig) -> None:
    rig.microphone.pace = 1.0
    with LoginClient(rig.path) as first, LoginClient(rig.path) as second:
        first.ask(me().name, "sudo")
        second.ask(me().name, "sudo")
        talk = first._talk(protocol.Listen(first._id), 5)
        assert isinstance(next(talk), protocol.Listening)
        with pytest.raises(MicrophoneBusy, match="Another login"):
            second.listen()
        if os.getuid() == 0:
            with pytest.raises(MicrophoneBusy):  # the list of devices is not made anew under a recording
                second.devices()
    # both hung up: the microphone is free again
    rig.microphone.pace = 0.0
    deadline_s = time.monotonic() + 30
    while rig.microphone.in_use and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert login(rig).verdict == "accept"


def test_hanging_up_before_a_score_is_free_and_after_it_counts(rig: Rig) -> None:
    rig.microphone.pace = 4.0
    with LoginClient(rig.path) as client:
        asked = client.ask(me().name, "sudo")
        rig.microphone.audio = spoken(asked.say, OTHER)
        for reply in client._talk(protocol.Listen(client._id, events=True), 10):
            if isinstance(reply, protocol.Told) and reply.data["type"] in ("score", "band"):
                break
    deadline_s = time.monotonic() + 30
    while rig.microphone.in_use and time.monotonic() < deadline_s:
        time.sleep(0.02)
    time.sleep(0.05)
    assert rig.failures() == 1


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"[]\n",
        b"\xff\n",
        b'{"op":"ask"}\n',
        b'{"op":"ask","id":"1","user":"root","service":"sudo","prompt":"words"}\n',
        b'{"op":"ask","id":"1","user":"root","service":"sudo","wait_ms":1e3}\n',
        b'{"op":"ask","id":"1","user":"root","service":"sudo","wait_ms":true}\n',
        b'{"op":"ask","id":"1","user":"root","user":"root","service":"sudo"}\n',
        b'{"op":"ask","id":"1","user":"root","service":"sudo","more":1}\n',
        b'{"op":"ask","id":"","user":"root","service":"sudo"}\n',
        b'{"op":"ask","id":"a b","user":"root","service":"sudo"}\n',
        b'{"op":"listen","id":"1"}\n',
        b'{"op":"nothing","id":"1"}\n',
        b'{"op":"status","id":"1","user":"' + b"x" * 3000 + b'"}\n',
        b"x" * 10_000,
        b'{"id":' * 1000 + b"\n",
    ],
)
def test_peers_that_break_the_rules_are_hung_up_on(warm: Rig, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(8)
        peer.connect(str(warm.path))
        try:
            peer.sendall(line)
            assert peer.recv(100) == b""
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert login(warm).verdict == "accept"


def test_too_many_connections_of_one_user(tmp_path: Path) -> None:
    with running(tmp_path, settings(login={"max_connections": 3})) as rig:
        held = [LoginClient(rig.path) for _ in range(3)]
        for client in held:
            client.status(me().name)
        with LoginClient(rig.path) as late, pytest.raises(LoginDaemonAbsent):
            late.status(me().name)
        for client in held:
            client.close()


class Pair:
    """A conversation with a peer of another user, over a socket pair."""

    def __init__(self, rig: Rig, uid: int) -> None:
        from threading import Thread

        self._ours, theirs = socket.socketpair()
        self._ours.settimeout(10)
        conversation = Conversation(theirs, Peer(uid), rig.voices, rig.state)
        self._thread = Thread(target=conversation.run)
        self._theirs = theirs
        self._thread.start()

    def ask(self, request: protocol.Request) -> protocol.Reply:
        self._ours.sendall(protocol.encode_request(request))
        return protocol.decode_reply(self._ours.makefile("rb").readline().rstrip(b"\n"))

    def close(self) -> None:
        self._ours.shutdown(socket.SHUT_RDWR)
        self._ours.close()
        self._thread.join(5)
        self._theirs.close()


@pytest.mark.parametrize(
    "request_",
    [
        protocol.Ask("1", "root", "sudo"),
        protocol.Status("1", "root"),
        protocol.Forget("1", "root"),
        protocol.Unlock("1", "root"),
        protocol.Unlock("1", "nobody"),
        protocol.Enroll("1", "root"),
        protocol.Enroll("1", "nobody"),
        protocol.Enable("1", "su"),
        protocol.Level("1"),
    ],
)
def test_others_may_not(warm: Rig, request_: protocol.Request) -> None:
    pair = Pair(warm, uid=65534)
    reply = pair.ask(request_)
    pair.close()
    assert isinstance(reply, protocol.Refused)
    assert reply.code == LoginNotPermitted.code
    assert warm.state.enabled() == {"sudo"}


def test_a_user_is_told_neither_scores_nor_words(rig: Rig) -> None:
    """Or else any program of hers could have the microphone transcribed."""
    from streamauth.login.users import unix_user

    nobody = unix_user("nobody")
    enroll(rig.authenticator, nobody, OWNER)
    pair = Pair(rig, uid=nobody.uid)
    asked = pair.ask(protocol.Ask("1", "nobody", "streamauth"))
    assert isinstance(asked, protocol.Prompt)
    rig.microphone.audio = spoken(asked.say)
    pair._ours.sendall(protocol.encode_request(protocol.Listen("1", events=True)))
    lines = pair._ours.makefile("rb")
    told = []
    for line in lines:
        told.append(json.loads(line))
        if told[-1]["type"] == "verdict":
            break
    pair.close()
    kinds = {one["data"]["type"] for one in told if one["type"] == "told"}
    assert "level" in kinds
    assert not kinds & {"words", "score", "band"}
    decision = next(one["data"] for one in told if one["type"] == "told" and one["data"]["type"] == "decision")
    assert decision["llr"] is None
    assert decision["phrase"]["heard"] is None


def test_root_enrolls_by_the_daemon(rig: Rig) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root")
    rig.voices.forget(me())
    rig.microphone.audio = free_speech()
    with LoginClient(rig.path) as client:
        kinds = [event["type"] for event in client.enroll(me().name, None)]
        assert kinds[-1] == "enrolled"
        status = client.status(me().name)
    assert status["enrolled"] is True
    assert status["services"] == ["sudo"]
    assert login(rig).verdict == "accept"


def test_the_level_is_measured_for_root(rig: Rig) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root")
    rig.microphone.audio = spoken("1 2 3 4 5 6 7 8 9")
    with LoginClient(rig.path) as client:
        levels = list(client.level(2.0))
        assert len(levels) == 20
        assert max(level["rms_dbfs"] for level in levels) > -25
        client.enable("su", True)
        client.enable("su", False)
        client.forget(me().name)


def test_logs_hold_no_names_and_no_words(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    login(rig)
    login(rig, OTHER)
    with LoginClient(rig.path) as client, pytest.raises(UnknownUser):
        client.ask("marker-of-a-name", "sudo")
    own = [record.getMessage() for record in caplog.records if record.name.startswith("streamauth")]
    assert any("sudo: accept" in line for line in own)
    for line in own:
        assert me().name not in line
        assert "marker" not in line


def test_a_daemon_that_is_gone(tmp_path: Path) -> None:
    with running(tmp_path) as rig:
        path = rig.path
        LoginClient(path).close()
        with pytest.raises(LoginError, match="Another login daemon"):
            own_listener(path)
    with pytest.raises(LoginDaemonAbsent):
        LoginClient(path)


def test_stopping_in_the_middle_ends_the_attempt(tmp_path: Path) -> None:
    with running(tmp_path) as rig:
        rig.microphone.pace = 1.0
        client = LoginClient(rig.path)
        client.ask(me().name, "sudo")
        talk = client._talk(protocol.Listen(client._id), 20)
        assert isinstance(next(talk), protocol.Listening)
        client.close()


def test_messages_survive_the_wire() -> None:
    for request in (
        protocol.Ask("1a", "ada", "sudo", "none", 7, 1),
        protocol.Listen("x", events=True),
        protocol.Enroll("x", "ada", "open the door"),
        protocol.Enroll("x", "ada"),
        protocol.Enable("x", "su", False),
        protocol.Level("x", 5),
    ):
        assert protocol.decode_request(protocol.encode_request(request).rstrip()) == request
    for reply in (
        protocol.Prompt("1", "4 7", True),
        protocol.Judged("1", "reject", "a b", "No."),
        protocol.Refused("1", "code", "Größe “x”"),
        protocol.Told("1", {"a": [1, None]}),
        protocol.Done("1"),
    ):
        assert protocol.decode_reply(protocol.encode_reply(reply).rstrip()) == reply


def test_sentences_are_cut_to_what_a_module_takes() -> None:
    line = protocol.encode_reply(protocol.Refused("f" * 16, "x" * 30, "ä word " * 200))
    assert len(line) <= protocol.MAX_REPLY_BYTES
    cut = protocol.decode_reply(line.rstrip())
    assert isinstance(cut, protocol.Refused)
    assert len(cut.message.encode()) < 256
    assert cut.message.endswith("word …")


def test_random_bytes_are_no_messages() -> None:
    for _ in range(2000):
        with pytest.raises(LoginProtocolError):
            protocol.decode_request(secrets.token_bytes(30))
