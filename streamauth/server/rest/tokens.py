"""REST: random prompts, session tokens for browsers, and the public keys of signed verdicts."""

import secrets

from fastapi import APIRouter, Response

from streamauth.core.phrase.prompt import PromptPlan
from streamauth.protocol.messages import PATH
from streamauth.protocol.purpose import Purpose
from streamauth.server.context import Context
from streamauth.server.rest.models import JsonWebKeySet, NewPrompt, NewSession, PromptBody, SessionBody
from streamauth.server.rest.part import Known, part_of_rest
from streamauth.store.api_keys import Scope

_NONCE_BYTES = 16


def token_routes(context: Context) -> APIRouter:
    """The routes, for one server."""
    routes = part_of_rest()
    authenticator, settings = context.authenticator, context.settings

    @routes.post("/prompts", status_code=201, tags=["prompts"])
    async def draw_prompt(caller: Known, given: NewPrompt) -> PromptBody:
        """Draw a random prompt for one later attempt, of one profile or of anybody. Scope: verify or identify."""
        caller.need(Scope.VERIFY, Scope.IDENTIFY)
        if given.profile_id is None:
            await context.access.draw_prompt(caller)

        def draw() -> PromptBody:
            name, tenant = None, caller.tenant
            if given.profile_id is not None:
                name = authenticator.store.profiles.get_by_id(given.profile_id, tenant=tenant).name
            plan = None if given.kind is None else PromptPlan.of(settings.prompt, given.kind)
            opened = authenticator.prompts.draw(name, plan=plan, tenant=tenant)
            return PromptBody(id=opened.id, text=opened.prompt.text, expires_in_s=opened.left_s)

        return await context.store_pool.run(draw)

    @routes.post("/sessions", status_code=201, tags=["sessions"])
    async def create_session(caller: Known, given: NewSession, response: Response) -> SessionBody:
        """A session token, with which a browser may have one session. Scope: that of the mode."""
        fields = given.model_dump(exclude={"nonce", "among"})
        nonce = given.nonce or secrets.token_urlsafe(_NONCE_BYTES)
        among = None if given.among is None else tuple(given.among)
        purpose = Purpose(**fields, among=among, nonce=nonce).complete()
        token = await context.access.make_token(caller, purpose)
        response.headers["Cache-Control"] = "no-store"
        return SessionBody(
            token=token,
            mode=purpose.mode,
            nonce=nonce,
            expires_in_s=settings.access.token_lifetime_s,
            path=PATH,
            second_factor=settings.access.second_factor,
        )

    @routes.get("/keys.json", tags=["sessions"])
    async def published_keys(response: Response) -> JsonWebKeySet:
        """The keys that signed verdicts are verified with. Public."""
        response.headers["Cache-Control"] = "public, max-age=300"
        return JsonWebKeySet.model_validate(await context.store_pool.run(context.verdicts.published))

    return routes
