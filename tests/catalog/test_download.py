import errno
import shutil
import time
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamauth.catalog import download as module
from streamauth.catalog.download import Wanted, download
from streamauth.errors import BadSetting, DiskFull, DownloadFailed, WrongDownload
from streamauth.settings import ModelSettings
from tests.catalog.rig import Answer, Site, sha256

CONTENT = bytes(range(256)) * 800
WANTED = Wanted(len(CONTENT), sha256(CONTENT))
SETTINGS = ModelSettings(timeout_s=0.3, tries=3, min_free_mb=0)


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    return tmp_path / "file.part"


def get(
    site: Site, part: Path, settings: ModelSettings = SETTINGS, wanted: Wanted = WANTED, path: str = "/file"
) -> None:
    download([site.url + path], part, wanted, settings, lambda came, total: None)


def test_a_good_answer_is_taken_and_progress_is_told(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT)
    told: list[tuple[int, int | None]] = []
    download([f"{site.url}/file"], part, WANTED, SETTINGS, lambda came, total: told.append((came, total)))
    assert part.read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert sorted(told) == told


def test_a_size_that_nobody_tells_is_no_obstacle(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT, tell_length=False)
    get(site, part, wanted=replace(WANTED, bytes=0))
    assert part.read_bytes() == CONTENT


def test_a_slow_answer_is_waited_for(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT, pause_s=0.05, block=len(CONTENT) // 10)
    get(site, part)
    assert part.read_bytes() == CONTENT


def test_a_truncated_answer_is_gone_on_from(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT, cut_after=len(CONTENT) // 2 + 1)
    get(site, part)
    assert part.read_bytes() == CONTENT
    assert site.asked == [("/file", None), ("/file", f"bytes={len(CONTENT) // 2 + 1}-")]


def test_what_came_before_stays_for_the_next_time(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT, cut_after=1000)
    with pytest.raises(DownloadFailed, match=r"broke off.*The 3000 bytes"):
        get(site, part)
    assert part.read_bytes() == CONTENT[:3000]
    site.answers["/file"] = Answer(CONTENT)
    get(site, part)
    assert site.asked[-1] == ("/file", "bytes=3000-")
    assert part.read_bytes() == CONTENT


def test_an_answer_that_stops_is_given_up_and_gone_on_from(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT, stall_after=5000)
    with pytest.raises(DownloadFailed, match="no answer in time"):
        get(site, part, replace(SETTINGS, tries=1))
    assert part.stat().st_size == 5000
    site.answers["/file"] = Answer(CONTENT)
    get(site, part)
    assert part.read_bytes() == CONTENT


def test_a_server_without_parts_begins_again(site: Site, part: Path) -> None:
    part.write_bytes(CONTENT[:100])
    site.answers["/file"] = Answer(CONTENT, ranges=False)
    get(site, part)
    assert part.read_bytes() == CONTENT


def test_a_part_of_another_file_is_not_gone_on_from(site: Site, part: Path) -> None:
    part.write_bytes(b"x" * 100)
    site.answers["/file"] = Answer(CONTENT)
    get(site, part)
    assert part.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == ["bytes=100-", None]


def test_a_part_longer_than_the_file_begins_again(site: Site, part: Path) -> None:
    part.write_bytes(b"x" * (len(CONTENT) + 5))
    site.answers["/file"] = Answer(CONTENT)
    get(site, part, wanted=replace(WANTED, bytes=0))
    assert part.read_bytes() == CONTENT


def test_a_part_from_another_place_is_not_taken(site: Site, part: Path) -> None:
    part.write_bytes(CONTENT[:1000])
    site.answers["/file"] = Answer(CONTENT, shift=7)
    get(site, part)
    assert part.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == ["bytes=1000-", None]


def test_another_content_of_the_same_size_is_refused_and_deleted(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT[::-1])
    with pytest.raises(WrongDownload, match="another file"):
        get(site, part)
    assert not part.exists()


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b""])
def test_another_size_is_refused_before_it_is_taken(site: Site, part: Path, content: bytes) -> None:
    site.answers["/file"] = Answer(content)
    with pytest.raises(WrongDownload, match=f"{len(content)} bytes"):
        get(site, part)
    assert not part.exists()


def test_more_than_is_registered_is_cut_off(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT * 3, tell_length=False)
    with pytest.raises(WrongDownload, match="more than"):
        get(site, part)
    assert not part.exists()


@pytest.mark.parametrize("tell_length", [True, False])
def test_a_limit_holds_where_the_size_is_not_registered(site: Site, part: Path, tell_length: bool) -> None:
    site.answers["/file"] = Answer(CONTENT, tell_length=tell_length)
    with pytest.raises(WrongDownload, match=r"larger|more"):
        get(site, part, replace(SETTINGS, max_download_mb=0.1), replace(WANTED, bytes=0))
    assert not part.exists()


