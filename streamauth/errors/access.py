"""Errors of access to the server."""

from streamauth.errors.base import InputError, StreamAuthError


class AccessRefused(StreamAuthError, exit_code=2):
    """The server does not allow this."""


class Unauthorized(AccessRefused):
    """A valid API key or session token is needed. `streamauth keys create` makes a key."""


class SessionTokenRefused(Unauthorized):
    """This session token was used, has expired, or never was one. Ask for another one."""


class Forbidden(AccessRefused):
    """This API key or session token does not allow this."""


class RateLimited(AccessRefused, retryable=True, exit_code=4):
    """There were too many requests. Wait a moment."""


class TooManySessions(RateLimited):
    """There are as many sessions at the same time as this key or address may have. Try again later."""


class Flooding(RateLimited):
    """Messages came too fast. Send larger ones; the attempt is undecided."""


class UnknownApiKey(InputError):
    """There is no API key of this id. `streamauth keys list` shows all."""


class UnknownSigningKey(InputError):
    """There is no key of this id that signs verdicts. `streamauth keys signing` shows all."""


class NotFound(InputError):
    """There is nothing at this address."""
