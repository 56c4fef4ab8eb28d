"""The context of a server: what all of its routes and sessions share."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from streamauth.errors import Unauthorized
from streamauth.server.access import Access, Caller
from streamauth.server.changes import Changes
from streamauth.server.metrics import Metrics
from streamauth.server.pool import WorkerPool
from streamauth.server.sessions import Sessions
from streamauth.server.verdicts import Verdicts
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings
from streamauth.sources.files import Decode

CALLER = "caller"
"""Where the state of a request holds its caller."""


@dataclass(frozen=True)
class Context:
    """What all routes and sessions of a server share.

    Attributes:
        authenticator: Makes the attempts.
        workers: The threads that run the engines.
        store_pool: The threads that read and write the store.
        settings: All settings.
        access: Tells who a caller is.
        sessions: The sessions that are open.
        verdicts: Signs verdicts.
        metrics: Figures.
        changes: Tells when profiles or API keys have changed.
        threshold: The LLR that an accept takes, in nats.
        missing_workers: Tells how many worker processes do not serve now.
        decode: Opens audio files that take a library; in this process if None.
    """

    authenticator: Authenticator
    workers: WorkerPool
    store_pool: WorkerPool
    settings: Settings
    access: Access
    sessions: Sessions
    verdicts: Verdicts
    metrics: Metrics
    changes: Changes
    threshold: float
    missing_workers: Callable[[], int] = lambda: 0
    decode: Decode | None = None


def caller_of(request: Request) -> Caller:
    """Who sends an HTTP request, as the middleware found out before its body was read.

    Raises:
        Unauthorized: Nobody known.
    """
    caller = getattr(request.state, CALLER, None)
    if not isinstance(caller, Caller):
        raise Unauthorized
    return caller
