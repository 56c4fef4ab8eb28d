"""What a process does to a store until it is killed, and how it is seen afterwards whether it was done.

A fact is a text such as ``utterances ID``; its value is whatever the store says of it, None where it knows nothing.
"""

import random
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided, Verdict
from streamauth.core.lockout import AttemptOutcome
from streamauth.errors import SessionTokenRefused, StreamAuthError, Unauthorized
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.store.api_keys import Scope
from streamauth.store.records import EnrollmentRecord, ProfileKind
from streamauth.store.store import Store
from tests.fakes import FakeEncoder, pause, pcm, say
from tests.server.rig import FakeEngines

Facts = dict[str, Any]
_MOST_PROFILES = 12
_OFTEN = {"rotate": 1, "enroll by voice": 2}
_OF_PROFILES = ("profile", "utterances", "voiceprint", "failures")
_FORMAT = AudioFormat(16_000)
_OWNER, _OTHER = 1, 6
_PHRASE = "open the front door please"
_LIFE_S = 3600.0


@dataclass(frozen=True)
class Deed:
    """One thing to do.

    Attributes:
        do: Does it.
        facts: What is true once it is done; none of it, or all, if it is cut off. Some are known only then.
        between: What else may be true if it is cut off, fact by fact.
    """

    do: Callable[[], object]
    facts: Facts
    between: Sequence[tuple[str, Any]] = ()


@dataclass
class _Seen:
    """What was read of the store in one go: signing keys, profiles, notes of the audit log, its accepts by profile."""

    published: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    noted: set[str] = field(default_factory=set)
    accepts: Counter[str] = field(default_factory=Counter)


class Worker:
    """One process's view of the store.

    Args:
        folder: Its data folder.
        url: Of the store; the folder's SQLite file if empty.
        rng: Chooses.
    """

    def __init__(self, folder: Path, url: str, rng: random.Random) -> None:
        free = {"free_failures": 1000, "lock_after": 10_000}
        store = {"url": url} if url else {}
        values: dict[str, dict[str, Any]] = {"attempts": free, "replay": {"refuse": False}, "store": store}
        self.settings = Settings().with_values(values, "kills")
        self.rng = rng
        self.store = Store.open(folder / "home", self.settings.store, {})
        self.authenticator = Authenticator(self.store, FakeEngines(), self.settings)

    def choice(self, deeds: "dict[str, Callable[[Worker], Deed]]") -> str:
        """What to do next; a new sealing key is rare, as it seals everything anew."""
        count = len(self.profiles())
        able = [name for name in deeds if name != "create" or count < _MOST_PROFILES]
        return "create" if not count else self.rng.choice([name for name in able for _ in range(_OFTEN.get(name, 4))])

    def profiles(self) -> list[str]:
        """Ids of all profiles."""
        return [each.profile.id for each in self.store.profiles.summaries()]

    def profile(self) -> str:
        """Id of any profile."""
        return self.rng.choice(self.profiles())

    def check(self) -> None:
        """Read all there is, the whole audit log too.

        Raises:
            StreamAuthError: Something does not hold.
        """
        self.store.maintenance.check()

    def before(self, deed: Deed) -> Facts:
        """What the store says of profiles before a deed that changes it."""
        concerned = [fact for fact in deed.facts if fact.split(" ")[0] in _OF_PROFILES]
        concerned += [fact for fact, _ in deed.between]
        seen = _Seen(kept=set(self.profiles()))
        if any(fact.startswith("accepts ") for fact in concerned):
            self._read_audit(seen)
        return {fact: self._found(fact, seen) for fact in concerned}

    def found(self, facts: list[str]) -> Facts:
        """What the store says of these facts."""
        seen = _Seen({each["kid"] for each in self.store.signing_keys.published()}, set(self.profiles()))
        self._read_audit(seen)
        return {fact: self._found(fact, seen) for fact in facts}

    def accepts(self, profile_id: str) -> int:
        """How many accepts of a profile the audit log has."""
        seen = _Seen()
        self._read_audit(seen)
        return seen.accepts[profile_id]

    def _read_audit(self, seen: "_Seen") -> None:
        for entry in self.store.audit.entries():
            if entry.action == "drill":
                seen.noted.add(entry.subject)
            elif entry.outcome == AttemptOutcome.ACCEPTED:
                seen.accepts[entry.subject] += 1

    def _found(self, fact: str, seen: "_Seen") -> Any:
        kind, _, what = fact.partition(" ")
        kept = seen.kept
        match kind:
            case "profile":
                return what in kept or None
            case "utterances":
                return len(self.store.enrollments.of(what, FakeEncoder.id)) if what in kept else None
            case "voiceprint":
                with suppress(StreamAuthError):
                    return _mark_of(self.store.voiceprints.get(what, FakeEncoder.id))
                return None
            case "failures":
                return self.store.attempts.standing(what, self.settings.attempts)[0] if what in kept else None
            case "noted":
                return what in seen.noted or None
            case "signs":
                return what in seen.published or None
            case "accepts":
                return seen.accepts[what]
            case "key":
                try:
                    self.store.api_keys.find(what)
                except Unauthorized:
                    return None
                return True
            case "used":
                try:
                    self.store.session_tokens.take(what)
                except SessionTokenRefused:
                    return True
                return None
        raise AssertionError(kind)


