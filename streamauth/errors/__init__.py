"""Every error the product can raise: one stable code, one sentence a person can act on.

The tree (exit codes of the command line in brackets):

    StreamAuthError
    ├── InputError [2]        what was given cannot be used
    │   ├── AudioError        ... as audio
    │   ├── ProfileError      ... for this profile
    │   ├── DoorError         ... for a door, or for who may pass it
    │   ├── LoginError        ... for a login by microphone
    │   └── ProtocolError     ... as a message of the streaming protocol
    ├── AttemptRefused [1]    the profile may not be tried now
    ├── AccessRefused [2]     the server may not be used in this way
    └── InternalError [4]     nothing the caller did
        ├── StoreError        the store or its key
        ├── DownloadFailed and others of errors/models.py
        └── EngineError       a model or its runtime

Codes are part of the public interface: they are never renamed. Messages hold no names, words, scores or
embeddings, so that they may be logged and sent to a remote peer.
"""

# each of these modules holds errors and nothing else
from streamauth.errors.access import *
from streamauth.errors.audio import *
from streamauth.errors.base import *
from streamauth.errors.doors import *
from streamauth.errors.engines import *
from streamauth.errors.evaluation import *
from streamauth.errors.login import *
from streamauth.errors.models import *
from streamauth.errors.profiles import *
from streamauth.errors.protocol import *
from streamauth.errors.store import *


def all_errors() -> list[type[StreamAuthError]]:
    """Every error class, base first, in order of definition."""

    def walk(cls: type[StreamAuthError]) -> list[type[StreamAuthError]]:
        return [cls, *(error for child in cls.__subclasses__() for error in walk(child))]

    return walk(StreamAuthError)
