import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from streamauth.catalog.calibrations import load_calibration, save_calibration
from streamauth.catalog.registry import Catalog
from streamauth.core.voice.calibration import Calibration, Cohort
from streamauth.errors import ModelCorrupt, ModelMissing
from tests.fakes import FAKE_CALIBRATION

PEOPLE = np.eye(7, 16, dtype=np.float32)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STREAMAUTH_HOME", str(tmp_path / "home"))
    return Catalog().calibrations


def same(one: Calibration, other: Calibration) -> bool:
    return all(getattr(one, item.name) == getattr(other, item.name) for item in fields(one) if item.name != "cohort")


def test_what_is_saved_comes_back(home: Path) -> None:
    save_calibration(home, "own", replace(FAKE_CALIBRATION, cohort=Cohort(PEOPLE, 3)), {"seed": 1})
    found = load_calibration(Catalog(), "own", "fake-encoder")
    assert same(found, FAKE_CALIBRATION)
    assert found.cohort is not None
    assert found.cohort.top == 3
    assert found.cohort.embeddings == pytest.approx(PEOPLE)
    assert json.loads((home / "own.calibration.json").read_text("utf-8"))["provenance"] == {"seed": 1}


def test_a_new_one_takes_the_place_of_the_old(home: Path) -> None:
    save_calibration(home, "own", FAKE_CALIBRATION, {})
    assert load_calibration(Catalog(), "own", "fake-encoder").reject_llr == -6.0
    save_calibration(home, "own", replace(FAKE_CALIBRATION, reject_llr=-1.0), {})
    assert load_calibration(Catalog(), "own", "fake-encoder").reject_llr == -1.0


def test_ones_own_comes_before_the_shipped_one(home: Path) -> None:
    shipped_id = json.loads(
        (Path(__file__).resolve().parents[2] / "models" / "ge2e.calibration.json").read_text("utf-8")
    )["encoder_id"]
    shipped = load_calibration(Catalog(), "ge2e", shipped_id)
    assert shipped.cohort is not None
    save_calibration(home, "ge2e", replace(FAKE_CALIBRATION, encoder_id=shipped_id), {})
    assert load_calibration(Catalog(), "ge2e", shipped_id).cohort is None


def test_one_of_another_encoder_is_refused(home: Path) -> None:
    save_calibration(home, "own", FAKE_CALIBRATION, {})
    with pytest.raises(ModelMissing):
        load_calibration(Catalog(), "own", "another-encoder")
    with pytest.raises(ModelMissing):
        load_calibration(Catalog(), "nobody", "fake-encoder")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("own.calibration.json", b"{"),
        ("own.calibration.json", b"{}"),
        ("own.calibration.json", b'{"scale": [NaN]}'),
        ("own.cohort.npy", b"no array"),
    ],
)
def test_a_damaged_one_is_refused(home: Path, file: str, content: bytes) -> None:
    save_calibration(home, "own", replace(FAKE_CALIBRATION, cohort=Cohort(PEOPLE, 3)), {})
    (home / file).write_bytes(content)
    with pytest.raises(ModelCorrupt):
        load_calibration(Catalog(), "own", "fake-encoder")


@pytest.mark.parametrize("name", ["scale", "reject_llr", "rolling", "ranges"])
def test_numbers_that_are_none_are_refused(home: Path, name: str) -> None:
    save_calibration(home, "own", FAKE_CALIBRATION, {})
    path = home / "own.calibration.json"
    data = json.loads(path.read_text("utf-8"))
    data[name] = {"scale": [float("nan")] * 7, "reject_llr": float("inf"), "rolling": [], "ranges": [[0, 1]]}[name]
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(ModelCorrupt):
        load_calibration(Catalog(), "own", "fake-encoder")


def test_objects_in_a_cohort_are_never_unpickled(home: Path) -> None:
    save_calibration(home, "own", replace(FAKE_CALIBRATION, cohort=Cohort(PEOPLE, 3)), {})
    np.save(home / "own.cohort.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ModelCorrupt):
        load_calibration(Catalog(), "own", "fake-encoder")
