"""What would differ from run to run, held still or masked."""

import os
import random
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.golden.speech import PROMPT_DRAWS

SETTINGS = {
    # many of the attempts fail on purpose
    "STREAMAUTH_ATTEMPTS_FREE_FAILURES": "1000",
    "STREAMAUTH_ATTEMPTS_LOCK_AFTER": "10000",
    "STREAMAUTH_AZURE_FREE_FAILURES": "1000",
    "STREAMAUTH_ACCESS_ADDRESS_BURST": "100000",
    "STREAMAUTH_ACCESS_KEY_BURST": "100000",
    # so that a change of any number is seen
    "STREAMAUTH_ACCESS_DISCLOSURE": "number",
    # less speech, so that the recordings are made quickly
    "STREAMAUTH_ENROLLMENT_TEXT_INDEPENDENT_SPEECH_S": "8",
    # the same recordings are tried many times
    "STREAMAUTH_REPLAY_REFUSE": "false",
    # a busy machine changes nothing
    "STREAMAUTH_SERVER_CALL_TIMEOUT_S": "300",
    "STREAMAUTH_PROMPT_KIND": "words",
    "STREAMAUTH_PROMPT_WORDS": "2",
}
_NOBODY = "00000000-0000-0000-0000-000000000000"  # says something, so it is kept
_RANDOM = re.compile(
    rf"(?!{_NOBODY})[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}"
    r"|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?|(?:127\.0\.0\.1|localhost):\d+"
)
_MASKED = {"token", "signed_verdict", "nonce", "jti", "iat", "exp", "message", "id", "prompt", "expires_at"}


class ScriptedRandom(random.SystemRandom):
    """Draws the numbers that make the prompt of the recordings, again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._draws = cycle(PROMPT_DRAWS)

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:
        return next(self._draws) % start


@contextmanager
def environment(home: Path, settings: Mapping[str, str] = SETTINGS) -> Iterator[None]:
    """A data folder, settings and a random source for what runs inside, and none of the user's own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("STREAMAUTH_")}
    if models := os.environ.get("STREAMAUTH_MODELS"):
        own["STREAMAUTH_MODELS"] = models
    wanted = {**own, **settings, "STREAMAUTH_HOME": str(home), "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}
    with patch.dict(os.environ, wanted, clear=True), patch.object(secrets, "SystemRandom", ScriptedRandom):
        yield


def masked(value: Any, key: str = "") -> Any:
    """A JSON value without ids, times and sentences; sentences may be put better, their codes may not change."""
    if isinstance(value, dict):
        return {name: masked(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [masked(each) for each in value]
    if key in _MASKED and value is not None and not isinstance(value, bool):
        return f"<{key}>"
    return _RANDOM.sub("<varies>", value) if isinstance(value, str) else value
