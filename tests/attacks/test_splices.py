"""Attack: ten recorded digits, joined to what a prompt asks for (the server is real, the engines are fakes)."""

from collections import Counter
from pathlib import Path

import numpy as np

from streamauth.core.phrase.words import DIGITS
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from tests.attacks.rig import attacked
from tests.fakes import pause, pcm, say
from tests.server.rig import BOB, Peer

DEFAULTS = {"replay": {"refuse": True}}


def digit(word: str, take: int) -> Samples:
    """A digit, said as nobody says it a second time: louder and softer in a way of this take."""
    tone = say(word, BOB, word_s=0.8)
    course = np.random.default_rng([DIGITS.index(word), take]).uniform(-2.3, 0.0, 32)
    at = np.linspace(0, course.size - 1, tone.size)
    return (tone * np.exp(np.interp(at, np.arange(course.size), course))).astype(np.float32)


RECORDED = {
    "zero": (1, 2, 3),
    "one": (2, 3, 4),
    "two": (8, 14, 19),
    "three": (1, 2, 5),
    "four": (7, 9, 18),
    "five": (1, 3, 4),
    "six": (1, 4, 6),
    "seven": (1, 3, 6),
    "eight": (2, 3, 5),
    "nine": (1, 3, 4),
}
"""Takes that are known again wherever they stand. As in these tones only the level moves, one take in five is not."""


def answered(url: str, takes: int) -> tuple[str, set[tuple[str, int]]]:
    """What comes of a prompt that is answered by so many recordings of each digit, in turn; live without any."""
    with Peer(url) as peer:
        peer.start("verify", name="bob", prompt="digits")
        said: Counter[str] = Counter()
        used = []
        for shown in peer.hear()["text"].split():
            word = DIGITS[int(shown)]
            take = RECORDED[word][said[word] % takes] if takes else int(np.random.default_rng().integers(10**6))
            used.append((word, take))
            said[word] += 1
        peer.send(pcm(pause(0.4), *(digit(*each) for each in used), np.zeros(SAMPLE_RATE_HZ, np.float32)))
        peer.say(type="end")
        (decision,) = [message["decision"] for message in peer.rest() if message["type"] == "decision"]
        return str(decision), set(used)


def test_one_recording_of_each_digit_answers_no_prompt(tmp_path: Path) -> None:
    with attacked(tmp_path, DEFAULTS) as (url, watched):
        assert answered(url, 0)[0] == "accept", "who says a digit twice is no recording"
        assert [answered(url, 1)[0] for _ in range(4)] == ["reject"] * 4
        assert watched.failures("bob") == 4


def test_a_recording_of_a_digit_serves_in_one_prompt(tmp_path: Path) -> None:
    known: set[tuple[str, int]] = set()
    with attacked(tmp_path, DEFAULTS) as (url, _):
        for _ in range(4):
            decision, used = answered(url, 3)
            assert decision == ("reject" if known & used else "accept")
            known |= used
