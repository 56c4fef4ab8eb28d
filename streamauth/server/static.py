"""The web page and its script, as files of one folder and nothing else."""

from collections.abc import Mapping
from pathlib import Path

from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from streamauth.settings import Settings
from streamauth.version import __version__

FOLDER = Path(__file__).with_name("page")

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
"""Kinds of files that are served; others, such as sources and notes beside them, are not."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "media-src 'self' blob:; worker-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Content security policy of the page."""

_HEADERS = {
    "Cache-Control": "no-cache",
    # the pages of integrators load the script from here; there is nothing secret in these files
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "microphone=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def page_files() -> dict[str, Path]:
    """Each file by its address, so that no path of a request ever becomes the name of a file."""
    files = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.suffix in TYPES)
    addresses = {"/" + path.relative_to(FOLDER).as_posix(): path for path in files}
    addresses["/"] = addresses["/index.html"]
    addresses["/doors"] = addresses["/doors.html"]
    addresses["/docs"] = addresses["/api.html"]
    return addresses


def page_routes(settings: Settings) -> list[BaseRoute]:
    """One route for each file, and one for what the page must know to promise nothing that is not so."""
    return [
        *(file_route(address, path, _HEADERS, _PAGE_HEADERS) for address, path in page_files().items()),
        _facts(settings),
    ]


def _facts(settings: Settings) -> Route:
    enrollment = settings.enrollment
    facts = {
        "utterances": enrollment.utterances,
        "free_speech_s": enrollment.text_independent_speech_s,
        "keeps_audio": enrollment.keep_audio_s > 0,
        "consent": enrollment.consent,
        "version": __version__,
    }

    async def get(_: object) -> Response:
        return JSONResponse(facts, headers={"Cache-Control": "no-cache"})

    return Route("/page.json", get, methods=["GET"])


def file_route(address: str, path: Path, headers: Mapping[str, str], page_headers: Mapping[str, str]) -> Route:
    """One file at one address.

    Args:
        address: Its path.
        path: The file, of a kind that is served.
        headers: Of the answer.
        page_headers: Further ones of a page.
    """
    sent = {**headers, **(page_headers if path.suffix == ".html" else {})}

    async def get(_: object) -> Response:
        return FileResponse(path, headers=sent, media_type=TYPES[path.suffix])

    return Route(address, get, methods=["GET"])
