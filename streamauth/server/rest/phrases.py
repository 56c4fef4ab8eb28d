"""REST: what a pass phrase is worth, before anybody says it."""

from fastapi import APIRouter

from streamauth.errors import BadPhrase, WeakPhrase
from streamauth.server.context import Context
from streamauth.server.rest.models import NewPhrase, PhraseWorth
from streamauth.server.rest.part import Known, part_of_rest
from streamauth.store.api_keys import Scope


def phrase_routes(context: Context) -> APIRouter:
    """The routes, for one server."""
    routes = part_of_rest("profiles")
    phrases, settings = context.authenticator.phrases, context.settings.phrase

    @routes.post("/phrases")
    async def judge_phrase(caller: Known, given: NewPhrase) -> PhraseWorth:
        """Whether a phrase can be a pass phrase, and how strong it is; nothing is stored. Scope: enroll."""
        caller.need(Scope.ENROLL)

        def judge() -> PhraseWorth:
            try:
                words, worth = phrases.words(given.phrase)
            except BadPhrase as error:
                return PhraseWorth(
                    words=[], usable=False, strength=None, reason=error.message, code=error.code, proposed_sounds=None
                )
            weakness = None if worth is None else worth.weakness(settings)
            return PhraseWorth(
                words=list(words),
                usable=not weakness,
                strength=None if worth is None else worth.level.value,
                reason=weakness or None,
                code=WeakPhrase.code if weakness else None,
                proposed_sounds=phrases.proposed_sounds(words) or None,
            )

        return await context.workers.run(judge)

    return routes
