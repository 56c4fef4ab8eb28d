from dataclasses import replace
from pathlib import Path

import pytest

from streamauth.catalog import installer
from streamauth.catalog.entries import entry_of, table_of
from streamauth.catalog.installed import is_name
from streamauth.catalog.registry import Catalog, read_registry
from streamauth.engines.encoder.load import load_encoder, with_references
from streamauth.errors import (
    DownloadFailed,
    InputError,
    LicenceNotAccepted,
    ModelCorrupt,
    ModelMissing,
    UnknownModel,
    UnsafeArchive,
    WrongDownload,
)
from streamauth.settings import ModelSettings
from tests.catalog import making
from tests.catalog.rig import Answer, Site, archive_table, encoder_table, write_registry
from tests.catalog.test_archive import packed

MODELS = Path(__file__).parents[2] / "models"
SETTINGS = ModelSettings(min_free_mb=0, tries=1, timeout_s=0.5)
ARCHIVE = packed(("top/", b""), ("top/am/final.mdl", b"model"), ("top/README", b"read"))


def pull(name: str, settings: ModelSettings = SETTINGS) -> Path:
    installer.accept(Catalog(), Catalog().find(name).entry)
    return installer.pull(Catalog(), name, settings, lambda came, total: None, with_references)


def traces(registry: Path) -> list[str]:
    """What lies in the data folder's models, besides the list of licences."""
    folder = registry.parent / "home" / "models"
    return sorted(p.name for p in folder.iterdir() if p.name != "accepted-licences.txt") if folder.is_dir() else []


@pytest.fixture
def archive(site: Site, registry: Path) -> Answer:
    """A registered archive, ``rec``, as the server gives it."""
    site.answers["/rec.zip"] = answer = Answer(ARCHIVE)
    write_registry(registry, archive_table("rec", ARCHIVE, f"{site.url}/rec.zip"))
    return answer


def test_an_archive_is_installed_whole(archive: Answer, registry: Path) -> None:
    assert Catalog().find("rec").contents is None
    path = pull("rec")
    assert path == Catalog().recognizer_folder("rec") == registry.parent / "home/models/rec/top"
    assert (path / "am/final.mdl").read_bytes() == b"model"
    assert traces(registry) == ["rec"]
    assert installer.check(Catalog(), "rec", load_encoder) is None


@pytest.mark.parametrize("damage", ["changed", "missing", "added"])
def test_an_installed_archive_that_was_changed_is_corrupt(archive: Answer, registry: Path, damage: str) -> None:
    file = pull("rec") / ("more" if damage == "added" else "README")
    if damage == "missing":
        file.unlink()
    else:
        file.write_text("other")
    with pytest.raises(ModelCorrupt):
        Catalog().recognizer_folder("rec")
    error = installer.check(Catalog(), "rec", load_encoder)
    assert error is not None
    assert error.code == "model_corrupt"
    pull("rec")
    assert installer.check(Catalog(), "rec", load_encoder) is None
    assert traces(registry) == ["rec"]


@pytest.mark.parametrize(("member", "content"), [("../evil", b"x"), ("top/../../evil", b"x"), ("/evil", b"x")])
def test_a_hostile_archive_leaves_nothing(site: Site, registry: Path, member: str, content: bytes) -> None:
    hostile = packed(("top/am/final.mdl", b"model"), (member, content))
    site.answers["/rec.zip"] = Answer(hostile)
    write_registry(registry, archive_table("rec", hostile, f"{site.url}/rec.zip"))
    with pytest.raises(UnsafeArchive):
        pull("rec")
    assert traces(registry) == []
    assert not list(registry.parent.rglob("evil"))


def test_a_truncated_download_installs_nothing_and_is_gone_on_from(archive: Answer, site: Site, registry: Path) -> None:
    archive.cut_after = 50
    with pytest.raises(DownloadFailed):
        pull("rec")
    (part,) = traces(registry)
    assert part.endswith(".part")
    archive.cut_after = None
    pull("rec")
    assert site.asked[-1] == ("/rec.zip", "bytes=50-")
    assert traces(registry) == ["rec"]


def test_a_wrong_file_installs_nothing(archive: Answer, registry: Path) -> None:
    archive.content = ARCHIVE[:-1] + b"x"
    with pytest.raises(WrongDownload):
        pull("rec")
    assert traces(registry) == []


def test_a_failed_replacement_leaves_the_former_model(archive: Answer, registry: Path) -> None:
    pull("rec")
    archive.content = ARCHIVE[:-1] + b"x"
    with pytest.raises(WrongDownload):
        pull("rec")
    assert installer.check(Catalog(), "rec", load_encoder) is None


def test_what_a_killed_process_left_is_cleared(archive: Answer, registry: Path) -> None:
    left = registry.parent / "home/models/.rec.0123.new/top"
    left.mkdir(parents=True)
    pull("rec")
    assert traces(registry) == ["rec"]


def test_nothing_comes_without_an_accepted_licence(archive: Answer, site: Site) -> None:
    entry = Catalog().find("rec").entry
    assert installer.needs_acceptance(Catalog(), entry)
    with pytest.raises(LicenceNotAccepted):
        installer.pull(Catalog(), "rec", SETTINGS, lambda came, total: None, with_references)
    assert not site.asked
    installer.accept(Catalog(), entry)
    installer.accept(Catalog(), entry)
    assert not installer.needs_acceptance(Catalog(), entry)
    installer.pull(Catalog(), "rec", SETTINGS, lambda came, total: None, with_references)


