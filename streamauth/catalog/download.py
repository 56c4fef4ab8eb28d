"""Fetches one file whose sha256 is known: by HTTP, resumed where it broke off, or from a mirror's folder.

What came so far stays in a file beside the target. Only its sha256 says that it is whole, so it does not matter who
answered, or how often the connection broke.
"""

import errno
import hashlib
import shutil
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from streamauth.errors import BadSetting, DiskFull, DownloadFailed, WrongDownload
from streamauth.settings import ModelSettings
from streamauth.version import __version__

Progress = Callable[[int, int | None], None]
"""Told how many bytes have come, and how many will have in all, if that is known."""

_BLOCK = 1 << 16
_PAUSE_S = 0.5  # before a source that gave nothing is asked again; doubles each time, at most _LONGEST_PAUSE_S
_LONGEST_PAUSE_S = 30.0
_MB = 1_000_000


@dataclass(frozen=True)
class Wanted:
    """The one right content.

    Attributes:
        bytes: Its size; 0 where it is not known.
        sha256: Hexadecimal.
    """

    bytes: int
    sha256: str


class _Broken(Exception):
    """This source did not give all of it.

    Attributes:
        again: Whether it may give it when asked again.
        useless: Whether what came so far cannot be gone on from.
    """

    def __init__(self, reason: str, *, again: bool = True, useless: bool = False) -> None:
        super().__init__(reason)
        self.again = again
        self.useless = useless


def download(sources: Sequence[str], part: Path, wanted: Wanted, settings: ModelSettings, tell: Progress) -> None:
    """Fill a file with the wanted content, going on with what is in it.

    Args:
        sources: URLs, or paths of files, tried in turn.
        part: The file; it stays where the download breaks off, and is deleted where it turns out wrong.
        wanted: What must come.
        settings: Proxy, waiting times, limits.
        tell: Told of progress.

    Raises:
        DownloadFailed: No source gave all of it.
        WrongDownload: A source gave something else.
        DiskFull: There is not enough space.
        BadSetting: A source or the proxy cannot be used.
    """
    reason = "there is no address"
    with _client(settings) as client:
        for source in sources:
            for attempt in range(settings.tries):
                before = _size(part)
                try:
                    with disk_errors():
                        _fetch(client, source, part, wanted, settings, tell)
                        if sha256_of(part) == wanted.sha256:
                            return
                    raise WrongDownload(f"{_host(source)} gave another file than the registered one. It was deleted.")
                except WrongDownload as wrong:
                    part.unlink(missing_ok=True)
                    # what it was continued from may have been of another file: then once more from the beginning
                    if not before:
                        raise
                    reason = wrong.message
                except _Broken as broken:
                    reason = str(broken)
                    if broken.useless:
                        part.unlink(missing_ok=True)
                    if not broken.again:
                        break
                    if _size(part) == before and attempt + 1 < settings.tries:
                        time.sleep(min(_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S))
    kept = _size(part)
    raise DownloadFailed(
        f"The download failed: {reason}."
        + (f" The {kept} bytes that came are kept; try again to go on from there." if kept else "")
    )


