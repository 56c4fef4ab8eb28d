"""REST: the audit log. Scope: admin, of the default tenant, as it tells of all of them."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from streamauth.server.context import Context
from streamauth.server.rest.part import Known, part_of_rest
from streamauth.store.audit import AuditFilter

_MAX_ENTRIES = 1000


class AuditEntryBody(BaseModel):
    """What was decided or changed; ids, never a person."""

    number: int
    at_ms: int
    actor: str
    action: str
    subject: str
    outcome: str


class AuditBody(BaseModel):
    """Entries, the newest first."""

    entries: list[AuditEntryBody]


def audit_routes(context: Context) -> APIRouter:
    """The routes, for one server."""
    routes = part_of_rest("audit")
    store, pool = context.authenticator.store, context.store_pool

    @routes.get("/audit")
    async def get_audit(
        caller: Known,
        response: Response,
        before: Annotated[int | None, Query(ge=1, lt=2**62, description="Only entries below this number.")] = None,
        limit: Annotated[int, Query(ge=1, le=_MAX_ENTRIES)] = 100,
        subject: Annotated[str | None, Query(max_length=64, description="Only those of this profile or key.")] = None,
        since_ms: Annotated[int, Query(ge=0, lt=2**62, description="Only from this time on.")] = 0,
        until_ms: Annotated[int | None, Query(ge=0, lt=2**62, description="Only before this time.")] = None,
    ) -> AuditBody:
        """The newest entries of the audit log. `streamauth audit verify` checks that it is whole. Scope: admin."""
        caller.need_site()
        response.headers["Cache-Control"] = "no-store"
        found = await pool.run(lambda: store.audit.newest(before, limit, AuditFilter(subject, since_ms, until_ms)))
        return AuditBody(entries=[AuditEntryBody(**asdict(entry)) for entry in found])

    return routes
