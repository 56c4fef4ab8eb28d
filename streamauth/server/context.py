"""What all sessions of a server share."""

from dataclasses import dataclass

from streamauth.server.metrics import Metrics
from streamauth.server.pool import WorkerPool
from streamauth.server.verdicts import Verdicts
from streamauth.service.authenticator import Authenticator
from streamauth.settings import Settings


@dataclass(frozen=True)
class Workplace:
    """What all sessions of a server share.

    Attributes:
        authenticator: What makes the attempts.
        pool: Where they are worked on.
        desk: Where the store is read.
        settings: All settings.
        verdicts: What signs.
        metrics: Figures.
        threshold: The LLR that an accept takes.
    """

    authenticator: Authenticator
    pool: WorkerPool
    desk: WorkerPool
    settings: Settings
    verdicts: Verdicts
    metrics: Metrics
    threshold: float
