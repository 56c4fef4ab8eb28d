"""Trails: by which a recording of an earlier attempt or of the enrollment is known when it is played again.

A trail is sealed as a voiceprint is, and goes with its profile. Those of the enrollment stay; those of attempts are
kept for a limited time, and only the newest of them.
"""

import numpy as np
from sqlalchemy import Connection, delete, insert, select

from streamauth.core.replay.trail import BANDS, Trail
from streamauth.core.settings import ReplaySettings
from streamauth.errors import StoreCorrupt
from streamauth.store.authentic import TRAILS
from streamauth.store.schema import profiles, trails
from streamauth.store.sealed_database import SealedDatabase

_DAY_MS = 86_400_000
MOST_ENROLLED = 64
"""Trails of enrollment utterances that a profile may have; the oldest goes first."""


class Trails:
    """Keeping and reading trails.

    Args:
        sealed: The open database with its key.
    """

    def __init__(self, sealed: SealedDatabase) -> None:
        self._sealed = sealed

    def of(self, profile_id: str, settings: ReplaySettings) -> list[Trail]:
        """The trails of a profile that are not too old, newest first.

        Raises:
            StoreCorrupt: One is damaged.
        """
        with self._sealed.read() as connection:
            since_ms = self._sealed.database.now_ms(connection) - round(settings.keep_days * _DAY_MS)
            kept = trails.c.enrolled | (trails.c.made_ms >= since_ms)
            rows = connection.execute(
                select(trails).where(trails.c.profile_id == profile_id, kept).order_by(trails.c.id.desc())
            ).all()
            self._sealed.check(connection, TRAILS, profile_id)
            key = self._sealed.profile_key(connection, profile_id) if rows else None
        return [] if key is None else [_trail_of(key.unseal(row.trail, "trail", profile_id)) for row in rows]

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

    def keep(self, profile_id: str, trail: Trail, settings: ReplaySettings, *, enrolled: bool) -> None:
        """Keep the trail of an attempt or of an enrollment utterance; nothing where the profile is gone.

        Args:
            profile_id: Whose it is.
            trail: The trail.
            settings: How many, and how long.
            enrolled: Whether it belongs to the enrollment.
        """
        if not len(trail):
            return
        with self._sealed.write() as connection:
            if connection.scalar(select(profiles.c.id).where(profiles.c.id == profile_id)) is None:
                return
            self._sealed.change(connection, TRAILS, profile_id)
            now_ms = self._sealed.database.now_ms(connection)
            sealed = self._sealed.profile_key(connection, profile_id).seal(trail.tobytes(), "trail", profile_id)
            values = {"profile_id": profile_id, "made_ms": now_ms, "enrolled": enrolled, "trail": sealed}
            connection.execute(insert(trails).values(values))
            _drop(connection, profile_id, enrolled=True, most=MOST_ENROLLED)
            _drop(connection, profile_id, enrolled=False, most=settings.keep_trails)
            old_ms = now_ms - round(settings.keep_days * _DAY_MS)
            mine = (trails.c.profile_id == profile_id) & trails.c.enrolled.is_(False)
            connection.execute(delete(trails).where(mine, trails.c.made_ms < old_ms))


def _drop(connection: Connection, profile_id: str, *, enrolled: bool, most: int) -> None:
    """Drop all but the newest trails of one kind."""
    mine = (trails.c.profile_id == profile_id) & trails.c.enrolled.is_(enrolled)
    newest = select(trails.c.id).where(mine).order_by(trails.c.id.desc()).limit(most)
    connection.execute(delete(trails).where(mine, trails.c.id.not_in(newest)))


def _trail_of(data: bytes) -> Trail:
    if len(data) % BANDS:
        raise StoreCorrupt
    return np.frombuffer(data, np.int8).reshape(-1, BANDS)
