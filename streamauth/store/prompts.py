"""Random prompts in the store: a row is a prompt that waits to be said, and is gone once it is used."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import delete, func, insert, select

from streamauth.core.phrase.prompt import Prompt, PromptKind
from streamauth.errors import InputError, PromptExpired, StoreCorrupt, TooManyPrompts, UnknownProfile, UnknownPrompt
from streamauth.settings import PromptSettings
from streamauth.store.opening import OpenStore
from streamauth.store.schema import DEFAULT_TENANT, profiles, prompts, tenants

_ID_BYTES = 8


@dataclass(frozen=True, slots=True)
class OpenPrompt:
    """A prompt for one use.

    Attributes:
        id: Sixteen hexadecimal digits that nobody can guess.
        profile_id: Who must say it; None for anybody of the tenant.
        prompt: The words.
        expires_at_s: The moment from which on it is too late, in seconds since the epoch.
    """

    id: str = field(repr=False)
    profile_id: str | None
    prompt: Prompt
    expires_at_s: float


class Prompts(OpenStore):
    """Keeping prompts between drawing and use."""

    def add_prompt(
        self,
        prompt: Prompt,
        now_s: float,
        settings: PromptSettings,
        *,
        profile_id: str | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> OpenPrompt:
        """Store a prompt, and sweep those that have expired.

        Args:
            prompt: What was drawn.
            now_s: The time, in seconds since the epoch.
            settings: How long it lives, and how many there may be.
            profile_id: Who must say it; None for anybody.
            tenant: Whose prompt.

        Raises:
            TooManyPrompts: The profile, or the tenant for prompts of no profile, has as many as there may be.
            UnknownProfile: The tenant has no such profile.
            InputError: There is no such tenant.
        """
        opened = OpenPrompt(secrets.token_hex(_ID_BYTES), profile_id, prompt, now_s + settings.lifetime_s)
        mine = (prompts.c.tenant_id == tenant) & prompts.c.profile_id.is_not_distinct_from(profile_id)
        # the row that others who draw at the same moment wait for; SQLite holds its lock already
        owner = select(tenants.c.id).where(tenants.c.id == tenant)
        if profile_id is not None:
            owner = select(profiles.c.id).where(profiles.c.id == profile_id, profiles.c.tenant_id == tenant)
        with self._database.write() as connection:
            if connection.scalar(owner.with_for_update()) is None:
                raise InputError("There is no such tenant.") if profile_id is None else UnknownProfile
            connection.execute(delete(prompts).where(prompts.c.expires_at_s <= now_s))
            if connection.execute(select(func.count()).where(mine)).scalar_one() >= settings.max_open:
                raise TooManyPrompts
            connection.execute(
                insert(prompts).values(
                    id=opened.id,
                    tenant_id=tenant,
                    profile_id=profile_id,
                    kind=prompt.kind,
                    words=self._key(connection).seal(" ".join(prompt.words).encode("ascii"), "prompt", opened.id),
                    expires_at_s=opened.expires_at_s,
                )
            )
        return opened

    def take_prompt(
        self,
        prompt_id: str,
        now_s: float,
        *,
        bound_to: Collection[str | None] | None = None,
        tenant: str = DEFAULT_TENANT,
    ) -> OpenPrompt:
        """Use a prompt up: of all who take it at once, one gets it.

        Args:
            prompt_id: Which one.
            now_s: The time, in seconds since the epoch.
            bound_to: Ids of the profiles that it may be of, None among them for a prompt of no profile; a prompt of
                another one stays as it is. Whosever it is, if not given.
            tenant: Whose prompt.

        Raises:
            UnknownPrompt: There is none of this id, or no more, or it is of another profile.
            PromptExpired: It was there, but it is too late.
        """
        this = (prompts.c.id == prompt_id) & (prompts.c.tenant_id == tenant)
        with self._database.write() as connection:
            row = connection.execute(select(prompts).where(this)).one_or_none()
            if row is None or (bound_to is not None and row.profile_id not in bound_to):
                raise UnknownPrompt
            if connection.execute(delete(prompts).where(this)).rowcount != 1:
                raise UnknownPrompt  # somebody else was quicker, where reading takes no lock
            words = self._key(connection).unseal(row.words, "prompt", row.id).decode("ascii").split()
        try:
            prompt = Prompt(PromptKind(row.kind), tuple(words))
        except ValueError:
            raise StoreCorrupt from None
        if row.expires_at_s <= now_s:
            raise PromptExpired
        return OpenPrompt(row.id, row.profile_id, prompt, row.expires_at_s)