def _create(worker: Worker) -> Deed:
    made = str(uuid.uuid4())

    def do() -> None:
        worker.store.profiles.create(secrets.token_hex(8), ProfileKind.TEXT_INDEPENDENT, profile_id=made)

    return Deed(
        do, {f"profile {made}": True, f"utterances {made}": 0, f"failures {made}": 0, f"voiceprint {made}": None}
    )


def _delete(worker: Worker) -> Deed:
    gone = worker.profile()
    facts = dict.fromkeys(f"{kind} {gone}" for kind in _OF_PROFILES)
    return Deed(lambda: worker.store.profiles.delete(gone), facts)


def _add(worker: Worker) -> Deed:
    profile = worker.profile()
    count = len(worker.store.enrollments.of(profile, FakeEncoder.id))
    vector = np.random.default_rng(worker.rng.randrange(2**32)).standard_normal(FakeEncoder.dim).astype(np.float32)
    vector /= np.linalg.norm(vector)
    record = EnrollmentRecord(FakeEncoder.id, vector[None], 3.0, 4.0)

    def do() -> None:
        worker.store.enrollments.add(profile, record, voiceprint=record.voiceprint, more=True)

    return Deed(do, {f"utterances {profile}": count + 1, f"voiceprint {profile}": _mark_of(record.voiceprint)})


def _enroll_by_voice(worker: Worker) -> Deed:
    """Through a session, with audio: all that belongs to an enrollment, and its profile."""
    name = f"by voice {secrets.token_hex(4)}"

    def do() -> None:
        said = _said(_OWNER)
        with worker.authenticator.enroll(name, _FORMAT, phrase=_PHRASE) as attempt:
            for _ in range(3):
                attempt.receive_audio(said)
            attempt.receive_end()
            assert attempt.session.complete

    # its profile gets its id in there, so what it must have left is told by the facts of the decisions that follow
    return Deed(do, {})


def _decide(worker: Worker) -> Deed:
    """Through a session, with audio: charged, decided, settled, noted in the audit log."""
    summaries = worker.store.profiles.summaries()
    able = [each.profile for each in summaries if each.profile.phrase is not None and each.utterances >= 3]
    if not able:
        return _enroll_by_voice(worker)
    profile = worker.rng.choice(able)
    speaker = worker.rng.choice((_OWNER, _OTHER))
    fact = f"failures {profile.id}"
    failures = worker.store.attempts.standing(profile.id, worker.settings.attempts)[0]
    audited, accepts = f"accepts {profile.id}", worker.accepts(profile.id)
    facts: Facts = {}

    def do() -> None:
        with worker.authenticator.verify(profile.name, _FORMAT) as attempt:
            events = [*attempt.receive_audio(_said(speaker)), *attempt.receive_end()]
        (verdict,) = (event.verdict for event in events if isinstance(event, Decided))
        facts[fact] = 0 if verdict is Verdict.ACCEPT else failures + 1
        facts[audited] = accepts + (verdict is Verdict.ACCEPT)  # an accept that is told has its row, and one only

    return Deed(do, facts, ((fact, failures + 1), (fact, 0), (audited, accepts + 1)))


