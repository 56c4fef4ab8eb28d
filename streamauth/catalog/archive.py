"""Unpacks a zip archive from an untrusted source: plain files in one folder, within limits, and nothing else.

The sha256 was checked before, so a hostile archive would have to be registered. It is unpacked as if it were.
"""

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from streamauth.catalog.download import check_space
from streamauth.errors import UnsafeArchive
from streamauth.settings import ModelSettings

_BLOCK = 1 << 16
_MB = 1_000_000
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def unpack(archive: Path, into: Path, top: str, settings: ModelSettings) -> None:
    """Unpack an archive that holds one folder.

    Args:
        archive: The zip file.
        into: An empty folder that gets what is in the archive.
        top: The one folder that everything in it must lie in.
        settings: Limits of count and size.

    Raises:
        UnsafeArchive: It is damaged, over a limit, or holds anything but plain files and folders below ``top``.
        DiskFull: There is not enough space.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _checked(opened.infolist(), top, settings)
            check_space(into, sum(info.file_size for info, _ in members), settings)
            for info, path in members:
                target = into / path
                if info.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _write(opened, info, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, FileExistsError, NotADirectoryError) as error:
        raise UnsafeArchive("The archive is damaged. Nothing was installed.") from error


def _checked(
    infos: list[zipfile.ZipInfo], top: str, settings: ModelSettings
) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The members with their paths, all of them safe."""
    if len(infos) > settings.max_unpacked_files:
        raise UnsafeArchive("The archive holds more files than models.max_unpacked_files. Nothing was installed.")
    if sum(info.file_size for info in infos) > settings.max_unpacked_mb * _MB:
        raise UnsafeArchive("The archive's content is larger than models.max_unpacked_mb. Nothing was installed.")
    members = [(info, _path(info, top)) for info in infos]
    # some file systems do not tell upper from lower case
    if len({str(path).casefold() for _, path in members}) < len(members):
        raise UnsafeArchive("The archive holds the same name twice. Nothing was installed.")
    return members


def _path(info: zipfile.ZipInfo, top: str) -> PurePosixPath:
    # the name as it stands in the archive: ZipInfo cuts it at a NUL
    name, path = info.orig_filename, PurePosixPath(info.filename)
    if any(sign in name for sign in "\\:\0") or path.is_absolute() or ".." in path.parts or path.parts[:1] != (top,):
        raise UnsafeArchive("The archive holds a file outside of its own folder. Nothing was installed.")
    kind = stat.S_IFMT(info.external_attr >> 16)
    readable = info.compress_type in _METHODS and not info.flag_bits & _ENCRYPTED
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or not readable:
        raise UnsafeArchive("The archive holds something that is no plain file. Nothing was installed.")
    return path


def _write(opened: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    left = info.file_size
    # "x": nothing that is there already, not even a link, is ever written to
    with opened.open(info) as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise UnsafeArchive("The archive holds more than it says. Nothing was installed.")
            file.write(block)
    if left:
        raise UnsafeArchive("The archive holds less than it says. Nothing was installed.")
