"""All recordings: how each is made, where it is kept, and what counts as the same.

Strings, whole numbers and positions in the audio must be the same. Other numbers may differ by as little as another
processor rounds its sums: the kernels of the speaker encoder are chosen by the processor, in single precision.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.golden import command_line, network, python_api, surface
from tests.golden.speech import digests

Json = dict[str, Any]
FOLDER = Path(__file__).parent / "recorded"
# Another processor rounds otherwise, and a step of the encoder's 8 bits is then the next one: LLRs moved by 0.06 at
# most from Zen 4 to Zen 3. On the same machine `record --check --exact` compares to the last bit.
TOLERANCE = 2e-3
SCORE_TOLERANCE = 0.01
LLR_TOLERANCE = 0.1


@contextmanager
def _home(home: Path) -> Iterator[Path]:
    yield home


def _clips(_: Path) -> Json:
    voices = {"slt": ("door-1", "door-4", "coffee", "long-2"), "awb": ("door-4", "long-2"), "rms": ("long-1", "long-2")}
    return digests(*(f"{voice}/{name}" for voice, names in voices.items() for name in names))


Place = Callable[[Path], AbstractContextManager[Any]]
PLACES: dict[str, tuple[Place, dict[str, Callable[[Any], Json]]]] = {
    "surface": (_home, {"surface": surface.record, "clips": _clips}),
    "python": (
        python_api.opened,
        {group: partial(python_api.record, group=group) for group in python_api.SCENES},
    ),
    "command_line": (
        _home,
        {
            "enroll": command_line.record_enroll,
            "attempts": command_line.record_attempts,
            "words": command_line.record_words,
            "microphone": command_line.record_microphone,
        },
    ),
    "network": (
        network.serving,
        {
            "enroll": network.record_enroll,
            "verify": network.record_verify,
            "further": network.record_further,
            "rest": network.record_rest,
            "azure_phrase": network.record_azure_phrase,
            "azure_free": network.record_azure_free,
        },
    ),
}
"""Each place with its parts. The first part enrolls whom the others need."""
MAY_GROW = {"surface", "routes"}
"""Where something may be added, and nothing may go."""


class Visit:
    """A place that is open; each part is made when it is asked for, once."""

    def __init__(self, place: str, opened: Any) -> None:
        self._parts, self._opened = PLACES[place][1], opened
        self._made: dict[str, Json] = {}

    def record(self, part: str) -> Json:
        """What this part gives now."""
        for name in (next(iter(self._parts)), part):
            if name not in self._made:
                # as it will be read again
                self._made[name] = json.loads(json.dumps(self._parts[name](self._opened)))
        return self._made[part]


@contextmanager
def visit(place: str, home: Path) -> Iterator[Visit]:
    """Open a place on a fresh data folder."""
    with PLACES[place][0](home) as opened:
        yield Visit(place, opened)


def path_of(place: str, part: str) -> Path:
    """Where a recording is kept."""
    return FOLDER / (f"{place}.json" if place == part else f"{place}-{part}.json")


def read(place: str, part: str) -> Json:
    """A recording."""
    recorded: Json = json.loads(path_of(place, part).read_text("utf-8"))
    return recorded


def write(place: str, part: str, recorded: Json) -> None:
    """Keep a recording, one event in a line, so that a difference can be read."""
    FOLDER.mkdir(exist_ok=True)
    scenes = []
    for title, value in recorded.items():
        brackets, lines = "", [json.dumps(value, ensure_ascii=False)]
        if isinstance(value, list):
            brackets, lines = "[]", [json.dumps(each, ensure_ascii=False) for each in value]
        elif isinstance(value, dict):
            named = ((json.dumps(name), json.dumps(each, ensure_ascii=False)) for name, each in value.items())
            brackets, lines = "{}", [f"{name}: {each}" for name, each in named]
        body = ",\n    ".join(lines)
        if brackets:
            body = f"{brackets[0]}\n    {body}\n  {brackets[1]}"
        scenes.append(f"  {json.dumps(title)}: {body}")
    path_of(place, part).write_text("{\n" + ",\n".join(scenes) + "\n}\n", "utf-8")


def differences(place: str, was: Any, now: Any, *, exact: bool = False, at: str = "") -> Iterator[str]:
    """Where the two differ, one sentence each; nothing where they count as the same."""
    if isinstance(was, dict) and isinstance(now, dict):
        names = was if MAY_GROW & {place, at} else was | now
        for name in names:
            here = f"{at} / {name}" if at else name
            if name not in now:
                yield f"{here}: is gone; was {_short(was[name])}"
            elif name not in was:
                yield f"{here}: is new: {_short(now[name])}"
            else:
                yield from differences(place, was[name], now[name], exact=exact, at=here)
    elif isinstance(was, list) and isinstance(now, list):
        for number, pair in enumerate(zip(was, now, strict=False)):
            yield from differences(place, *pair, exact=exact, at=f"{at}[{number}]")
        if len(was) != len(now):
            longer, more = (was, "gone") if len(was) > len(now) else (now, "new")
            yield f"{at}: were {len(was)}, are {len(now)}; {more}: {_short(longer[min(len(was), len(now)) :])}"
    elif not _same(was, now, 0.0 if exact else _tolerance(at)):
        yield f"{at}: was {_short(was)}, is {_short(now)}"


def _tolerance(at: str) -> float:
    if at.endswith("llr"):
        return LLR_TOLERANCE
    return SCORE_TOLERANCE if at.endswith("score") else TOLERANCE


def _same(was: Any, now: Any, tolerance: float) -> bool:
    if type(was) is float and type(now) is float:
        return abs(was - now) <= tolerance
    return type(was) is type(now) and bool(was == now)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}..."
