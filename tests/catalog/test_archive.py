import io
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from streamauth.catalog.archive import unpack
from streamauth.errors import DiskFull, UnsafeArchive
from streamauth.settings import ModelSettings

SETTINGS = ModelSettings(min_free_mb=0)
Change = Callable[[zipfile.ZipInfo], None]


def packed(*members: tuple[str, bytes], change: Change = lambda info: None, deflated: bool = True) -> bytes:
    """A zip archive; names as given, whatever they are."""
    buffer = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        for name, content in members:
            info = zipfile.ZipInfo("x")
            info.filename = name
            info.compress_type = method
            info.external_attr = (stat.S_IFREG | 0o777) << 16
            change(info)
            archive.writestr(info, content)
    return buffer.getvalue()


def put(tmp_path: Path, content: bytes, settings: ModelSettings = SETTINGS) -> Path:
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    into = tmp_path / "deep" / "er" / "into"
    into.mkdir(parents=True)
    unpack(archive, into, "top", settings)
    return into


def refused(tmp_path: Path, content: bytes, match: str, settings: ModelSettings = SETTINGS) -> None:
    with pytest.raises(UnsafeArchive, match=match):
        put(tmp_path, content, settings)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "deep"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["er"]


def test_a_good_archive_is_unpacked(tmp_path: Path) -> None:
    into = put(tmp_path, packed(("top/", b""), ("top/a.txt", b"a"), ("top/b/c", b"c" * 200_000), ("top/empty/", b"")))
    assert (into / "top/a.txt").read_bytes() == b"a"
    assert (into / "top/b/c").stat().st_size == 200_000
    assert (into / "top/empty").is_dir()
    assert not (into / "top/a.txt").stat().st_mode & 0o111


@pytest.mark.parametrize("name", [
    "../evil", "top/../../evil", "top/..", "/top/evil", "//top/evil", "\\top\\evil", "top\\..\\..\\evil", "C:/top/evil",
    "top/c:evil", "other/file", "evil", "top", "./../evil", "top/a\0../../evil", "",
])  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    if name == "top":  # a file in the place of the folder
        refused(tmp_path, packed((name, b"x"), ("top/a", b"x")), "damaged")
    else:
        refused(tmp_path, packed(("top/good", b"x"), (name, b"evil")), "outside")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        info.external_attr = (kind | 0o777) << 16

    refused(tmp_path, packed(("top/link", b"/etc/passwd"), change=change), "plain file")


@pytest.mark.parametrize("names", [("top/a", "top/a"), ("top/a", "TOP/a"), ("top/a", "top/A"), ("top/a", "top//a")])
def test_names_that_come_twice_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    refused(tmp_path, packed((names[0], b"1"), (names[1], b"2")), "twice|outside")


def test_a_file_in_a_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, packed(("top/a", b"1"), ("top/a/b", b"2")), "damaged")


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    members = [(f"top/{index}", b"") for index in range(11)]
    refused(tmp_path, packed(*members), "more files", replace(SETTINGS, max_unpacked_files=10))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = packed(("top/zeros", bytes(50_000_000)))
    assert len(bomb) < 100_000
    refused(tmp_path, bomb, "larger", replace(SETTINGS, max_unpacked_mb=10))
    assert not list((tmp_path / "deep/er/into").iterdir())


def lying(content: bytes, size: int) -> bytes:
    """The same archive, which claims another size of its only member in both its headers."""
    changed = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(signature) + offset
        changed[at : at + 4] = struct.pack("<I", size)
    return bytes(changed)


@pytest.mark.parametrize("size", [10, 0, 10_000_000])
def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path: Path, size: int) -> None:
    bomb = lying(packed(("top/zeros", bytes(5_000_000))), size)
    refused(tmp_path, bomb, "damaged|less|more", replace(SETTINGS, max_unpacked_mb=20))
    left = [path.stat().st_size for path in (tmp_path / "deep/er/into").rglob("*") if path.is_file()]
    assert sum(left) <= max(size, 5_000_000)


@pytest.mark.parametrize("content", [b"", b"no zip at all", packed(("top/a", b"x" * 5000))[:-30]])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path, content, "damaged")


def test_a_changed_member_is_refused(tmp_path: Path) -> None:
    content = bytearray(packed(("top/a", b"x" * 500), deflated=False))
    content[200] ^= 1
    refused(tmp_path, bytes(content), "damaged")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    content = bytearray(packed(("top/a", b"x")))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    refused(tmp_path, bytes(content), "plain file")


def test_another_compression_is_refused(tmp_path: Path) -> None:
    def change(info: zipfile.ZipInfo) -> None:
        info.compress_type = zipfile.ZIP_LZMA

    refused(tmp_path, packed(("top/a", b"x"), change=change), "plain file")


def test_a_full_disk_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DiskFull):
        put(tmp_path, packed(("top/a", b"x")), replace(SETTINGS, min_free_mb=1e6))
    assert not list((tmp_path / "deep/er/into").iterdir())
