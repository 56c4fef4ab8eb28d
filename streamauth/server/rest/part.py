"""What all parts of the REST interface begin with."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from streamauth.server.access import Caller
from streamauth.server.context import caller_of
from streamauth.server.rest.models import ErrorBody

Known = Annotated[Caller, Depends(caller_of)]
"""Who sends a request."""

_ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "What was asked for cannot be done."},
    "5XX": {"model": ErrorBody, "description": "The server cannot do it now."},
    # instead of the framework's own, which repeats what was sent
    "422": {"model": ErrorBody, "description": "The request does not fit its description."},
}


def part_of_rest(*tags: str) -> APIRouter:
    """The router of one part, with all that its routes need: those of a router that is included are made twice."""
    return APIRouter(prefix="/v1", tags=list(tags), responses=_ERRORS)
