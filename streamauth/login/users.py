"""Unix users and the profiles of their voices."""

import pwd
from dataclasses import dataclass

from streamauth.errors import UnknownUser

TENANT = "login"
"""Owner of these profiles, so that no key of the server's other tenants reaches them."""


@dataclass(frozen=True, slots=True)
class UnixUser:
    """A user of this machine.

    Attributes:
        name: As in ``passwd``.
        uid: Likewise.
    """

    name: str
    uid: int

    @property
    def profile(self) -> str:
        """Name of the profile: both, so that a name or number that is given to somebody else opens nothing."""
        return f"{self.uid} {self.name}"


def unix_user(name: str) -> UnixUser:
    """The user of a name.

    Raises:
        UnknownUser: There is none.
    """
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        raise UnknownUser from None
    return UnixUser(entry.pw_name, entry.pw_uid)
