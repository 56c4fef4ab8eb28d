"""Random prompts in the store: a row is a prompt that waits to be said, and is gone once it is used."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select

from streamauth.core.phrase.prompt import Prompt, PromptKind
from streamauth.errors import InputError, PromptExpired, StoreCorrupt, TooManyPrompts, UnknownProfile, UnknownPrompt
from streamauth.settings import PromptSettings
from streamauth.store.authentic import PROMPT
from streamauth.store.schema import DEFAULT_TENANT, profiles, prompts, tenants
from streamauth.store.sealed_database import StorePart

_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class OpenPrompt:
    """A prompt for one use.

    Attributes:
        id: Sixteen hexadecimal digits that nobody can guess.
        profile_id: Who must say it; None for anybody of the tenant.
        prompt: The words.
        left_s: How long it may still be said, in seconds, when the store gave this.
    """

    id: str = field(repr=False)
    profile_id: str | None
    prompt: Prompt
    left_s: float


class Prompts(StorePart):
    """Keeping prompts between drawing and use."""

    def add(
        self,
        prompt: Prompt,
        settings: PromptSettings,
        *,
        profile_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> OpenPrompt:
        """Store a prompt, and delete those that have expired.

        Of a profile, one that waits and has most of its time left is given again instead: who draws again and again
        must not come by the words that he would like, or keep the person out by drawing as many as there may be.

        Args:
            prompt: What was drawn.
            settings: How long it lives, and how many there may be.
            profile_id: Who must say it; None for anybody.
            tenant: Whose prompt.

        Raises:
            TooManyPrompts: The profile, or the tenant for prompts of no profile, has as many as there may be.
            UnknownProfile: The tenant has no such profile.
            InputError: There is no such tenant.
        """
        opened = OpenPrompt(secrets.token_hex(_ID_BYTES), profile_id, prompt, settings.lifetime_s)
        mine = (prompts.c.tenant_id == tenant) & prompts.c.profile_id.is_not_distinct_from(profile_id)
        # the row that others who draw at the same moment wait for; SQLite holds its lock already
        owner = select(tenants.c.id).where(tenants.c.id == tenant)
        if profile_id is not None:
            owner = select(profiles.c.id).where(profiles.c.id == profile_id, profiles.c.tenant_id == tenant)
        with self._sealed.write() as connection:
            if connection.scalar(owner.with_for_update()) is None:
                raise InputError("There is no such tenant.") if profile_id is None else UnknownProfile
            now_s = self._sealed.database.now_s(connection)
            self._sealed.drop(connection, PROMPT, prompts.c.id, prompts.c.expires_at_s <= now_s)
            if profile_id is not None and (waiting_one := self._fresh(connection, mine, prompt, now_s, settings)):
                return waiting_one
            waiting = select(func.count()).where(mine, prompts.c.expires_at_s > now_s)
            if connection.execute(waiting).scalar_one() >= settings.max_open:
                raise TooManyPrompts
            words = " ".join(prompt.words).encode("ascii")
            self._sealed.change(connection, PROMPT, opened.id)
            connection.execute(
                insert(prompts).values(
                    id=opened.id,
                    tenant_id=tenant,
                    profile_id=profile_id,
                    kind=prompt.kind,
                    words=self._sealed.key(connection).of_tenant(tenant).seal(words, "prompt", opened.id),
                    expires_at_s=now_s + settings.lifetime_s,
                )
            )
        return opened

    def _fresh(
        self, connection: Connection, mine: ColumnElement[bool], drawn: Prompt, now_s: float, settings: PromptSettings
    ) -> OpenPrompt | None:
        """A prompt of the same kind and length that waits, with at least half of its time left."""
        until_s = now_s + settings.lifetime_s / 2
        waiting = select(prompts).where(mine, prompts.c.kind == drawn.kind, prompts.c.expires_at_s > until_s)
        for row in connection.execute(waiting.order_by(prompts.c.expires_at_s.desc())):
            prompt = self._prompt_of(connection, row)
            if len(prompt.words) == len(drawn.words):
                return OpenPrompt(row.id, row.profile_id, prompt, row.expires_at_s - now_s)
        return None

    def _prompt_of(self, connection: Connection, row: Any) -> Prompt:
        self._sealed.check(connection, PROMPT, row.id)
        key = self._sealed.key(connection).of_tenant(row.tenant_id)
        words = key.unseal(row.words, "prompt", row.id).decode("ascii").split()
        try:
            return Prompt(PromptKind(row.kind), tuple(words))
        except ValueError:
            raise StoreCorrupt from None

    def take(
        self,
        prompt_id: str,
        *,
        bound_to: Collection[str | None] | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> OpenPrompt:
        """Use a prompt up: of all who take it at once, one gets it.

        Args:
            prompt_id: Which one.
            bound_to: Ids of the profiles that it may be of, None among them for a prompt of no profile; a prompt of
                another one stays as it is. Whosever it is, if not given.
            tenant: Whose prompt.

        Raises:
            UnknownPrompt: There is none of this id, or no more, or it is of another profile.
            PromptExpired: It was there, but it is too late.
        """
        this = (prompts.c.id == prompt_id) & (prompts.c.tenant_id == tenant)
        if bound_to is not None:
            this &= or_(False, *(prompts.c.profile_id.is_not_distinct_from(owner) for owner in bound_to))
        with self._sealed.write() as connection:
            row = connection.execute(select(prompts).where(this).with_for_update()).one_or_none()
            if row is None:
                raise UnknownPrompt
            self._sealed.change(connection, PROMPT, row.id)
            connection.execute(delete(prompts).where(prompts.c.id == row.id))
            left_s = row.expires_at_s - self._sealed.database.now_s(connection)
            prompt = self._prompt_of(connection, row)
        if left_s <= 0:
            raise PromptExpired
        return OpenPrompt(row.id, row.profile_id, prompt, left_s)
