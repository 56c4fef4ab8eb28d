"""Random prompts through the command line, on fake engines."""

import shutil
from pathlib import Path

import pytest

from streamauth.core.phrase.words import DIGITS
from streamauth.store.database import Database
from tests.cli.rig import Shell, wav
from tests.fakes import pause, say
from tests.server.rig import FakeEngines

PHRASE = "open the front door please"
LONG = "open the front door please close window my voice is key " * 2
ADA, BOB, STRANGER = 1, 4, 7


@pytest.fixture(scope="module")
def knowing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the data folder of ``people`` is kept once it was made."""
    return tmp_path_factory.mktemp("people") / "home"


@pytest.fixture
def people(shell: Shell, knowing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell that knows ada, with a pass phrase, and bob, without one."""
    monkeypatch.setenv("STREAMAUTH_ENROLLMENT_TEXT_INDEPENDENT_SPEECH_S", "5")
    engines = FakeEngines()
    monkeypatch.setattr("streamauth.cli.ahead.heard", lambda arguments: "nothing")
    monkeypatch.setattr("streamauth.engines.loader.Engines", lambda settings, catalog: engines)
    if knowing.is_dir():
        shutil.copytree(knowing, shell.home)
        return shell
    ada, bob = spoken(tmp_path, PHRASE, ADA), spoken(tmp_path, LONG, BOB)
    assert shell.json("enroll", "ada", ada, ada, ada, "--phrase", PHRASE).code == 0
    assert shell.json("enroll", "bob", bob, "--text-independent").code == 0
    shutil.copytree(shell.home, knowing)
    return shell


DIGITS_ASKED = ("--digits", "6")
"""The engines of these tests know no other prompts."""


def spoken(folder: Path, words: str, speaker: int) -> Path:
    audio = [*pause(0.5), *say(words, speaker), *pause(0.8)]
    return wav(folder / f"{speaker} {words[:60]}.wav", audio)


def test_drawing_one(people: Shell) -> None:
    drawn = people.json("prompt", "new").data
    assert (len(drawn["words"]), drawn["bits"]) == (3, 30.4)
    drawn = people.json("prompt", "new", "ada", "--digits", "6").data
    assert set(drawn) == {"prompt", "text", "words", "expires_s", "bits"}
    assert (drawn["expires_s"], drawn["bits"]) == (60.0, 18.7)
    assert [DIGITS[int(digit)] for digit in drawn["text"].split()] == drawn["words"]
    assert len(drawn["words"]) == 6
    words = people.json("prompt", "new", "--words", "5").data
    assert words["text"].split() == words["words"]
    assert len(words["words"]) == 5
    assert len(people.json("prompt", "new", "--digits", "8").data["words"]) == 8
    for_people = people("prompt", "new")
    assert "60 s" in for_people.out


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["--digits", "3"], 2, "bad_prompt"),
        (["--words", "99"], 2, "bad_prompt"),
        (["--digits", "6", "--words", "4"], 2, "bad_input"),
        (["nobody"], 2, "unknown_profile"),
    ],
)
def test_what_cannot_be_drawn(shell: Shell, arguments: list[str], code: int, error: str) -> None:
    outcome = shell.json("prompt", "new", *arguments)
    assert (outcome.code, outcome.error) == (code, error)


