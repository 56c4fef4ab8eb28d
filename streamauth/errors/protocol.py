"""Errors of the server and its protocol."""

from streamauth.errors.base import InputError


class ProtocolError(InputError):
    """The message does not follow the protocol."""

    code = "bad_message"


class UnsupportedVersion(ProtocolError):
    """This protocol version is not supported. Use version 1."""


class MessageTooLarge(ProtocolError):
    """The message is larger than the server takes. Send smaller messages."""


class UnexpectedMessage(ProtocolError):
    """This message may not come at this point of the session."""


class ServerBusy(ProtocolError, retryable=True, exit_code=4):
    """The server has as many sessions as it may. Try again later."""


class Overloaded(ProtocolError, retryable=True, exit_code=3):
    """Audio came faster than it could be worked on. The attempt is undecided; send it slower."""


class SessionTimeout(ProtocolError, retryable=True, exit_code=3):
    """No message came for too long. The attempt is undecided."""


class SessionInterrupted(ProtocolError, retryable=True, exit_code=3):
    """The session was broken off before it was decided. Nothing was accepted."""


class ServerStopping(ProtocolError, retryable=True, exit_code=4):
    """The server is stopping. The attempt is undecided; try again later."""


class ServerUnreachable(ProtocolError, retryable=True, exit_code=4):
    """The server cannot be reached or broke the connection. The attempt is undecided."""


class CannotListen(InputError):
    """The server cannot listen on this address."""
