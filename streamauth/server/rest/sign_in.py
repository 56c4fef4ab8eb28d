"""REST: signing in at the server's own pages by an API key, which then lies in no page and no browser storage."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from streamauth.server.access import Caller
from streamauth.server.context import Context
from streamauth.server.rest.part import part_of_rest
from streamauth.server.sign_in import check_page, give_cookie, shown_secret, take_cookie
from streamauth.store.api_keys import Scope


class NewSignIn(BaseModel, extra="forbid", strict=True, hide_input_in_errors=True):
    """An API key, in the body alone: addresses end up in logs."""

    key: Annotated[str, Field(min_length=1, max_length=256)]


class SignedInBody(BaseModel):
    """Who is at the page."""

    key_id: str | None = Field(description="The API key; null for who shows none.")
    scopes: list[Scope]


def sign_in_routes(context: Context) -> APIRouter:
    """The routes, for one server."""
    routes = part_of_rest("sign-in")
    store, pool = context.authenticator.store, context.store_pool

    @routes.post("/sign-in")
    async def sign_in(given: NewSignIn, request: Request, response: Response) -> SignedInBody:
        """Sign in at a page of this server: sets a cookie that no script can read. For these pages alone."""
        check_page(request.scope)
        caller, secret = await context.access.sign_in(request.scope, given.key)
        give_cookie(request.scope, response, secret)
        return _described(caller, response)

    @routes.get("/sign-in")
    async def who_is_it(request: Request, response: Response) -> SignedInBody:
        """Who sends this request, by whatever they show; nobody has no scopes."""
        caller = await context.access.caller(request.scope)
        return _described(caller, response)

    @routes.delete("/sign-in", status_code=204)
    async def sign_out(request: Request, response: Response) -> None:
        """Sign out; the cookie is worth nothing any more."""
        secret = shown_secret(request.scope)
        if secret is not None:
            await pool.run(lambda: store.sign_ins.end(secret))
        take_cookie(request.scope, response)
        response.headers["Cache-Control"] = "no-store"

    return routes


def _described(caller: Caller | None, response: Response) -> SignedInBody:
    response.headers["Cache-Control"] = "no-store"
    if caller is None:
        return SignedInBody(key_id=None, scopes=[])
    return SignedInBody(key_id=caller.key_id, scopes=sorted(caller.scopes))
