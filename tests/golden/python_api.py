"""``streamauth.Authenticator``: every mode on samples."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from streamauth import AudioFormat, Authenticator, StreamAuthError
from tests.golden.command_line import told
from tests.golden.fixed import environment
from tests.golden.speech import (
    PHRASE,
    RATE_HZ,
    Pcm,
    beginning,
    clip,
    join,
    pause,
    prompt_of_awb,
    prompt_of_slt,
    quiet,
)

Cut = Callable[[Pcm], Iterable[Pcm]]
Json = dict[str, Any]
FORMAT = AudioFormat(RATE_HZ)
CHUNK = RATE_HZ // 10
LEVELS_IN_FULL = "phrase, accept"


def even(samples: Pcm) -> Iterator[Pcm]:
    """Chunks of 100 ms, as a microphone gives them."""
    for at in range(0, len(samples), CHUNK):
        yield samples[at : at + CHUNK]


def uneven(seed: int) -> Cut:
    """Chunks of 1 to 12,000 samples, different in each scene."""
    random = np.random.default_rng(seed)

    def cut(samples: Pcm) -> Iterator[Pcm]:
        at = 0
        while at < len(samples):
            # small ones are as likely as large ones
            size = int(12_000 ** random.random())
            yield samples[at : at + size]
            at += size

    return cut


def plain(value: Any) -> Any:
    """An event, or what is in one, as JSON; floats keep all their digits."""
    if is_dataclass(value) and not isinstance(value, type):
        kind = {"type": value.type} if hasattr(value, "type") else {}
        return kind | {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


def without_levels(events: list[Json]) -> list[Json]:
    """The levels, which are most of all events, summed up in one."""
    levels = [event for event in events if event["type"] == "level"]
    others = [event for event in events if event["type"] != "level"]
    if not levels:
        return others
    summed: Json = {"type": "levels", "count": len(levels), "clipped": sum(event["clipped"] for event in levels)}
    summed["mean_rms_dbfs"] = sum(event["rms_dbfs"] for event in levels) / len(levels)
    summed["peak"] = max(event["peak"] for event in levels)
    return [*others, summed]


def heard(attempt: Any, utterances: Iterable[Pcm], cut: Cut, *, continuous: bool = False) -> list[Json]:
    """All events of an attempt."""
    events: list[Json] = []

    def take(fresh: Iterable[Any]) -> bool:
        events.extend(map(plain, fresh))
        final = {"enrolled", "failed"} if continuous else {"enrolled", "failed", "decision"}
        return any(event["type"] in final for event in events)

    with attempt:
        if attempt.prompt is not None:
            take([attempt.prompt])
        sounds, *further = utterances
        while True:
            if any(take(attempt.receive_audio(chunk.tobytes())) for chunk in cut(sounds)):
                return events
            if not further:
                take(attempt.receive_end())
                return events
            sounds, *further = further
            if take(attempt.end_utterance()):
                return events


@contextmanager
def opened(home: Path) -> Iterator[Authenticator]:
    """An application on a data folder."""
    with environment(home):
        authenticator = Authenticator.open(home)
        try:
            yield authenticator
        finally:
            authenticator.close()


def record(authenticator: Authenticator, group: str, cut: Cut = even) -> Json:
    """Every scene of a group, in the order in which they build on each other; ``enroll`` must be the first group."""
    scenes: Json = {}
    for name, begin, sounds in SCENES[group](authenticator):
        try:
            events = heard(begin(), sounds, cut, continuous=group == "continuous")
        except StreamAuthError as error:
            scenes[name] = [{"type": "raised", "code": error.code}]
            continue
        for event in events:
            if event["type"] == "prompt":
                # less what passed since it was drawn, on a busy machine some seconds
                event["expires_s"] = 10 * math.ceil(event["expires_s"] / 10)
        scenes[name] = events if name == LEVELS_IN_FULL else without_levels(events)
    return scenes


def drawn(*name: str) -> str:
    """Id of a prompt for an attempt on the same data folder."""
    return str(told("prompt", "new", *name)["out"]["prompt"])


Scenes = Iterator[tuple[str, Callable[[], Any], list[Pcm]]]


def _enroll(authenticator: Authenticator) -> Scenes:
    def enroll(name: str, **how: Any) -> Callable[[], Any]:
        return lambda: authenticator.enroll(name, FORMAT, **how)

    door = [clip(f"slt/door-{number}") for number in (1, 2, 3)]
    free = beginning("rms/long-1", 10)
    yield "phrase", enroll("ada", phrase=PHRASE), door
    yield "the first utterance sets the phrase", enroll("eve"), [clip("slt/coffee")]
    yield "other words, another voice, too quiet, silence", enroll("dan", phrase=PHRASE), [
        clip("slt/coffee"), door[0], clip("awb/door-4"), quiet("slt/door-1"), pause(2),
    ]  # fmt: skip
    yield "gone on with", enroll("dan", phrase=PHRASE), door[1:]
    yield "it is there already", enroll("ada", phrase=PHRASE), door[:1]
    yield "weak phrase", enroll("fay", phrase="open"), door[:1]
    yield "text-independent", enroll("bob", text_independent=True), [free[: 5 * RATE_HZ], free[5 * RATE_HZ :]]
    yield "text-independent, silence", enroll("gus", text_independent=True), [pause(2)]
    yield "text-independent, then with a phrase", enroll("bob", phrase=PHRASE), door[:1]
    yield "a further voiceprint", enroll("ada", label="kitchen"), door


def _verify(authenticator: Authenticator) -> Scenes:
    def verify(name: str, **how: Any) -> Callable[[], Any]:
        return lambda: authenticator.verify(name, FORMAT, **how)

    def prompted(name: str) -> Callable[[], Any]:
        return lambda: authenticator.verify(name, FORMAT, prompt=drawn(name))

    door = clip("slt/door-4")
    yield LEVELS_IN_FULL, verify("ada"), [door]
    yield "phrase, other voice", verify("ada"), [clip("awb/door-4")]
    yield "phrase, other words", verify("ada"), [clip("slt/coffee")]
    yield "phrase, another word", verify("ada"), [clip("slt/window")]
    yield "phrase, half", verify("ada"), [clip("slt/door-half")]
    yield "phrase, silence", verify("ada"), [pause(2)]
    yield "phrase, broken off", verify("ada"), [door[: 3 * RATE_HZ // 2]]
    yield "nobody of that name", verify("zoe"), [pause(1)]
    yield "not enrolled", verify("eve"), [pause(1)]
    yield "voice only, accept", verify("bob"), [clip("rms/long-2")]
    yield "voice only, reject", verify("bob"), [clip("awb/long-2")]
    yield "voice only, silence", verify("bob"), [pause(2)]
    yield "voice and prompt, another voice", prompted("bob"), [prompt_of_slt()]
    yield "phrase and prompt, accept", prompted("ada"), [join(door, prompt_of_slt())]
    yield "phrase and prompt, another voice says it", prompted("ada"), [join(door, prompt_of_awb())]
    yield "phrase and prompt, phrase only", prompted("ada"), [door]
    yield "unknown prompt", verify("ada", prompt="no-such-prompt"), [door]


def _continuous(authenticator: Authenticator) -> Scenes:
    yield "voice, another, the first", lambda: authenticator.verify("bob", FORMAT, continuous=True), [
        join(clip("rms/long-2"), clip("awb/long-2"), beginning("rms/long-1", 8)),
    ]  # fmt: skip
    yield "phrase, another voice", lambda: authenticator.verify("ada", FORMAT, continuous=True), [
        join(clip("slt/door-4"), clip("awb/long-2")),
    ]  # fmt: skip
    yield "phrase, another voice from the start", lambda: authenticator.verify("ada", FORMAT, continuous=True), [
        clip("awb/door-4"),
    ]  # fmt: skip


def _identify(authenticator: Authenticator) -> Scenes:
    def identify(*among: str) -> Callable[[], Any]:
        return lambda: authenticator.identify(FORMAT, among=among)

    def prompted() -> Any:
        return authenticator.identify(FORMAT, among=["ada", "bob"], prompt=drawn())

    yield "accept", identify("ada", "bob"), [clip("rms/long-2")]
    yield "nobody", identify("ada", "bob"), [clip("kal16/long-2")]
    yield "among another", identify("ada"), [clip("rms/long-2")]
    yield "silence", identify("ada", "bob"), [pause(2)]
    yield "among nobody of that name", identify("zoe"), [pause(1)]
    yield "prompt, accept", prompted, [prompt_of_slt()]
    yield "prompt, not said", prompted, [beginning("rms/long-2", 4)]


SCENES: dict[str, Callable[[Authenticator], Scenes]] = {
    "enroll": _enroll,
    "verify": _verify,
    "continuous": _continuous,
    "identify": _identify,
}
