"""Trails: by which a recording of an earlier attempt or of the enrollment is known when it is played again.

A trail is sealed as a voiceprint is, and goes with its profile. Those of the enrollment stay; those of attempts are
kept for a limited time, and only the newest of them.

**Sent again.** A client whose connection broke sends the same audio again, which is like its own trail. So it may name
an attempt by an id of its own. A trail is left out of the comparison, once, where the attempt that asks has the same id
and profile, the trail is not older than ``replay.resend_s``, and its attempt ended without a decision: broken off,
failed or undecided.

The threat is somebody who has recorded such an attempt in the room. What he lacks is the id: it is chosen at random by
the client, travels over TLS only, is sealed here and told to nobody. Should he learn it, he has one try within that
time, which counts as any other, and only where the owner's own attempt was not decided and not sent again. The id of an
attempt that was accepted or rejected is worth nothing, also where the answer was lost on its way: the server cannot
know that, and an accept given once more would be one for him. A second attempt under the same id, whatever becomes of
it, closes the id; two at once have one exception between them. Who plays the recording first is refused, and leaves a
trail of his own by which the client's sending again is refused, too: that costs the owner another try, and opens
nothing.
"""

from collections.abc import Iterable
from hmac import compare_digest
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, insert, select, update

from streamauth.core.replay.trail import BANDS, Trail
from streamauth.core.settings import ReplaySettings
from streamauth.errors import StoreCorrupt
from streamauth.store.authentic import TRAILS
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.schema import profiles, trails
from streamauth.store.sealed_database import StorePart

_DAY_MS = 86_400_000
MOST_ENROLLED = 64
"""Trails of enrollment utterances that a profile may have; the oldest goes first."""


class Trails(StorePart):
    """Keeping and reading trails."""

    def of(self, profile_id: str, settings: ReplaySettings, attempt_id: str | None = None) -> list[Trail]:
        """The trails of a profile that are not too old, newest first.

        Args:
            profile_id: The profile.
            settings: For how long they count.
            attempt_id: Of an attempt that would be accepted: the trail of the attempt that it sends again is left out,
                and will not be left out another time.

        Raises:
            StoreCorrupt: One is damaged.
        """
        with self._sealed.read() as connection:
            now_ms = self._sealed.database.now_ms(connection)
            since_ms = now_ms - round(settings.keep_days * _DAY_MS)
            kept = trails.c.enrolled | (trails.c.made_ms >= since_ms)
            rows = connection.execute(
                select(trails).where(trails.c.profile_id == profile_id, kept).order_by(trails.c.id.desc())
            ).all()
            self._sealed.check(connection, TRAILS, profile_id)
            key = self._sealed.profile_key(connection, profile_id) if rows else None
        if key is None:
            return []
        fresh_ms = now_ms - round(settings.resend_s * 1000)
        left_out: set[int] = set()
        if attempt_id is not None and any(row.resendable and row.made_ms > fresh_ms for row in rows):
            left_out = self._send_again(profile_id, attempt_id, fresh_ms)
        return [_trail_of(key.unseal(row.trail, "trail", profile_id)) for row in rows if row.id not in left_out]

    def enrolled(self, profile_id: str) -> list[Trail]:
        """The trails of a profile's enrollment, oldest first.

        Raises:
            StoreCorrupt: One is damaged.
        """
        mine = (trails.c.profile_id == profile_id) & trails.c.enrolled
        with self._sealed.read() as connection:
            rows = connection.execute(select(trails).where(mine).order_by(trails.c.id)).all()
            self._sealed.check(connection, TRAILS, profile_id)
            key = self._sealed.key(connection)
        return [_trail_of(key.unseal(row.trail, "trail", profile_id)) for row in rows]

    def keep(
        self,
        profile_id: str,
        trail: Trail,
        settings: ReplaySettings,
        *,
        enrolled: bool,
        attempt_id: str | None = None,
        undecided: bool = False,
    ) -> None:
        """Keep the trail of an attempt or of an enrollment utterance; nothing where the profile is gone.

        Args:
            profile_id: Whose it is.
            trail: The trail.
            settings: How many, and how long.
            enrolled: Whether it belongs to the enrollment.
            attempt_id: The client's id of the attempt.
            undecided: Whether the attempt ended without a decision, so that it may be sent again under its id.
        """
        if not len(trail):
            return
        with self._sealed.write() as connection:
            if connection.scalar(select(profiles.c.id).where(profiles.c.id == profile_id)) is None:
                return
            self._sealed.change(connection, TRAILS, profile_id)
            now_ms = self._sealed.database.now_ms(connection)
            key = self._sealed.profile_key(connection, profile_id)
            sealed = key.seal(trail.tobytes(), "trail", profile_id)
            values: dict[str, Any] = {"profile_id": profile_id, "made_ms": now_ms, "enrolled": enrolled}
            values |= {"trail": sealed, "attempt": None, "resendable": False}
            if attempt_id is not None:
                named = select(trails).where(trails.c.profile_id == profile_id, trails.c.attempt.is_not(None))
                same = _of_attempt(key, profile_id, attempt_id, connection.execute(named).all())
                connection.execute(update(trails).where(trails.c.id.in_(same)).values(resendable=False))
                values["attempt"] = key.seal(attempt_id.encode(), "attempt id", profile_id)
                values["resendable"] = undecided and not same
            connection.execute(insert(trails).values(values))
            _drop(connection, profile_id, enrolled=True, most=MOST_ENROLLED)
            _drop(connection, profile_id, enrolled=False, most=settings.keep_trails)
            old_ms = now_ms - round(settings.keep_days * _DAY_MS)
            mine = (trails.c.profile_id == profile_id) & trails.c.enrolled.is_(False)
            connection.execute(delete(trails).where(mine, trails.c.made_ms < old_ms))

    def _send_again(self, profile_id: str, attempt_id: str, fresh_ms: int) -> set[int]:
        """Use up what lets an attempt be sent again; the trails that it frees."""
        mine = (trails.c.profile_id == profile_id) & trails.c.resendable & (trails.c.made_ms > fresh_ms)
        with self._sealed.write() as connection:
            self._sealed.change(connection, TRAILS, profile_id)
            rows = connection.execute(select(trails).where(mine)).all()
            key = self._sealed.profile_key(connection, profile_id) if rows else None
            found = set() if key is None else _of_attempt(key, profile_id, attempt_id, rows)
            if found:
                connection.execute(update(trails).where(trails.c.id.in_(found)).values(resendable=False))
        return found


def _of_attempt(key: ProfileKey, profile_id: str, attempt_id: str, rows: Iterable[Any]) -> set[int]:
    """The ids of those trails that are of an attempt with this id."""
    wanted = attempt_id.encode()
    return {row.id for row in rows if compare_digest(key.unseal(row.attempt, "attempt id", profile_id), wanted)}


def _drop(connection: Connection, profile_id: str, *, enrolled: bool, most: int) -> None:
    """Drop all but the newest trails of one kind."""
    mine = (trails.c.profile_id == profile_id) & trails.c.enrolled.is_(enrolled)
    newest = select(trails.c.id).where(mine).order_by(trails.c.id.desc()).limit(most)
    connection.execute(delete(trails).where(mine, trails.c.id.not_in(newest)))


def _trail_of(data: bytes) -> Trail:
    if len(data) % BANDS:
        raise StoreCorrupt
    return np.frombuffer(data, np.int8).reshape(-1, BANDS)
