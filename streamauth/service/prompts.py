"""Random prompts: drawn, kept until they are said, and used up by one attempt."""

import secrets
from collections.abc import Callable

from streamauth.core.phrase.prompt import Challenge, Prompt, PromptPlan
from streamauth.service.attempts import Demand
from streamauth.settings import Settings
from streamauth.store.prompts import OpenPrompt
from streamauth.store.schema import DEFAULT_TENANT
from streamauth.store.store import Store


class Prompts:
    """Draws and takes prompts.

    Args:
        store: Where profiles and prompts are.
        settings: All settings.
        clock: Seconds.
    """

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float]) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._random = secrets.SystemRandom()

    def draw(
        self, name: str | None = None, *, plan: PromptPlan | None = None, tenant: str = DEFAULT_TENANT
    ) -> OpenPrompt:
        """Draw a random prompt for one later attempt.

        Args:
            name: Who must say it; without it, anybody of the tenant.
            plan: What to draw; as the settings say, if not given.
            tenant: Whose prompt.

        Raises:
            UnknownProfile: There is no profile of that name.
            TooManyPrompts: As many as there may be are open.
            StoreError: The store cannot be used.
        """
        profile_id = None if name is None else self._store.profiles.get(name, tenant=tenant).id
        prompt = (plan or PromptPlan.of(self._settings.prompt)).draw(self._random)
        return self._store.prompts.add(prompt, self._settings.prompt, profile_id=profile_id, tenant=tenant)

    def take(self, prompt_id: str, *, tenant: str = DEFAULT_TENANT) -> OpenPrompt:
        """Use a prompt up, to have it checked by ``Authenticator.check_prompt``.

        Raises:
            UnknownPrompt, PromptExpired: It cannot be used any more.
            StoreError: The store cannot be used.
        """
        return self._store.prompts.take(prompt_id, tenant=tenant)

    def demand(
        self,
        wanted: str | PromptPlan | Prompt | None,
        profile_id: str | None,
        tenant: str,
        *,
        after_phrase: bool = False,
    ) -> Demand | None:
        """What an attempt asks its speaker to say; None where nothing is wanted.

        Args:
            wanted: The id of a prompt that waits, or what to draw for this attempt, or what was drawn for several
                attempts on the same audio.
            profile_id: Who must say it; None for an identification, which takes a prompt of anybody.
            tenant: Whose prompt.
            after_phrase: Whether the pass phrase is said before it.

        Raises:
            UnknownPrompt, PromptExpired: The waiting prompt cannot be used.
        """
        if wanted is None:
            return None
        now_s = self._clock()

        def demanded(prompt: Prompt, left_s: float, use: Callable[[], None] = lambda: None) -> Demand:
            return Demand(Challenge(prompt, left_s), after_phrase, lambda: self._clock() < now_s + left_s, use)

        if isinstance(wanted, Prompt):
            return demanded(wanted, self._settings.prompt.lifetime_s)
        if isinstance(wanted, PromptPlan) and profile_id is None:
            # nobody's in particular: there is nothing to store
            return demanded(wanted.draw(self._random), self._settings.prompt.lifetime_s)
        if isinstance(wanted, PromptPlan):
            # whoever begins again and again without a word is asked for the same words
            drawn = wanted.draw(self._random)
            opened = self._store.prompts.add(drawn, self._settings.prompt, profile_id=profile_id, tenant=tenant)
            return demanded(
                opened.prompt, opened.left_s, _once(lambda: self._store.prompts.take(opened.id, tenant=tenant))
            )
        bound_to = (None,) if profile_id is None else (profile_id, None)
        taken = self._store.prompts.take(wanted, bound_to=bound_to, tenant=tenant)
        return demanded(taken.prompt, taken.left_s)


def _once(call: Callable[[], object]) -> Callable[[], None]:
    """The same call, made the first time only."""
    waiting = [call]

    def once() -> None:
        if waiting:
            waiting.pop()()

    return once