def _attempt(worker: Worker) -> Deed:
    """At the store alone: an attempt that is never finished stays charged."""
    profile = worker.profile()
    failures = worker.store.attempts.standing(profile, worker.settings.attempts)[0]
    outcome = worker.rng.choice((None, AttemptOutcome.REJECTED))

    def do() -> None:
        token = worker.store.attempts.begin(profile, worker.settings.attempts)
        if outcome is not None:
            worker.store.attempts.finish(token, outcome)

    return Deed(do, {f"failures {profile}": failures + 1})


def _unlock(worker: Worker) -> Deed:
    profile = worker.profile()
    return Deed(lambda: worker.store.attempts.unlock(profile), {f"failures {profile}": 0})


def _note(worker: Worker) -> Deed:
    subject = secrets.token_hex(8)
    return Deed(lambda: worker.store.audit.note("drill", subject=subject), {f"noted {subject}": True})


def _rotate(worker: Worker) -> Deed:
    return Deed(lambda: worker.store.maintenance.rotate_key(), {})


def _sign(worker: Worker) -> Deed:
    """A new key for verdicts, where the last one is older than a moment."""
    made: list[str] = []
    facts: Facts = {}

    def do() -> None:
        made.append(worker.store.signing_keys.current(max_age_s=0.0).id)
        facts[f"signs {made[0]}"] = True

    return Deed(do, facts)


def _api_key(worker: Worker) -> Deed:
    """A new API key: shown once it is stored, so it is a fact only then."""
    facts: Facts = {}

    def do() -> None:
        facts[f"key {worker.store.api_keys.create('drill', (Scope.VERIFY,))[1]}"] = True

    return Deed(do, facts)


def _revoke(worker: Worker) -> Deed:
    """Made and revoked: a key that is revoked never comes back."""
    facts: Facts = {}

    def do() -> None:
        known, secret = worker.store.api_keys.create("drill", (Scope.VERIFY,))
        worker.store.api_keys.revoke(known.id)
        facts[f"key {secret}"] = None

    return Deed(do, facts)


def _token(worker: Worker) -> Deed:
    """A session token that is used: it is never used again."""
    facts: Facts = {}

    def do() -> None:
        known, _ = worker.store.api_keys.create("drill", (Scope.VERIFY,))
        token = worker.store.session_tokens.add(known.id, b"{}", lifetime_s=_LIFE_S, max_open=10)
        worker.store.session_tokens.take(token)
        facts[f"used {token}"] = True

    return Deed(do, facts)


@cache
def _said(speaker: int) -> bytes:
    """The phrase by one of the fakes' voices."""
    return pcm(pause(0.3), say(_PHRASE, speaker), pause(0.6))


def _mark_of(vector: Any) -> str:
    """What a voiceprint is known by: where its largest values are, as it comes back rotated there and back."""
    return " ".join(map(str, np.argsort(np.ravel(vector))[-6:]))


DEEDS: dict[str, Callable[[Worker], Deed]] = {
    "create": _create,
    "delete": _delete,
    "add": _add,
    "enroll by voice": _enroll_by_voice,
    "decide": _decide,
    "attempt": _attempt,
    "unlock": _unlock,
    "note": _note,
    "rotate": _rotate,
    "sign": _sign,
    "api key": _api_key,
    "revoke": _revoke,
    "token": _token,
}
