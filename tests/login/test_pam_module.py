"""pam_streamauth.so by pamtester, against daemons that behave and daemons that do not."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.login.pam_rig import (
    AUTH_ERR,
    MAXTRIES,
    NOT_TRIED,
    PASSWORD,
    SUCCESS,
    UNAVAILABLE,
    Pam,
    ScriptedDaemon,
    Step,
    line_of,
    prompt,
    refused,
    verdict,
)

pytestmark = pytest.mark.pam
ENTER = ""


def daemon(pam: Pam, *steps: Step, linger: bool = False) -> ScriptedDaemon:
    return ScriptedDaemon(pam.folder / "run", *steps, linger=linger)


def test_the_right_voice_logs_in(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("accept")) as asked:
        login = pam.login("voice", ENTER)
    assert SUCCESS in login.text
    assert "Password, or press Enter and say: 4 7 1 9 " in login.text
    ask, listen = asked.heard
    assert ask.pop("id") == listen.pop("id")
    assert ask == {"op": "ask", "v": 1, "user": "ada", "service": "voice", "prompt": "digits", "wait_ms": 2000}
    assert listen == {"op": "listen"}


def test_each_talk_has_an_id_of_its_own(pam: Pam, tmp_path: Path) -> None:
    ids = set()
    for number in range(3):
        asked = ScriptedDaemon(tmp_path / f"run{number}", refused("not_enrolled"))
        pam.service("once", f"required {pam.module} socket={asked.path}")
        with asked:
            pam.login("once")
        ids.add(asked.heard[0]["id"])
    assert len(ids) == 3
    assert all(len(one) == 16 for one in ids)


def test_another_voice_is_a_failure_with_its_sentence(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("reject", message="The voice is not the enrolled one.")):
        login = pam.login("voice", ENTER)
    assert AUTH_ERR in login.text
    assert "The voice is not the enrolled one." in login.text


@pytest.mark.parametrize("code", ["profile_locked", "attempt_delayed"])
@pytest.mark.parametrize("late", [False, True])
def test_too_many_failures(pam: Pam, code: str, late: bool) -> None:
    steps = (prompt, refused(code, "Wait a moment.")) if late else (refused(code, "Wait a moment."),)
    with daemon(pam, *steps):
        login = pam.login("voice", ENTER)
    assert MAXTRIES in login.text
    assert "Wait a moment." in login.text


@pytest.mark.parametrize("code", ["not_enrolled", "microphone_busy", "service_not_enabled", "anything_else"])
@pytest.mark.parametrize("late", [False, True])
def test_whatever_was_not_judged_is_no_failure(pam: Pam, code: str, late: bool) -> None:
    with daemon(pam, *((prompt, refused(code)) if late else (refused(code),))):
        login = pam.login("voice", ENTER)
    assert UNAVAILABLE in login.text


def test_undecided_is_no_failure(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("undecided", message="No speech was heard.")):
        login = pam.login("voice", ENTER)
    assert UNAVAILABLE in login.text
    assert "No speech was heard." in login.text


def test_a_typed_password_goes_on_to_the_password_module(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("accept"), linger=True) as asked:
        login = pam.login("both", PASSWORD)
    assert SUCCESS in login.text
    assert login.text.count("assword") == 1  # it is not asked for again
    assert [request["op"] for request in asked.heard] == ["ask"]  # nobody listened
    assert asked.hung_up.is_set()


def test_a_wrong_password_stays_wrong(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("accept"), linger=True) as asked:
        login = pam.login("both", "battery staple")
    assert SUCCESS not in login.text
    assert len(asked.heard) == 1


def test_a_typed_password_without_a_password_module_opens_nothing(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("accept"), linger=True):
        login = pam.login("voice", PASSWORD)
    assert NOT_TRIED in login.text


def test_after_a_refused_voice_the_password_is_asked_for(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("reject", message="The voice is not the enrolled one.")):
        login = pam.login("both", ENTER, PASSWORD)
    assert SUCCESS in login.text
    assert login.text.index("not the enrolled one") < login.text.rindex("Password")


def test_no_daemon_no_delay(pam: Pam) -> None:
    login = pam.login("both", PASSWORD)
    assert SUCCESS in login.text
    assert "or press Enter" not in login.text


def test_a_socket_that_nobody_listens_on(pam: Pam) -> None:
    folder = pam.folder / "run"
    folder.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(folder / "login.sock"))
    assert SUCCESS in pam.login("both", PASSWORD).text


def test_the_daemon_dies_while_it_listens(pam: Pam) -> None:
    def dies(request: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"type": "listening", "id": request["id"]}]

    with daemon(pam, prompt, dies):
        login = pam.login("both", ENTER, PASSWORD)
    assert SUCCESS in login.text


def test_a_silent_daemon_is_waited_for_no_longer_than_told(pam: Pam) -> None:
    with daemon(pam, lambda _: [], linger=True) as asked:
        first = pam.login("voice", ENTER)
    assert UNAVAILABLE in first.text
    assert asked.hung_up.is_set()


def test_a_verdict_that_comes_too_late(pam: Pam) -> None:
    def slow(request: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"type": "listening", "id": request["id"]}]

    with daemon(pam, prompt, slow, linger=True) as asked:
        login = pam.login("voice", ENTER)
    assert UNAVAILABLE in login.text
    assert asked.hung_up.is_set()


ACCEPT = {"type": "verdict", "verdict": "accept"}


@pytest.mark.parametrize(
    "answers",
    [
        lambda i: [{**ACCEPT, "id": i}],  # before it listened
        lambda i: [{"type": "listening", "id": i}, {**ACCEPT, "id": "0" * 16}],
        lambda i: [{"type": "listening", "id": i}, ACCEPT],
        lambda i: [{"type": "listening", "id": i}, {"type": "listening", "id": i}, {**ACCEPT, "id": i}],
        lambda i: [{"type": "listening", "id": i}, {**ACCEPT, "id": i, "verdict": "ACCEPT"}],
        lambda i: [{"type": "listening", "id": i}, {**ACCEPT, "id": i, "verdict": True}],
        lambda i: [
            {"type": "listening", "id": i},
            line_of({**ACCEPT, "id": i}) + line_of({**ACCEPT, "id": i, "verdict": "reject"}),  # both at once
        ],
        lambda i: [{"type": "listening", "id": i}, {**ACCEPT, "id": i, "more": {"a": 1}}],
        lambda i: [{"type": "listening", "id": i}, json.dumps({**ACCEPT, "id": i}).encode()],  # no newline
        lambda i: [{"type": "listening", "id": i}, json.dumps({"verdict": "", **ACCEPT, "id": i}).encode() * 2 + b"\n"],
        lambda i: [{"type": "listening", "id": i}, b'{"verdict":"",' + json.dumps({**ACCEPT, "id": i}).encode()[1:]],
        lambda i: [b"\0" * 5000],
        lambda i: [b'{"type":"listening","id":"' + i.encode() + b'"}\n' * 100],
    ],
)
def test_a_daemon_that_breaks_the_rules_lets_nobody_in(pam: Pam, answers: Any) -> None:
    with daemon(pam, prompt, lambda request: answers(request["id"])):
        login = pam.login("voice", ENTER)
    assert SUCCESS not in login.text
    assert UNAVAILABLE in login.text


@pytest.mark.parametrize(
    "first",
    [
        lambda i: [{"type": "prompt", "id": i, "say": ""}],
        lambda i: [{"type": "prompt", "id": i}],
        lambda i: [{"type": "prompt", "id": i, "say": 4719}],
        lambda i: [{"type": "prompt", "id": i, "say": "4\x1b[2J"}],
        lambda i: [{"type": "prompt", "id": i, "say": "4 \u202e7"}],
        lambda i: [{"type": "prompt", "id": "f" * 16, "say": "4 7"}],
        # both at once: the second one must not come between reading the first and showing it
        lambda i: [line_of({"type": "prompt", "id": i, "say": "4 7"}) + line_of({**ACCEPT, "id": i})],
        lambda i: [{**ACCEPT, "id": i}],
        lambda i: [{"type": "prompt", "id": i, "say": "4 7", "padding": "x" * 2000}],
    ],
)
def test_a_bad_first_answer_is_shown_to_nobody(pam: Pam, first: Any) -> None:
    with daemon(pam, lambda request: first(request["id"]), verdict("accept")):
        login = pam.login("both", PASSWORD)
    assert "or press Enter" not in login.text
    assert SUCCESS in login.text


def test_the_fixed_phrase(pam: Pam) -> None:
    with daemon(pam, lambda request: prompt(request, say="", after_phrase=True), verdict("accept")) as asked:
        login = pam.login("fixed", ENTER)
    assert asked.heard[0]["prompt"] == "none"
    assert "press Enter and say: your pass phrase " in login.text
    assert SUCCESS in login.text


def test_the_daemon_may_leave_out_the_digits(pam: Pam) -> None:
    """Where the administrator said that a service shows none."""
    with daemon(pam, lambda request: prompt(request, say="", after_phrase=True), verdict("accept")) as asked:
        login = pam.login("voice", ENTER)
    assert asked.heard[0]["prompt"] == "digits"
    assert "press Enter and say: your pass phrase " in login.text
    assert SUCCESS in login.text


def test_phrase_and_digits(pam: Pam) -> None:
    with daemon(pam, lambda request: prompt(request, after_phrase=True), verdict("accept")):
        login = pam.login("voice", ENTER)
    assert "press Enter and say: your pass phrase, then 4 7 1 9 " in login.text


def test_a_stack_of_its_own_listens_at_once(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("accept")):
        login = pam.login("immediate")
    assert "Say: 4 7 1 9" in login.text
    assert SUCCESS in login.text


@pytest.mark.parametrize("host", ["10.0.0.7", "example.org", "localhost.example.org"])
def test_another_host_is_refused_before_anything_is_asked(pam: Pam, host: str) -> None:
    with daemon(pam, prompt, verdict("accept")) as asked:
        login = pam.login("voice", ENTER, items=[f"rhost={host}"])
    assert UNAVAILABLE in login.text
    assert asked.heard == []


def test_this_host_is_not_another(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("accept")):
        assert SUCCESS in pam.login("voice", ENTER, items=["rhost=localhost", "tty=/dev/tty1"]).text


def test_a_remote_terminal(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("accept")):
        assert UNAVAILABLE in pam.login("voice", ENTER, items=["tty=ssh"]).text


@pytest.mark.parametrize(
    "argument", ["sokcet=/tmp/x", "timeout=0", "timeout=4x", "timeout=", "socket=relative", "nullok"]
)
def test_a_wrong_argument_leaves_the_password(pam: Pam, argument: str) -> None:
    pam.service("wrong", f"required {pam.module} socket={pam.folder}/run/login.sock {argument}")
    with daemon(pam, prompt, verdict("accept")) as asked:
        assert UNAVAILABLE in pam.login("wrong", ENTER).text
    assert asked.heard == []


def test_a_socket_in_a_folder_of_everybody_is_not_believed(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("accept")) as asked:
        os.chmod(asked.path.parent, 0o777)  # noqa: S103 - that is what must not be
        assert UNAVAILABLE in pam.login("voice", ENTER).text
    assert asked.heard == []


def test_a_file_in_place_of_the_socket(pam: Pam) -> None:
    (pam.folder / "run").mkdir()
    (pam.folder / "run" / "login.sock").write_text("")
    assert UNAVAILABLE in pam.login("voice", ENTER).text


def test_names_that_cannot_be_sent_are_unknown(pam: Pam) -> None:
    with daemon(pam, prompt, verdict("accept")) as asked:
        assert UNAVAILABLE in pam.login("voice", ENTER, user="a\u00e4\n").text
    assert asked.heard == []


def test_quotes_in_a_name_stay_in_the_name(pam: Pam) -> None:
    with daemon(pam, refused("not_enrolled")) as asked:
        pam.login("voice", user='a","user":"root\\')
    assert asked.heard[0]["user"] == 'a","user":"root\\'


@pytest.mark.parametrize("last", ["accept", "reject", "undecided"])
def test_valgrind_finds_no_fault_and_no_leak(pam: Pam, last: str) -> None:
    watched = Pam(
        pam.folder,
        pam.module,
        ("valgrind", "-q", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"),
    )
    watched.service("slow", f"required {pam.module} socket={pam.folder}/run/login.sock timeout=30")
    with daemon(watched, prompt, verdict(last, message="So it is.")):
        login = watched.login("slow", ENTER)
    assert "==" not in login.text, login.text
    assert {"accept": SUCCESS, "reject": AUTH_ERR, "undecided": UNAVAILABLE}[last] in login.text
