"""The cookie of who signed in at one of the server's own pages, and when it counts.

A cookie is sent by the browser whoever has made the request. So it counts only where the request carries a header that
no form, image or link can send and that no other origin may, and, where it changes something, the page's own origin.
With SameSite=Strict these are two fences more than one (OWASP, Cross-Site Request Forgery Prevention).
"""

from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope as Connection

from streamauth.errors import Forbidden

SIGN_IN_PATH = "/v1/sign-in"
"""Where to sign in and out."""

PAGE_HEADER = "x-streamauth-page"
"""What the pages send with each request."""

_NAME = "streamauth"
_READS = ("GET", "HEAD")


def own_origin(connection: Connection, headers: Headers) -> str:
    """The origin that the server's own pages have for who sent a request."""
    return f"{'https' if _is_secure(connection) else 'http'}://{headers.get('host', '')}"


def check_page(connection: Connection) -> None:
    """Go on only where one of the server's own pages sent a request.

    Raises:
        Forbidden: It was another one, or no page.
    """
    headers = Headers(scope=connection)
    origin = headers.get("origin")
    if PAGE_HEADER not in headers or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Forbidden("Only the server's own pages may do this.")
    if origin != own_origin(connection, headers) and (origin is not None or connection["method"] not in _READS):
        raise Forbidden("Only the server's own pages may do this.")


def shown_secret(connection: Connection) -> str | None:
    """The secret of a sign-in that a request shows; None where it shows none that counts.

    Raises:
        Forbidden: Another page than the server's own sent it.
    """
    headers = Headers(scope=connection)
    if connection["type"] != "http" or PAGE_HEADER not in headers:
        return None
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(_name(connection))
    except CookieError:
        return None
    if found is None:
        return None
    check_page(connection)
    return found.value


def give_cookie(connection: Connection, response: Response, secret: str) -> None:
    """Have a browser keep a secret until it is closed, out of reach of scripts."""
    secure = _is_secure(connection)
    response.set_cookie(_name(connection), secret, secure=secure, httponly=True, samesite="strict", path="/")


def take_cookie(connection: Connection, response: Response) -> None:
    """Have a browser forget it."""
    secure = _is_secure(connection)
    response.delete_cookie(_name(connection), secure=secure, httponly=True, samesite="strict", path="/")


def _name(connection: Connection) -> str:
    # the prefix keeps pages of neighbouring names from planting a cookie of theirs; browsers take it with TLS only
    return f"__Host-{_NAME}" if _is_secure(connection) else _NAME


def _is_secure(connection: Connection) -> bool:
    return connection["scheme"] in ("https", "wss")
