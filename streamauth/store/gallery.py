"""The gallery: all voiceprints of a tenant for identification, unsealed once and kept in memory.

Each use compares one change number with the database's and reads only what has changed since (``store.changes``). Who
is named by an identification is read again before the speaker is told (``confirming``).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from streamauth.core.ports import Voiceprint
from streamauth.errors import EncoderChanged, NobodyToIdentify, StoreCorrupt, UnknownProfile, VoiceprintChanged
from streamauth.store.authentic import PROFILE
from streamauth.store.changes import KEPT_REMOVALS, latest_change
from streamauth.store.names import stored_name
from streamauth.store.overlay import Overlay
from streamauth.store.profile_keys import ProfileKey
from streamauth.store.profiles import spelled_name
from streamauth.store.records import opened_voiceprint, opened_voiceprints
from streamauth.store.schema import DEFAULT_TENANT, profiles, removals, voiceprints
from streamauth.store.sealed_database import SealedDatabase
from streamauth.store.sealing import SealingKey
from streamauth.store.standing import Check, check_key
from streamauth.store.templates import FOLLOWING, Template, templates_of
from streamauth.store.voiceprints import explain_absence

_BATCH = 2_000
_SAME = 1e-6
"""Two enrollments of a voice differ by a thousand times that."""


@dataclass(frozen=True, slots=True, eq=False)
class Enrolled:
    """A profile that a voice can be compared with.

    Attributes:
        profile_id: Whose voiceprints these are.
        name: The profile's name.
        voiceprint: The enrolled one.
        templates: Further ones, in order of their labels.
        change: Number of the profile's last change.
    """

    profile_id: str
    name: str = field(repr=False)
    voiceprint: Voiceprint = field(repr=False)
    templates: tuple[Template, ...]
    change: int


class Gallery:
    """Finding everybody whom a voice can be compared with."""

    def __init__(self, sealed: SealedDatabase) -> None:
        self._sealed = sealed
        self._lock = Lock()
        self._kept: dict[tuple[str, str], _Kept] = {}

    def latest_change(self) -> int:
        """The number of the latest change of any profile or API key."""
        with self._sealed.read() as connection:
            return latest_change(connection)

    def enrolled(
        self, encoder_id: str, *, names: Sequence[str] | None = None, tenant: str = DEFAULT_TENANT
    ) -> list[Enrolled]:
        """The profiles of a tenant that are enrolled for one encoder, by name.

        Args:
            encoder_id: The encoder in use.
            names: Only these profiles, which must all be enrolled; every enrolled one if None.
            tenant: Whose profiles.

        Raises:
            UnknownProfile, ProfileNotEnrolled: One that is named is not there, or not enrolled.
            EncoderChanged: One that is named, or everyone, is enrolled for another encoder only.
            NobodyToIdentify: No profile is enrolled, or none was named.
        """
        if names is None:
            everybody = self.everybody(encoder_id, tenant=tenant)
            return [everybody[name] for name in sorted(everybody)]
        wanted = {stored_name(name) for name in names}
        if not wanted:
            raise NobodyToIdentify
        with self._sealed.read() as connection:
            by_name = self._of(tenant, encoder_id).by_name(connection)
            wanted = {name if name in by_name else spelled_name(connection, name, tenant) or name for name in wanted}
            return [by_name.get(name) or _missing(connection, name, tenant) for name in sorted(wanted)]

    def everybody(self, encoder_id: str, *, tenant: str = DEFAULT_TENANT) -> Overlay[str, Enrolled]:
        """All enrolled profiles of a tenant by name, in no order; the same object until one changes.

        Raises:
            EncoderChanged: Everyone is enrolled for another encoder only.
            NobodyToIdentify: No profile is enrolled.
        """
        with self._sealed.read() as connection:
            by_name = self._of(tenant, encoder_id).by_name(connection)
            if not by_name:
                of_tenant = select(voiceprints).join(profiles).where(profiles.c.tenant_id == tenant).exists()
                raise EncoderChanged if connection.scalar(select(of_tenant)) else NobodyToIdentify
        return by_name

    def _of(self, tenant: str, encoder_id: str) -> "_Kept":
        with self._lock:
            return self._kept.setdefault((tenant, encoder_id), _Kept(self._sealed, tenant, encoder_id))

    def confirming(self, enrolled: Enrolled, encoder_id: str, key_id: str | None = None) -> Check:
        """What reads a profile again inside of the transaction that settles an accept; it raises

        UnknownProfile, ProfileNotEnrolled, EncoderChanged: It is gone, or no more enrolled.
        VoiceprintChanged: It has another name, or other voiceprints, than those that were compared with.
        Unauthorized: The API key behind the attempt was revoked.
        StoreTampered: The profile is not as streamauth wrote it.
        """
        this = select(profiles.c.name, profiles.c.change, voiceprints.c.embedding).join(voiceprints)
        this = this.where(profiles.c.id == enrolled.profile_id, voiceprints.c.encoder_id == encoder_id)

        def check(sealed: SealedDatabase, connection: Connection) -> None:
            check_key(sealed, connection, key_id)
            row = connection.execute(this).one_or_none()
            if row is None:
                explain_absence(connection, enrolled.profile_id)
            # once, of the one who is accepted: the others in the gallery decide nothing
            sealed.check(connection, PROFILE, enrolled.profile_id)
            if row.change == enrolled.change:
                return
            key = self._sealed.profile_key(connection, enrolled.profile_id)
            voiceprint = opened_voiceprint(key, row.embedding, "voiceprint", enrolled.profile_id, encoder_id)
            present = templates_of(connection, lambda _: key, (enrolled.profile_id,), encoder_id)[enrolled.profile_id]
            same = row.name == enrolled.name and _equal(voiceprint, enrolled.voiceprint)
            if not same or not all(_is_among(template, present) for template in enrolled.templates):
                raise VoiceprintChanged

        return check


class _Kept:
    """The profiles of one tenant and encoder, as of one change number."""

    def __init__(self, sealed: SealedDatabase, tenant: str, encoder_id: str) -> None:
        self._sealed = sealed
        self._tenant = tenant
        self._encoder_id = encoder_id
        self._lock = Lock()
        self._change = -1
        self._names: dict[int, str] = {}
        self._by_name: Overlay[str, Enrolled] = Overlay({})

    def by_name(self, connection: Connection) -> Overlay[str, Enrolled]:
        """Those of the state that the connection sees, or of a later one."""
        with self._lock:
            latest = latest_change(connection)
            if latest > self._change:
                self._refresh(connection)
                self._change = latest
            return self._by_name

    def _refresh(self, connection: Connection) -> None:
        everything = latest_change(connection) - self._change >= KEPT_REMOVALS or self._change < 0
        found: dict[int, Enrolled | None] = {}
        query = (
            select(
                *(profiles.c.id, profiles.c.name, profiles.c.number, profiles.c.change),
                *(profiles.c.tenant_id, profiles.c.own_key, voiceprints.c.embedding),
            )
            .outerjoin(
                voiceprints,
                (voiceprints.c.profile_id == profiles.c.id) & (voiceprints.c.encoder_id == self._encoder_id),
            )
            .where(profiles.c.tenant_id == self._tenant)
        )
        if everything:
            # as they come: a million at once would be held twice
            query = query.where(voiceprints.c.embedding.is_not(None)).execution_options(yield_per=_BATCH)
            self._sealed.database.patient(connection)
        else:
            query = query.where(profiles.c.change > self._change)
            gone = select(removals.c.number).where(removals.c.change > self._change)
            found = {number: None for number in connection.scalars(gone) if number in self._names}
        key = self._sealed.key(connection)
        for some in connection.execute(query).partitions(_BATCH):
            found |= {row.number: None for row in some if everything or row.number in self._names}
            try:
                found |= self._unsealed(connection, key, some)
            except StoreCorrupt:
                # one after the other, so that only the damaged ones are left out: nobody is accepted as they are
                for row in some:
                    with suppress(StoreCorrupt):
                        found |= self._unsealed(connection, key, [row])
        names = {number: one.name for number, one in found.items() if one is not None}
        fresh = {one.name: one for one in found.values() if one is not None}
        if everything:
            self._names, self._by_name = names, Overlay(fresh)
        elif found:  # else whatever changed is of other tenants
            former = [self._names.pop(number) for number in found if number in self._names]
            self._names |= names
            self._by_name = self._by_name.changed(former, fresh)

    def _unsealed(self, connection: Connection, key: SealingKey, rows: Sequence[Any]) -> dict[int, Enrolled]:
        """The profiles of rows that are enrolled, by number."""
        rows = [row for row in rows if row.embedding is not None]
        if not rows:
            return {}
        keys = {row.id: ProfileKey.of(key, row) for row in rows}
        beside = templates_of(connection, keys.__getitem__, list(keys), self._encoder_id)
        whole = opened_voiceprints(
            [(keys[row.id], row.embedding, ("voiceprint", row.id, self._encoder_id)) for row in rows]
        )
        return {
            row.number: Enrolled(row.id, row.name, voiceprint, tuple(beside[row.id]), row.change)
            for row, voiceprint in zip(rows, whole, strict=True)
        }


def _missing(connection: Connection, name: str, tenant: str) -> Enrolled:
    this = select(profiles.c.id).where(profiles.c.name == name, profiles.c.tenant_id == tenant)
    profile_id = connection.scalar(this)
    if profile_id is None:
        raise UnknownProfile
    explain_absence(connection, profile_id)


def _is_among(template: Template, present: Sequence[Template]) -> bool:
    """Whether a template is still there; the one that follows the voice may have moved on."""
    return any(
        one.label == template.label and (one.label == FOLLOWING or _equal(one.voiceprint, template.voiceprint))
        for one in present
    )


def _equal(one: Voiceprint, other: Voiceprint) -> bool:
    """Whether they are the same, turned back one by one or together with others, which may differ in the last digit."""
    return one.shape == other.shape and np.allclose(one, other, rtol=0.0, atol=_SAME)