def test_a_busy_server_is_asked_again_and_a_missing_file_is_not(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT, statuses=[503, 429])
    get(site, part)
    assert len(site.asked) == 3
    with pytest.raises(DownloadFailed, match="answers 404"):
        get(site, part.with_name("other.part"), path="/nowhere")
    assert len(site.asked) == 4


def test_a_source_that_gives_nothing_is_asked_again_more_and_more_slowly(
    site: Site, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(module, "_PAUSE_S", 0.5)
    monkeypatch.setattr(time, "sleep", pauses.append)
    site.answers["/file"] = Answer(CONTENT, statuses=[503] * 9)
    with pytest.raises(DownloadFailed, match=r"answers 503\.$"):
        get(site, part, replace(SETTINGS, tries=9))
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    # one that gives a part each time is not waited for
    site.answers["/file"] = Answer(CONTENT, cut_after=len(CONTENT) // 2 + 1)
    pauses.clear()
    get(site, part)
    assert not any(pauses)


def test_the_next_address_is_tried(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT)
    download([f"{site.url}/gone", f"{site.url}/file"], part, WANTED, SETTINGS, lambda came, total: None)
    assert part.read_bytes() == CONTENT


def test_nobody_there_is_a_failed_download(site: Site, part: Path) -> None:
    with pytest.raises(DownloadFailed, match="cannot be reached"):
        download(["http://127.0.0.1:1/file"], part, WANTED, SETTINGS, lambda came, total: None)


def test_a_redirect_is_followed_but_not_out_of_the_web(site: Site, part: Path, tmp_path: Path) -> None:
    site.answers["/file"] = Answer(CONTENT)
    site.answers["/moved"] = Answer(location="/file")
    get(site, part, path="/moved")
    assert part.read_bytes() == CONTENT
    secret = tmp_path / "secret"
    secret.write_bytes(CONTENT)
    site.answers["/out"] = Answer(location=f"file://{secret}")
    with pytest.raises(DownloadFailed):
        get(site, part.with_name("other.part"), path="/out")
    assert not part.with_name("other.part").exists()


def test_a_proxy_is_used_where_it_is_set(site: Site, part: Path) -> None:
    site.answers["http://models.invalid/file"] = Answer(CONTENT)
    settings = replace(SETTINGS, proxy=site.url)
    download(["http://models.invalid/file"], part, WANTED, settings, lambda came, total: None)
    assert site.asked == [("http://models.invalid/file", None)]


def test_a_proxy_of_the_environment_is_used(site: Site, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", site.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    site.answers["http://models.invalid/file"] = Answer(CONTENT)
    download(["http://models.invalid/file"], part, WANTED, SETTINGS, lambda came, total: None)
    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("source", ["ftp://host/file", "file:///etc/passwd"])
def test_other_kinds_of_addresses_are_not_taken(part: Path, source: str) -> None:
    with pytest.raises(BadSetting, match="http"):
        download([source], part, WANTED, SETTINGS, lambda came, total: None)


def test_a_proxy_that_is_none_is_told(site: Site, part: Path) -> None:
    with pytest.raises(BadSetting, match=r"models\.proxy"):
        get(site, part, replace(SETTINGS, proxy="somewhere"))


def test_a_folder_serves_as_well(tmp_path: Path, part: Path) -> None:
    source = tmp_path / "file"
    source.write_bytes(CONTENT)
    download([str(source)], part, WANTED, SETTINGS, lambda came, total: None)
    assert part.read_bytes() == CONTENT
    with pytest.raises(DownloadFailed, match="no file other"):
        download([str(tmp_path / "other")], tmp_path / "p", WANTED, SETTINGS, lambda came, total: None)


def test_a_disk_without_space_is_told_before_anything_comes(site: Site, part: Path) -> None:
    site.answers["/file"] = Answer(CONTENT)
    with pytest.raises(DiskFull, match="0 MB are needed"):
        get(site, part, replace(SETTINGS, min_free_mb=1e6))
    assert not part.exists()


def test_a_disk_that_gets_full_is_told(site: Site, part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.answers["/file"] = Answer(CONTENT)

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(module, "_fetch", full)
    with pytest.raises(DiskFull):
        get(site, part)


def test_space_is_needed_for_the_rest_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    free: Callable[[Path], Any] = lambda folder: usage(10_000_000)  # noqa: E731
    monkeypatch.setattr(shutil, "disk_usage", free)
    module.check_space(tmp_path, 8_000_000, replace(SETTINGS, min_free_mb=2))
    with pytest.raises(DiskFull):
        module.check_space(tmp_path, 8_000_001, replace(SETTINGS, min_free_mb=2))


def test_a_folder_that_may_not_be_written_is_told(site: Site, tmp_path: Path) -> None:
    site.answers["/file"] = Answer(CONTENT)
    (tmp_path / "part").mkdir()
    with pytest.raises(DownloadFailed, match="written"):
        get(site, tmp_path / "part")