def test_too_many(people: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_PROMPT_MAX_OPEN", "1")
    assert people.json("prompt", "new", *DIGITS_ASKED).code == 0
    outcome = people.json("prompt", "new", *DIGITS_ASKED)
    assert (outcome.code, outcome.error) == (1, "too_many_prompts")
    first = people.json("prompt", "new", "ada", *DIGITS_ASKED).data
    assert people.json("prompt", "new", "ada", *DIGITS_ASKED).data["prompt"] == first["prompt"], (
        "nobody draws until the words suit"
    )


def test_checking_one_in_any_voice(people: Shell, tmp_path: Path) -> None:
    drawn = people.json("prompt", "new", *DIGITS_ASKED).data
    said = " ".join(drawn["words"])
    right, wrong = spoken(tmp_path, said, STRANGER), spoken(tmp_path, PHRASE, STRANGER)
    outcome = people.json("prompt", "check", drawn["prompt"], right, wrong)
    assert outcome.code == 1
    assert outcome.data == {
        "prompt": drawn["prompt"],
        "results": [
            {"file": str(right), "heard": said, "matched": True, "voice": None},
            {"file": str(wrong), "heard": PHRASE, "matched": False, "voice": None},
        ],
    }
    used = people.json("prompt", "check", drawn["prompt"], right)
    assert (used.code, used.error) == (2, "unknown_prompt")


@pytest.mark.parametrize(
    ("speaker", "words", "code", "matched", "voice", "told"),
    [
        (ADA, None, 0, True, True, "said in the right voice"),
        (BOB, None, 1, True, False, "not in the right voice"),
        (ADA, PHRASE, 1, False, None, "not said; heard"),
    ],
)
def test_checking_one_in_the_voice_of_a_profile(
    people: Shell,
    tmp_path: Path,
    speaker: int,
    words: str | None,
    code: int,
    matched: bool,
    voice: bool | None,
    told: str,
) -> None:
    def check(as_json: list[str]) -> tuple[int, str, dict[str, object]]:
        drawn = people.json("prompt", "new", "ada", *DIGITS_ASKED).data
        file = spoken(tmp_path, words or " ".join(drawn["words"]), speaker)
        outcome = people("prompt", "check", drawn["prompt"], file, *as_json)
        return outcome.code, outcome.out, outcome.data["results"][0] if as_json else {}

    found, _, result = check(["--json"])
    assert (found, result["matched"], result["voice"]) == (code, matched, voice)
    found, text, _ = check([])
    assert found == code
    assert told in " ".join(text.split())


def test_an_expired_prompt(people: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = people.json("prompt", "new", *DIGITS_ASKED).data
    now_s = Database.now_s
    monkeypatch.setattr(Database, "now_s", lambda database, connection: now_s(database, connection) + 61)
    outcome = people.json("prompt", "check", drawn["prompt"], spoken(tmp_path, PHRASE, ADA))
    assert (outcome.code, outcome.error) == (2, "prompt_expired")


def test_verify_with_a_prompt(people: Shell, tmp_path: Path) -> None:
    drawn = people.json("prompt", "new", "ada", *DIGITS_ASKED).data
    said = f"{PHRASE} {' '.join(drawn['words'])}"
    outcome = people.json("verify", "ada", spoken(tmp_path, said, ADA), "--prompt", drawn["prompt"])
    assert (outcome.code, outcome.data["reasons"]) == (0, ["voice_match", "phrase_match", "prompt_match"])
    assert outcome.data["phrase"]["expected"] == said
    assert "Say your pass phrase, then" in outcome.err
    replayed = people.json("verify", "ada", spoken(tmp_path, said, ADA), "--prompt", drawn["prompt"])
    assert (replayed.code, replayed.error) == (2, "unknown_prompt")
    other = people.json("prompt", "new", "bob", *DIGITS_ASKED).data["prompt"]
    assert people.json("verify", "ada", spoken(tmp_path, said, ADA), "--prompt", other).error == "unknown_prompt"


def test_a_recording_does_not_hold_a_new_prompt(people: Shell, tmp_path: Path) -> None:
    recording = spoken(tmp_path, "four seven one zero two nine", BOB)
    outcome = people.json("verify", "bob", recording, "--new-prompt", "digits")
    assert (outcome.code, outcome.data["reasons"][0]) == (1, "prompt_mismatch")
    assert "Say this, within 60 s" in outcome.err
    named = people.json("identify", recording, "--new-prompt", "digits")
    assert (named.code, named.data["name"], named.data["reasons"]) == (1, None, ["prompt_mismatch"])


def test_identify_with_a_prompt(people: Shell, tmp_path: Path) -> None:
    drawn = people.json("prompt", "new", *DIGITS_ASKED).data
    said = spoken(tmp_path, " ".join(drawn["words"]), BOB)
    outcome = people.json("identify", said, "--prompt", drawn["prompt"])
    assert (outcome.code, outcome.data["name"]) == (0, "bob")


def test_one_prompt_at_a_time(people: Shell, tmp_path: Path) -> None:
    audio = spoken(tmp_path, PHRASE, ADA)
    outcome = people.json("verify", "ada", audio, "--prompt", "abc", "--new-prompt", "words")
    assert (outcome.code, outcome.error) == (2, "bad_input")