def sha256_of(path: Path) -> str:
    """The sha256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_space(folder: Path, needed: float, settings: ModelSettings) -> None:
    """Whether so many bytes fit on the disk of a folder.

    Raises:
        DiskFull: They do not.
    """
    if shutil.disk_usage(folder).free < needed + settings.min_free_mb * _MB:
        raise DiskFull(
            f"There is not enough space on the disk: {needed / _MB:.0f} MB are needed, and "
            f"{settings.min_free_mb:.0f} MB must stay free. Free some space, or lower models.min_free_mb."
        )


def _fetch(
    client: httpx.Client, source: str, part: Path, wanted: Wanted, settings: ModelSettings, tell: Progress
) -> None:
    """Append what is missing, from one source."""
    have = _size(part)
    if wanted.bytes and have >= wanted.bytes:
        return
    with _opened(client, source, have) as (blocks, start, total):
        if total is not None and wanted.bytes and total != wanted.bytes:
            raise WrongDownload(f"{_host(source)} has a file of {total} bytes, but {wanted.bytes} are registered.")
        expected = wanted.bytes or total
        limit = expected or int(settings.max_download_mb * _MB)
        if limit > max(wanted.bytes, settings.max_download_mb * _MB):
            raise WrongDownload("The file is larger than models.max_download_mb.")
        check_space(part.parent, (expected or 0) - start, settings)
        with part.open("r+b" if start else "wb") as file:
            file.truncate(start)
            file.seek(start)
            came = start
            tell(came, expected)
            for block in blocks:
                came += len(block)
                if came > limit:
                    raise WrongDownload(f"{_host(source)} gave more than the registered file. Nothing was installed.")
                file.write(block)
                tell(came, expected)
    if expected is not None and came < expected:
        raise _Broken(f"{_host(source)} broke off after {came} of {expected} bytes")


@contextmanager
def _opened(client: httpx.Client, source: str, have: int) -> Iterator[tuple[Iterable[bytes], int, int | None]]:
    """What a source gives, the position that it begins at, and the size of the whole file if it is told."""
    if not is_url(source):
        try:
            file = Path(source).expanduser().open("rb")
        except OSError:
            raise _Broken(f"the mirror has no file {Path(source).name}", again=False) from None
        with file:
            size = file.seek(0, 2) - file.seek(0)
            yield iter(lambda: file.read(_BLOCK), b""), 0, size
        return
    try:
        with client.stream("GET", source, headers={"Range": f"bytes={have}-"} if have else None) as response:
            status = response.status_code
            if status != 200 and status != 206:
                # 416: there is nothing after what we have, so that is not the begin of this file
                useless, busy = status == 416, status == 429 or status >= 500
                raise _Broken(f"{_host(source)} answers {status}", again=useless or busy, useless=useless)
            length = response.headers.get("Content-Length", "")
            start = _start(response.headers.get("Content-Range")) if status == 206 else 0
            if start not in (0, have):
                raise _Broken(f"{_host(source)} goes on from another place than was asked for", useless=True)
            # as it comes: waiting for a whole block would lose it where the connection breaks
            yield response.iter_raw(), start, start + int(length) if length.isdigit() else None
    except httpx.TimeoutException:
        raise _Broken(f"{_host(source)} gives no answer in time") from None
    except httpx.RemoteProtocolError as error:
        raise _Broken(f"{_host(source)} broke off ({type(error).__name__})") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _Broken(f"{_host(source)} cannot be reached ({type(error).__name__})") from None


def is_url(source: str) -> bool:
    """Whether a source is a URL, and not a path.

    Raises:
        BadSetting: It is a URL of a kind that is not taken.
    """
    scheme = urlsplit(source).scheme.lower()
    if "://" in source and scheme not in ("http", "https"):
        raise BadSetting("Models are taken from http and https addresses and from folders only.")
    return scheme in ("http", "https")


def _client(settings: ModelSettings) -> httpx.Client:
    if settings.proxy and not is_url(settings.proxy):
        raise BadSetting("models.proxy must be an http or https URL.")
    return httpx.Client(
        proxy=settings.proxy or None,
        timeout=settings.timeout_s,
        # the system's certificates: a site's own mirror may be signed by the site
        verify=ssl.create_default_context(),
        # to http and https only; httpx knows no other scheme
        follow_redirects=True,
        headers={"User-Agent": f"streamauth/{__version__}", "Accept-Encoding": "identity"},
    )


@contextmanager
def disk_errors() -> Iterator[None]:
    """Failures to write, named.

    Raises:
        DiskFull, DownloadFailed: There is no space, or it may not be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull from None
        raise DownloadFailed("The data folder cannot be written to. Check who may write there.") from None


def _start(content_range: str | None) -> int:
    """The first byte of an answer with a part, as ``bytes 5-9/10``; -1 where that is not told."""
    try:
        return int((content_range or "").removeprefix("bytes ").split("-")[0])
    except ValueError:
        return -1


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _host(source: str) -> str:
    return (urlsplit(source).hostname or "") if is_url(source) else "The mirror"
