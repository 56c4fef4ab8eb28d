import os
import stat
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from streamauth.errors import KeyExposed, KeyMissing, KeyWrong, StoreError
from streamauth.settings import StoreSettings
from streamauth.store.keys import KEY_VARIABLE, KeySource
from streamauth.store.sealing import SealingKey

STORE_KINDS = ("sqlite",)  # nothing but the folder is looked at


ONE, TWO = SealingKey(b"1" * 32), SealingKey(b"2" * 32)


def _command(output: str, exit_code: int = 0) -> str:
    return f"""{sys.executable} -c "import sys; print('{output}'); sys.exit({exit_code})" """


def test_a_key_file_is_made_once_and_kept_secret(home: Path) -> None:
    source = KeySource.of(home, StoreSettings(), {})
    made = source.find_or_make()
    file = home / "sealing.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert SealingKey.parse(file.read_text()).id == made.id == source.find_or_make().id == source.find(made.id).id
    assert os.listdir(home) == ["sealing.key"]


def test_first_uses_at_once_get_one_key(home: Path) -> None:
    barrier = threading.Barrier(16)

    def first_use(_: int) -> bytes:
        barrier.wait()
        return KeySource.of(home, StoreSettings(), {}).find_or_make().id

    with ThreadPoolExecutor(16) as pool:
        assert len(set(pool.map(first_use, range(16)))) == 1
    assert os.listdir(home) == ["sealing.key"]


def test_the_order_of_the_sources(home: Path) -> None:
    other = StoreSettings(key_file=str(home / "elsewhere" / "a.key"))
    command = StoreSettings(key_command=_command(ONE.text()))
    variable = {KEY_VARIABLE: TWO.text()}
    assert KeySource.of(home, command, variable).find_or_make().id == TWO.id
    assert KeySource.of(home, command, {}).find_or_make().id == ONE.id
    assert not home.exists()
    made = KeySource.of(home, other, {}).find_or_make()
    assert (home / "elsewhere" / "a.key").read_text().strip() == made.text()
    assert not (home / "sealing.key").exists()


def test_the_environment_of_the_process_is_the_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, TWO.text())
    assert KeySource.of(home, StoreSettings()).find_or_make().id == TWO.id


def test_a_key_is_missing_or_wrong(home: Path) -> None:
    source = KeySource.of(home, StoreSettings(), {})
    with pytest.raises(KeyMissing):
        source.find(ONE.id)
    source.find_or_make()
    with pytest.raises(KeyWrong):
        source.find(ONE.id)
    for given in (
        KeySource.of(home, StoreSettings(), {KEY_VARIABLE: TWO.text()}),
        KeySource.of(home, StoreSettings(key_command=_command(TWO.text())), {}),
    ):
        assert given.find(TWO.id).id == TWO.id
        with pytest.raises(KeyWrong):
            given.find(ONE.id)


@pytest.mark.parametrize("text", ["", "nonsense"])
def test_a_given_text_that_is_no_key_is_not_passed_over(home: Path, text: str) -> None:
    KeySource.of(home, StoreSettings(), {}).find_or_make()
    (home / "bad.key").touch(mode=0o600)
    (home / "bad.key").write_text(text)
    for source in (
        KeySource.of(home, StoreSettings(), {KEY_VARIABLE: text}),
        KeySource.of(home, StoreSettings(key_command=_command(text)), {}),
        KeySource.of(home, StoreSettings(key_file=str(home / "bad.key")), {}),
    ):
        with pytest.raises(KeyWrong):
            source.find_or_make()


@pytest.mark.parametrize("command", [_command("secret-output", 3), "/no/such/program", "'unclosed"])
def test_a_command_that_fails(home: Path, command: str) -> None:
    with pytest.raises(KeyMissing) as caught:
        KeySource.of(home, StoreSettings(key_command=command), {}).find_or_make()
    assert "secret-output" not in caught.value.message


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_file_that_others_can_read_is_refused(home: Path, mode: int) -> None:
    source = KeySource.of(home, StoreSettings(), {})
    made = source.find_or_make()
    (home / "sealing.key").chmod(mode)
    for call in (source.find_or_make, lambda: source.find(made.id)):
        with pytest.raises(KeyExposed):
            call()


def test_a_key_file_that_cannot_be_made(home: Path) -> None:
    home.write_text("a file where the folder should be")
    with pytest.raises(StoreError):
        KeySource.of(home, StoreSettings(), {}).find_or_make()


def test_a_staged_key_is_found_and_becomes_the_current_one(home: Path) -> None:
    source = KeySource.of(home, StoreSettings(), {})
    former = source.find_or_make()
    source.stage(ONE)
    assert source.find(former.id).id == former.id
    assert (home / "sealing.key").read_text().strip() == former.text()
    assert source.find(ONE.id).id == ONE.id
    assert (home / "sealing.key").read_text().strip() == ONE.text()
    assert source.find(former.id).id == former.id
    assert sorted(os.listdir(home)) == ["sealing.key", f"sealing.key.old-{former.id.hex()}"]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in home.iterdir())
    source.settle(ONE)
    assert len(os.listdir(home)) == 2


def test_a_key_that_is_given_is_not_put_into_files(home: Path) -> None:
    source = KeySource.of(home, StoreSettings(), {KEY_VARIABLE: ONE.text()})
    source.stage(TWO)
    source.settle(TWO)
    assert not home.exists()


def test_a_source_does_not_show_its_key(home: Path) -> None:
    assert ONE.text() not in repr(KeySource.of(home, StoreSettings(), {KEY_VARIABLE: ONE.text()}))


def test_the_key_of_the_usual_data_folder_lies_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAMAUTH_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    usual, chosen = tmp_path / "data" / "streamauth", tmp_path / "chosen"
    for user, expected in ((1000, tmp_path / "settings" / "streamauth"), (0, Path("/etc/streamauth"))):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        assert KeySource.of(usual, StoreSettings(), {}).file == expected / "sealing.key"
        assert KeySource.of(chosen, StoreSettings(), {}).file == chosen / "sealing.key"
    assert KeySource.of(usual, StoreSettings(key_file=str(chosen / "k")), {}).file == chosen / "k"
    usual.mkdir(parents=True)
    (usual / "sealing.key").write_text(ONE.text())
    assert KeySource.of(usual, StoreSettings(), {}).file == usual / "sealing.key", "one that is there stays in use"