def test_another_licence_is_asked_for_again(archive: Answer, site: Site, registry: Path) -> None:
    installer.accept(Catalog(), Catalog().find("rec").entry)
    write_registry(registry, archive_table("rec", ARCHIVE, f"{site.url}/rec.zip", licence="proprietary"))
    assert installer.needs_acceptance(Catalog(), Catalog().find("rec").entry)


@pytest.mark.parametrize("as_url", [True, False])
def test_a_mirror_is_the_only_place_that_is_asked(
    archive: Answer, site: Site, registry: Path, tmp_path: Path, as_url: bool
) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    settings = replace(SETTINGS, mirror=f"{site.url}/models/" if as_url else str(mirror))
    with pytest.raises(DownloadFailed):
        pull("rec", settings)
    (mirror / "rec.zip").write_bytes(ARCHIVE)
    site.answers["/models/rec.zip"] = Answer(ARCHIVE)
    pull("rec", settings)
    assert {path for path, _ in site.asked} <= {"/models/rec.zip"}
    (mirror / "rec.zip").write_bytes(b"something else")
    site.answers["/models/rec.zip"] = Answer(b"something else")
    with pytest.raises(WrongDownload):
        pull("rec", settings)


def test_names_on_a_mirror_are_unique() -> None:
    entries = [entry for entry in read_registry(MODELS).values() if entry.urls]
    assert len({entry.mirror_file for entry in entries}) == len(entries)


def test_a_model_is_removed(archive: Answer, registry: Path) -> None:
    pull("rec")
    installer.remove(Catalog(), "rec")
    assert traces(registry) == []
    with pytest.raises(InputError, match="not installed"):
        installer.remove(Catalog(), "rec")
    with pytest.raises(UnknownModel):
        installer.remove(Catalog(), "nothing")
    with pytest.raises(UnknownModel):
        installer.remove(Catalog(), "../../etc")


def test_what_travels_with_the_package_is_neither_pulled_nor_removed(
    registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STREAMAUTH_MODELS")
    with pytest.raises(InputError, match="there already"):
        installer.pull(Catalog(), "ge2e", SETTINGS, lambda came, total: None, with_references)
    with pytest.raises(InputError, match="travels"):
        installer.remove(Catalog(), "ge2e")
    assert installer.check(Catalog(), "ge2e", load_encoder) is None
    assert installer.check(Catalog(), "vosk-en", load_encoder) is None


def test_a_model_that_is_not_installed_is_told_how_to_get(site: Site, registry: Path) -> None:
    content = making.wespeaker()
    url = f"{site.url}/rec.zip"
    write_registry(registry, encoder_table("net", content, url), archive_table("rec", ARCHIVE, url))
    for call in (
        lambda: load_encoder("net"),
        lambda: Catalog().recognizer_folder("rec"),
        lambda: Catalog().recognizer_of("xx-XX"),
    ):
        with pytest.raises(ModelMissing, match=r"streamauth models pull (net|rec)"):
            call()


def test_entries_come_back_as_they_were() -> None:
    for name, entry in read_registry(MODELS).items():
        assert entry_of(name, table_of(entry)) == entry
        assert is_name(name)


def test_the_registry_has_all_that_is_needed_to_download() -> None:
    downloaded = {name: entry for name, entry in read_registry(MODELS).items() if entry.urls}
    kinds = [entry.kind for entry in downloaded.values()]
    assert (kinds.count("encoder"), kinds.count("recognizer"), len(kinds)) == (15, 9, 24)
    for entry in downloaded.values():
        assert len(entry.sha256) == 64
        assert int(entry.sha256, 16)
        assert entry.licence
        assert all(url.startswith("https://") for url in entry.urls)
        assert entry.file.endswith(".onnx") or entry.archived
    assert len({entry.sha256 for entry in downloaded.values()}) == len(downloaded)


@pytest.mark.parametrize(("locale", "name"), [
    ("en-US", "vosk-en"), ("en", "vosk-en"), ("EN-us", "vosk-en"), ("xx", "rec"), ("xx-XX", "rec"),
])  # fmt: skip
def test_a_recognizer_is_chosen_by_its_language(
    archive: Answer, site: Site, registry: Path, locale: str, name: str
) -> None:
    text = (MODELS / "registry.toml").read_text("utf-8")
    (registry / "registry.toml").write_text(text + archive_table("rec", ARCHIVE, f"{site.url}/rec.zip"), "utf-8")
    pull("rec")
    assert Catalog().recognizer_of(locale) == name


@pytest.mark.parametrize(("locale", "advice"), [
    ("de", "models pull vosk-small-de"), ("de-AT", "models pull vosk-small-de"), ("zh-CN", "models pull vosk-small-zh"),
    ("en-GB", r"vosk-en \(en-US\)"), ("sw", r"phrase\.vosk_model"),
])  # fmt: skip
def test_a_language_without_recognizer_is_told_what_to_do(
    registry: Path, monkeypatch: pytest.MonkeyPatch, locale: str, advice: str
) -> None:
    monkeypatch.delenv("STREAMAUTH_MODELS")
    with pytest.raises(ModelMissing, match=advice):
        Catalog().recognizer_of(locale)
