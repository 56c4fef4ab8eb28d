import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from streamauth.cli import models as command
from streamauth.cli.output import Output
from tests.catalog import making
from tests.catalog.rig import Answer, Site, archive_table, encoder_table, serving, write_registry
from tests.catalog.test_archive import packed
from tests.cli.rig import PHRASE, Shell, enroll, voice

MODELS = Path(__file__).parents[2] / "models"
TINY = Path(__file__).parents[1] / "data" / "vosk-tiny"


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as made:
        yield made


@pytest.fixture
def web(site: Site, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A shell whose registry has an encoder ``net`` and a recognizer ``rec`` on the server."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    net, rec = making.wespeaker(), packed(("top/am/final.mdl", b"model"))
    site.answers |= {"/net.onnx": Answer(net), "/rec.zip": Answer(rec)}
    folder = tmp_path / "registry"
    write_registry(
        folder,
        encoder_table("net", net, f"{site.url}/net.onnx", note="Mind the terms."),
        archive_table("rec", rec, f"{site.url}/rec.zip"),
    )
    monkeypatch.setenv("STREAMAUTH_MODELS", str(folder))
    return shell


def test_list_shows_every_model(shell: Shell) -> None:
    rows = {row["name"]: row for row in shell.json("models", "list").data["models"]}
    assert rows["ge2e"]["state"] == "embedded"
    assert rows["wespeaker-resnet34-lm"]["state"] == ""
    assert rows["wespeaker-resnet34-lm"]["licence"] == "CC-BY-4.0"
    assert rows["vosk-small-de"]["mirror_file"] == "vosk-small-de.zip"
    told = shell("models", "list").out
    assert all(name in told for name in rows)
    kinds = {row["kind"] for row in shell.json("models", "list", "--kind", "detector").data["models"]}
    assert kinds == {"detector"}


def test_the_list_fits_into_80_columns_with_every_word_whole(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = shell("models", "list").out
    assert max(map(len, told.splitlines())) <= 80
    for row in shell.json("models", "list").data["models"]:
        (line,) = [line for line in told.splitlines() if line.split()[:1] == [row["name"]]]
        assert line.split()[1:3] == [row["kind"], row["language"]]
        assert row["licence"].split()[0] in line.split()
        assert row["state"] in line


def test_a_licence_is_shown_and_must_be_accepted(web: Shell, site: Site) -> None:
    outcome = web("models", "pull", "net")
    assert outcome.code == 2
    assert "licence_not_accepted" in outcome.err
    assert "CC-BY-4.0" in outcome.err
    assert "Mind the terms." in outcome.err
    assert web.json("models", "pull", "net").error == "licence_not_accepted"
    assert not site.asked
    assert "no calibration yet" in web("models", "pull", "net", "--yes").out
    assert web.json("models", "remove", "net").code == 0
    # it was accepted once
    outcome = web("models", "pull", "net")
    assert outcome.code == 0
    assert "CC-BY-4.0" not in outcome.err


@pytest.mark.parametrize("answer", [True, False])
def test_a_person_is_asked(web: Shell, monkeypatch: pytest.MonkeyPatch, answer: bool) -> None:
    asked: list[str] = []

    def confirm(question: str, **options: Any) -> bool:
        asked.append(question)
        return answer

    class Terminal:
        is_terminal = True

        def print(self, *arguments: object, **options: object) -> None:
            asked.append(str(arguments[0]))

    monkeypatch.setattr(typer, "confirm", confirm)
    monkeypatch.setattr(Output, "messages", Terminal())
    monkeypatch.setattr(command, "_progress", lambda name, output: _nothing())
    assert web("models", "pull", "net").code == (0 if answer else 2)
    assert "Licence: CC-BY-4.0" in asked
    assert asked[-1] == "Do you accept the licence?"


class _nothing:
    def __enter__(self) -> Any:
        return lambda came, total: None

    def __exit__(self, *arguments: object) -> None:
        pass


def test_pull_verify_path_and_remove(web: Shell, site: Site) -> None:
    pulled = web.json("models", "pull", "net", "rec", "--yes").data["models"]
    assert [each["state"] for each in pulled] == ["installed", "installed"]
    assert web("models", "path", "rec").out.strip() == pulled[1]["path"]
    assert web.json("models", "path", "rec").data["path"] == pulled[1]["path"]
    assert all(each["ok"] for each in web.json("models", "verify").data["models"])
    count = len(site.asked)
    again = web.json("models", "pull", "net").data["models"]
    assert again[0]["state"] == "installed already"
    assert len(site.asked) == count
    Path(pulled[0]["path"]).write_bytes(b"other")
    outcome = web("models", "verify", "net", "rec")
    assert outcome.code == 4
    assert "net: The file of the model net is damaged" in outcome.out
    assert "rec: right" in outcome.out
    assert web.json("models", "pull", "net").data["models"][0]["state"] == "installed"
    assert web.json("models", "verify", "net").code == 0
    assert web("models", "remove", "rec").code == 0
    assert web.json("models", "path", "rec").error == "model_missing"
    assert web.json("models", "remove", "rec").error == "bad_input"


@pytest.mark.parametrize("arguments", [("pull", "x", "--yes"), ("remove", "x"), ("path", "x"), ("verify", "x")])
def test_an_unknown_model_is_told(web: Shell, site: Site, arguments: tuple[str, ...]) -> None:
    assert web.json("models", *arguments).error == "unknown_model"
    assert not site.asked


def test_a_failed_download_is_told_and_may_be_tried_again(web: Shell, site: Site) -> None:
    site.answers["/net.onnx"].statuses = [404]
    outcome = web.json("models", "pull", "net", "--yes")
    assert (outcome.code, outcome.error) == (4, "download_failed")
    assert web.json("models", "pull", "net").code == 0


def test_a_mirror_is_a_setting(web: Shell, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.onnx").write_bytes(making.wespeaker())
    monkeypatch.setenv("STREAMAUTH_MODELS_MIRROR", str(tmp_path))
    assert web.json("models", "pull", "net", "--yes").code == 0
    assert not site.asked


def test_an_own_encoder_is_added_listed_and_timed(web: Shell, tmp_path: Path) -> None:
    file = tmp_path / "My-Net.onnx"
    file.write_bytes(making.three_d_speaker())
    outcome = web.json("models", "add", file, "--window-s", "1.0", "--licence", "MIT")
    assert outcome.data == {"name": "my-net", "recipe": "3dspeaker-fbank-1", "dim": 192, "max_batch": 4}
    rows = {row["name"]: row for row in web.json("models", "list").data["models"]}
    assert (rows["my-net"]["state"], rows["my-net"]["licence"]) == ("installed", "MIT")
    timings = web.json("models", "bench", "my-net", "--seconds", "0").data["timings"]
    assert [(each["threads"], each["batch"]) for each in timings] == [(t, b) for t in (1, 2) for b in (1, 2, 4)]
    assert all(each["ms_per_s"] > 0 for each in timings)
    # windows of 1 s at a hop of 0.4 s
    assert timings[0]["live_ms_per_s"] == pytest.approx(2.5 * timings[0]["ms_per_s"])
    told = web("models", "bench", "--seconds", "0").out
    assert "my-net" in told
    assert "ms per second of speech" in told


def test_an_encoder_without_calibration_is_refused_when_it_is_used(
    web: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.onnx"
    file.write_bytes(making.wespeaker())
    assert web("models", "add", file).code == 0
    monkeypatch.setenv("STREAMAUTH_VOICE_ENCODER", "mine")
    outcome = web.json("enroll", "ada", voice("slt", "long-1"), "--text-independent")
    assert outcome.error == "model_missing"
    assert "calibration" in outcome.data["error"]["message"]


def test_a_file_that_is_none_is_told(web: Shell, tmp_path: Path) -> None:
    assert web.json("models", "add", tmp_path / "none.onnx").error == "bad_model"
    assert web.json("models", "add", tmp_path).error == "bad_model"


# --- another encoder ---


def use_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_VOICE_ENCODER", "ge2e")


def test_a_switch_of_the_encoder_names_who_is_affected(enrolled: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    use_another(monkeypatch)
    assert enrolled.json("verify", "alice", voice("slt", "door-4")).error == "encoder_changed"
    checks = {check["name"]: check for check in enrolled.json("doctor").data["checks"]}
    found = checks["enrolled with another encoder"]
    assert found["found"] == "alice, bob"
    assert "streamauth enroll" in found["advice"]
    assert enrolled.json("doctor").data["ready"] is True
    outcome = enrolled.json("profiles", "rebuild")
    assert (outcome.code, outcome.data) == (2, {"rebuilt": [], "enroll_again": ["alice", "bob"]})
    # the former voiceprint stays beside the new one
    assert enroll(enrolled, "alice", "slt").data["status"] == "enrolled"
    assert enrolled.json("verify", "alice", voice("slt", "door-4")).code == 0
    monkeypatch.delenv("STREAMAUTH_VOICE_ENCODER")
    assert enrolled.json("verify", "alice", voice("slt", "door-4")).code == 0


def test_kept_audio_rebuilds_a_voiceprint(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_ENROLLMENT_KEEP_AUDIO_S", "30")
    assert enroll(shell, "alice", "slt").data["status"] == "enrolled"
    assert 4 < shell.json("profiles", "show", "alice").data["kept_audio_s"] < 12
    use_another(monkeypatch)
    checks = {check["name"]: check for check in shell.json("doctor").data["checks"]}
    assert checks["another encoder, audio kept"]["found"] == "alice"
    assert shell.json("profiles", "rebuild").data == {"rebuilt": ["alice"], "enroll_again": []}
    assert len(shell.json("profiles", "show", "alice").data["encoders"]) == 2
    assert shell.json("verify", "alice", voice("slt", "door-4")).code == 0
    assert shell.json("verify", "alice", voice("rms", "door-4")).code == 1
    assert shell.json("profiles", "rebuild", "alice").error == "profile_exists"
    assert "rebuilt: none" in shell("profiles", "rebuild").out.lower()


def test_kept_audio_is_forgotten(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_ENROLLMENT_KEEP_AUDIO_S", "30")
    enroll(shell, "alice", "slt")
    assert shell.json("profiles", "forget-audio", "alice").data == {"forgotten": ["alice"]}
    assert shell.json("profiles", "show", "alice").data["kept_audio_s"] == 0
    assert "none was kept" in shell("profiles", "forget-audio").out
    assert shell.json("profiles", "forget-audio", "nobody").error == "unknown_profile"
    use_another(monkeypatch)
    assert shell.json("profiles", "rebuild", "alice").data["enroll_again"] == ["alice"]


def test_a_locale_without_recognizer_is_told_how_to_get_one(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMAUTH_PHRASE_LOCALE", "de")
    outcome = shell.json("phrase", "guten morgen")
    assert outcome.error == "model_missing"
    assert "streamauth models pull vosk-small-de" in outcome.data["error"]["message"]


def test_a_pulled_recognizer_is_used_for_its_language(
    shell: Shell, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [path for path in sorted(TINY.rglob("*")) if path.is_file()]
    content = packed(*((f"top/{path.relative_to(TINY).as_posix()}", path.read_bytes()) for path in files))
    site.answers["/tiny.zip"] = Answer(content)
    known = (MODELS / "registry.toml").read_text("utf-8")
    folder = tmp_path / "registry"
    write_registry(folder, known, archive_table("tiny", content, f"{site.url}/tiny.zip", language="xx"))
    for name in (
        "ge2e-noise-int8.onnx",
        "ge2e-noise-int8.calibration.json",
        "ge2e-noise-int8.cohort.npy",
        "voicing.npz",
    ):
        shutil.copy(MODELS / name, folder)
    monkeypatch.setenv("STREAMAUTH_MODELS", str(folder))
    monkeypatch.setenv("STREAMAUTH_PHRASE_LOCALE", "xx-XX")
    told = shell.json("phrase", PHRASE).data["error"]
    assert (told["code"], "models pull tiny" in told["message"]) == ("model_missing", True)
    assert shell.json("models", "pull", "tiny", "--yes").code == 0
    found = shell.json("phrase", PHRASE).data
    assert found["words"] == PHRASE.split()
    assert found["strength"] is None  # there is no phrase model beside it
    heard = shell.json("phrase", PHRASE, voice("slt", "door-4")).data["results"][0]
    assert heard["heard"]
