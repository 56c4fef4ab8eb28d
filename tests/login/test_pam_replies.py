"""How the PAM module reads replies: fuzzed ones, and each line that is no reply."""

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.pam


def test_a_hundred_thousand_hostile_replies(pam_tools: Path) -> None:
    ended = subprocess.run(
        [str(pam_tools / "fuzz"), "100000"], capture_output=True, text=True, timeout=120, env={**os.environ, "TZ": ""}
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert "none accepted" in ended.stdout


def _expected(line: str) -> list[str] | None:
    """What the strict parser must make of a line, by Python's parser and a check of each rule."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError
        return dict(pairs)

    try:
        found = json.loads(line, object_pairs_hook=once, parse_float=lambda _: [], parse_constant=lambda _: [])
    except ValueError:
        return None
    texts = ("type", "id", "verdict", "code", "say", "message")
    if not isinstance(found, dict) or len(found) > 12 or len(line.encode()) > 1024:
        return None
    if any(isinstance(value, dict | list) for value in found.values()):
        return None
    if not all(isinstance(found.get(name, ""), str) for name in texts):
        return None
    if not isinstance(found.get("after_phrase", False), bool):
        return None
    return [*(found.get(name, "") for name in texts), str(int(found.get("after_phrase", False)))]


def test_the_parser_takes_what_json_takes_and_nothing_else(pam_tools: Path) -> None:
    """Whatever it takes, Python's parser takes with the same meaning; plain replies it always takes."""
    source = random.Random(7)
    good = [
        '{"type":"prompt","id":"0123","say":"4 7 1 9","after_phrase":true,"expires_s":60}',
        '{ "type" : "verdict" , "verdict":"acc\\u0065pt","message":"Größe \\ud83d\\ude00 \\"","n": -12,"z": null}',
        '{"type":"refused","code":"profile_locked","message":"Nein.","a":false,"b":0}',
    ]
    lines = list(good)
    alphabet = '{}[]":,\\u0019eEaz+-. ntrfl/é'
    while len(lines) < 20_000:
        line = list(source.choice(good))
        for _ in range(source.randrange(1, 4)):
            at = source.randrange(len(line))
            match source.randrange(3):
                case 0:
                    line[at] = source.choice(alphabet)
                case 1:
                    del line[at]
                case _:
                    line.insert(at, source.choice(alphabet))
        lines.append("".join(line))
    ended = subprocess.run(
        [str(pam_tools / "parse")], input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    outcomes = ended.stdout.splitlines()
    assert len(outcomes) == len(lines)
    taken = 0
    for text, outcome in zip(lines, outcomes, strict=True):
        if outcome != "bad":
            taken += 1
            assert outcome.split("\x1f")[1:] == _expected(text), text
    assert outcomes[: len(good)] != ["bad"] * len(good)
    assert all(outcome != "bad" for outcome in outcomes[: len(good)])
    assert taken > len(good)


BAD_LINES = [
    b"",
    b"{}",
    b"null",
    b'"x"',
    b'{"type":"a"} ',
    b'{"type":"a"}x',
    b'{"type":"a",}',
    b'{"type":"a" "id":"b"}',
    b"{'type':'a'}",
    b'{"type":"a","type":"a"}',
    b'{"t\\u0079pe":"a","type":"a"}',
    b'{"type":["a"]}',
    b'{"type":null}',
    b'{"type":1}',
    b'{"n":01}',
    b'{"n":-}',
    b'{"n":1.5}',
    b'{"n":1e3}',
    b'{"n":1234567890}',
    b'{"after_phrase":"true"}',
    b'{"after_phrase":null}',
    b'{"say":"\t"}',
    b'{"say":"\\t"}',
    b'{"say":"\\u0000"}',
    b'{"say":"a\x00b"}',
    b'{"say":"\xc0\xaf"}',
    b'{"say":"\xed\xa0\x80"}',
    b'{"say":"\xf5\x80\x80\x80"}',
    b'{"say":"\\ud800"}',
    b'{"say":"\\udc00x"}',
    b'{"say":"\xc2\x9b"}',
    b'{"say":"\xe2\x80\xae"}',
    b'{"say":"' + b"x" * 256 + b'"}',
    b'{"' + b"x" * 32 + b'":1}',
    b"{" + b",".join(b'"m%d":1' % n for n in range(13)) + b"}",
    b'{"x":"' + b"y" * 1020 + b'"}',
]
GOOD_ENDINGS = (b'{"type":"a"} ',)


@pytest.mark.parametrize("line", BAD_LINES)
def test_lines_that_the_parser_refuses(pam_tools: Path, line: bytes) -> None:
    ended = subprocess.run([str(pam_tools / "parse")], input=line + b"\n", capture_output=True, timeout=20)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.startswith(b"ok" if line in GOOD_ENDINGS else b"bad")
