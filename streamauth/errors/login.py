"""Errors of the microphone login."""

from streamauth.errors.base import InputError, StreamAuthError


class LoginError(InputError):
    """The microphone login cannot be used like this."""

    code = "bad_login"


class LoginNotPermitted(LoginError):
    """Only root, or the person whose voice it is, may ask for this."""

    code = "not_permitted"


class ServiceNotEnabled(LoginError):
    """Logins by voice are not enabled for this service. Enable it with `streamauth login enable`."""


class UnknownUser(LoginError):
    """This machine has no such user."""


class LoginProtocolError(LoginError):
    """The message is not of the login protocol."""

    code = "login_protocol"


class LoginDaemonAbsent(StreamAuthError, retryable=True):
    """The login daemon does not answer. Start it with `systemctl start streamauthd.socket`."""
