"""Profiles: who is known to a tenant, with their pass phrases and counts."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from streamauth.errors import BadPhrase, InputError, ProfileExists, UnknownProfile
from streamauth.store.audit import Receipt, note
from streamauth.store.authentic import NAME, PROFILE, TRAILS
from streamauth.store.changes import next_change, remove, touch
from streamauth.store.names import look_alike_key, same_name, stored_name
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.records import (
    Profile,
    ProfileKind,
    ProfileSummary,
    audio_seconds,
    phrase_bytes,
    profile_of,
)
from streamauth.store.schema import (
    DEFAULT_TENANT,
    Sealed,
    attempts,
    enrollments,
    profiles,
    recordings,
    templates,
    tenants,
    trails,
    voiceprints,
)
from streamauth.store.sealed_database import StorePart

MAX_CONSENT = 64
DAY_MS = 86_400_000


class Profiles(StorePart):
    """Making, finding, listing and deleting profiles."""

    def create(
        self,
        name: str,
        kind: ProfileKind,
        *,
        phrase: str | None = None,
        locale: str = "en-US",
        tenant: str = DEFAULT_TENANT,
        profile_id: str | None = None,
        consent: str | None = None,
    ) -> Profile:
        """Make a profile; ``profile_id`` is a new GUID where its maker needs to know it before.

        ``consent`` is the version of the text that the person has agreed to.

        Raises:
            BadProfileName: The name cannot be used.
            BadPhrase: The phrase is blank, or the kind has none.
            ProfileExists: The tenant has a profile of this name, or of one that looks the same.
            InputError: There is no such tenant.
        """
        profile_id, name = profile_id or str(uuid.uuid4()), stored_name(name)
        with self._sealed.write() as connection:
            change = next_change(connection)
            if connection.scalar(select(tenants.c.id).where(tenants.c.id == tenant)) is None:
                raise InputError("There is no such tenant.")
            looks = look_alike_key(name)
            alike = (profiles.c.tenant_id == tenant) & (profiles.c.looks == looks)
            if connection.scalar(select(profiles.c.id).where(alike)) is not None:
                raise ProfileExists(
                    "There is a profile of this name, or of one that looks the same. Take another name."
                )
            now_ms = self._sealed.database.now_ms(connection)
            values: dict[str, Any] = {
                "id": profile_id,
                "tenant_id": tenant,
                "name": name,
                "looks": looks,
                "kind": kind,
                "locale": locale,
                "created_ms": now_ms,
                "updated_ms": now_ms,
                "number": change,
                "change": change,
            }
            if consent is not None:
                values |= {"consent": _usable_consent(consent), "consent_ms": now_ms}
            store_key = self._sealed.key(connection)
            own_key = ProfileKey.generate(store_key)
            values["own_key"] = own_key.wrapped(store_key, tenant, profile_id)
            if phrase is not None:
                if kind is not ProfileKind.TEXT_DEPENDENT:
                    raise BadPhrase("A text-independent profile has no pass phrase.")
                values["phrase"] = own_key.seal(phrase_bytes(phrase), "phrase", profile_id)
            self._sealed.change(connection, PROFILE, profile_id)
            self._sealed.change(connection, NAME, tenant, looks)
            connection.execute(insert(profiles).values(values))
            note(self._sealed, connection, "profile.created", subject=profile_id)
            return self._profile(connection, profiles.c.id == profile_id)

    def get(self, name: str, *, tenant: str = DEFAULT_TENANT) -> Profile:
        """The profile of a name, in upper or lower case.

        Raises:
            UnknownProfile: The tenant has none of this name.
            BadProfileName: It cannot be a name.
        """
        name = stored_name(name)
        with self._sealed.read() as connection:
            try:
                return self._profile(connection, *_named(name, tenant))
            except UnknownProfile:
                spelled = spelled_name(connection, name, tenant)
                if spelled is None:
                    self._sealed.check(connection, NAME, tenant, look_alike_key(name))
                    raise
            return self._profile(connection, *_named(spelled, tenant))

    def get_by_id(self, profile_id: str, *, tenant: str = DEFAULT_TENANT) -> Profile:
        """The profile of an id.

        Raises:
            UnknownProfile: The tenant has none of this id.
        """
        with self._sealed.read() as connection:
            return self._profile(connection, profiles.c.id == profile_id, profiles.c.tenant_id == tenant)

    def count(self, tenant: str = DEFAULT_TENANT) -> int:
        """How many profiles a tenant has."""
        with self._sealed.read() as connection:
            mine = select(func.count()).select_from(profiles).where(profiles.c.tenant_id == tenant)
            return int(connection.scalar(mine) or 0)

    def ids(self, tenant: str = DEFAULT_TENANT) -> list[str]:
        """The ids of all profiles of a tenant."""
        with self._sealed.read() as connection:
            return list(connection.scalars(select(profiles.c.id).where(profiles.c.tenant_id == tenant)))

    def marks(self, names: Sequence[str], *, tenant: str = DEFAULT_TENANT) -> dict[str, int]:
        """The number of the last change of each profile that has one of these names, by its id."""
        wanted = frozenset(names)
        query = select(profiles.c.id, profiles.c.name, profiles.c.change).where(profiles.c.tenant_id == tenant)
        with self._sealed.read() as connection:
            return {row.id: row.change for row in connection.execute(query) if row.name in wanted}

    def summaries(
        self, *, name: str | None = None, encoder_id: str | None = None, tenant: str = DEFAULT_TENANT
    ) -> list[ProfileSummary]:
        """The profiles of a tenant with their counts, by name.

        Args:
            name: Only this one.
            encoder_id: Count only utterances for this encoder.
            tenant: Whose profiles.

        Raises:
            UnknownProfile: The tenant has none of this name.
        """
        counts = select(
            enrollments.c.profile_id,
            func.count(),
            func.sum(enrollments.c.speech_s),
            func.sum(enrollments.c.audio_s),
        )
        if encoder_id is not None:
            counts = counts.where(enrollments.c.encoder_id == encoder_id)
        with self._sealed.read() as connection:
            mine = [profiles.c.tenant_id == tenant]
            if name is not None:
                mine = _named(spelled_name(connection, stored_name(name), tenant) or "", tenant)
            key = self._sealed.key(connection)
            rows = connection.execute(select(profiles).where(*mine).order_by(profiles.c.name)).all()
            counts = counts.join(profiles).where(*mine).group_by(enrollments.c.profile_id)
            counted = {row[0]: tuple(row[1:]) for row in connection.execute(counts)}
            encoders: dict[str, list[str]] = {}
            of = select(voiceprints.c.profile_id, voiceprints.c.encoder_id).join(profiles).where(*mine)
            for profile_id, encoder in connection.execute(of.order_by(voiceprints.c.encoder_id)):
                encoders.setdefault(profile_id, []).append(encoder)
            charged = select(attempts.c.profile_id, func.count()).join(profiles).where(*mine)
            size = func.sum(func.length(recordings.c.audio))
            kept = select(recordings.c.profile_id, size).join(profiles).where(*mine)
            audio = {row[0]: int(row[1]) for row in connection.execute(kept.group_by(recordings.c.profile_id))}
            failures = {row[0]: row[1] for row in connection.execute(charged.group_by(attempts.c.profile_id))}
        if name is not None and not rows:
            raise UnknownProfile
        return [
            ProfileSummary(
                profile_of(row, key),
                utterances,
                speech_s,
                audio_s,
                tuple(encoders.get(row.id, ())),
                failures.get(row.id, 0),
                audio_seconds(audio.get(row.id, 0)),
            )
            for row in rows
            for utterances, speech_s, audio_s in [counted.get(row.id, (0, 0.0, 0.0))]
        ]

    def kept(self, profile_id: str) -> dict[str, list[dict[str, Any]]]:
        """What is kept of a profile in other tables: of each row all but what is sealed, of that the size in bytes."""
        found = {}
        with self._sealed.read() as connection:
            for table in (enrollments, voiceprints, templates, recordings, trails, attempts):
                columns = [
                    func.length(column).label(f"{column.name}_bytes") if isinstance(column.type, Sealed) else column
                    for column in table.c
                    if column.name != "profile_id"
                ]
                rows = connection.execute(select(*columns).where(table.c.profile_id == profile_id)).mappings()
                found[table.name] = [dict(row) for row in rows]
        return found

    def reset(self, profile_id: str) -> None:
        """Remove every trace of the phrase, the enrollments and the voiceprints. Failures stay counted.

        Raises:
            UnknownProfile: The profile is gone.
            StoreBusy, DiskFull: Where the message says so, it is done, but traces remain for now.
        """
        with self._sealed.erase() as connection:
            touch(self._sealed, connection, profile_id, self._sealed.database.now_ms(connection))
            self._sealed.forget(connection, TRAILS, profile_id)
            for table in (enrollments, voiceprints, templates, trails):
                connection.execute(delete(table).where(table.c.profile_id == profile_id))
            this = profiles.c.id == profile_id
            tenant = connection.execute(select(profiles.c.tenant_id).where(this)).scalar_one()
            key = self._sealed.key(connection)
            # the former key goes, and with it the rotation: what is enrolled next is unlike what was
            fresh = ProfileKey.generate(key).wrapped(key, tenant, profile_id)
            connection.execute(update(profiles).where(this).values(phrase=None, own_key=fresh))
            note(self._sealed, connection, "profile.reset", subject=profile_id)

    def consented(self, profile_id: str, consent: str) -> None:
        """Record that the person has agreed to a version of the text, now.

        Raises:
            UnknownProfile: The profile is gone.
            InputError: It cannot be the name of a version.
        """
        with self._sealed.write() as connection:
            now_ms = self._sealed.database.now_ms(connection)
            touch(self._sealed, connection, profile_id, now_ms)
            values = {"consent": _usable_consent(consent), "consent_ms": now_ms}
            connection.execute(update(profiles).where(profiles.c.id == profile_id).values(values))
            note(self._sealed, connection, "profile.consented", subject=profile_id)

    def uses(self, tenant: str = DEFAULT_TENANT) -> dict[str, int]:
        """When each profile of a tenant was last accepted, in milliseconds since the epoch, by its id."""
        mine = (profiles.c.tenant_id == tenant) & profiles.c.used_ms.is_not(None)
        with self._sealed.read() as connection:
            rows = connection.execute(select(profiles.c.id, profiles.c.used_ms).where(mine)).all()
        return {row.id: int(row.used_ms) for row in rows}

    def use(self, profile_id: str, used_ms: int) -> None:
        """Note an accept that another store has settled, unless a later one is known; nothing where it is gone."""
        this = profiles.c.id == profile_id
        with self._sealed.write() as connection:
            row = connection.execute(select(profiles.c.used_ms).where(this).with_for_update()).one_or_none()
            used_ms = min(used_ms, self._sealed.database.now_ms(connection))  # another clock may be ahead
            if row is not None and (row.used_ms or 0) < used_ms:
                self._sealed.change(connection, PROFILE, profile_id)
                connection.execute(update(profiles).where(this).values(used_ms=used_ms))

    def unused(self, days: float) -> list[str]:
        """Ids of the profiles of all tenants that were neither accepted nor changed for so many days."""
        last = func.coalesce(profiles.c.used_ms, 0)
        with self._sealed.read() as connection:
            before_ms = self._sealed.database.now_ms(connection) - round(days * DAY_MS)
            old = select(profiles.c.id).where(last < before_ms, profiles.c.updated_ms < before_ms)
            return list(connection.scalars(old.order_by(profiles.c.id)))

    def delete(self, *profile_ids: str, actor: str | None = None, reason: str = "") -> list[Receipt]:
        """Remove every trace of the profiles, or change nothing if one is unknown.

        The database may be written anew for that, so delete many profiles by one call.

        Args:
            profile_ids: Which.
            actor: The API key behind it, for the audit log.
            reason: Why, for the audit log; empty where somebody asked for it.

        Returns:
            For each of them what proves that it was deleted.

        Raises:
            UnknownProfile: One of them is gone.
            StoreBusy, DiskFull: Where the message says so, it is done, but traces remain for now.
        """
        with self._sealed.erase() as connection:
            for profile_id in profile_ids:
                remove(self._sealed, connection, profile_id)
            # the log's lock comes after those of all rows
            return [
                note(self._sealed, connection, "profile.deleted", subject=each, outcome=reason, actor=actor)
                for each in profile_ids
            ]

    def _profile(self, connection: Connection, *conditions: Any) -> Profile:
        row = connection.execute(select(profiles).where(*conditions)).one_or_none()
        if row is None:
            raise UnknownProfile
        self._sealed.check(connection, PROFILE, row.id)
        return profile_of(row, self._sealed.key(connection))


def _usable_consent(consent: str) -> str:
    if not 1 <= len(consent) <= MAX_CONSENT or not consent.isprintable():
        raise InputError(f"The version of a text has 1 to {MAX_CONSENT} characters.")
    return consent


def spelled_name(connection: Connection, name: str, tenant: str) -> str | None:
    """The name of the profile that is called so, as its owner spells it; None if the tenant has none.

    Args:
        connection: To the store.
        name: In its stored form, in upper or lower case.
        tenant: Whose profiles.
    """
    # the table of what looks alike takes long to load, and most names are given as they are spelled
    if connection.scalar(select(profiles.c.id).where(*_named(name, tenant))) is not None:
        return name
    alike = (profiles.c.looks == look_alike_key(name)) & (profiles.c.tenant_id == tenant)
    found: str | None = connection.scalar(select(profiles.c.name).where(alike))
    return found if found is not None and same_name(found, name) else None


def _named(name: str, tenant: str) -> list[Any]:
    return [profiles.c.name == name, profiles.c.tenant_id == tenant]
