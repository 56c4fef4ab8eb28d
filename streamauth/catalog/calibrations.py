"""Calibration files: one for each encoder, bound to its id, with the cohort beside it.

The user's own, made by ``streamauth calibrate``, lie in the data folder and come before the shipped ones.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from streamauth.catalog.registry import Catalog, models_folder
from streamauth.core.voice.calibration import Calibration, Cohort, Thresholds
from streamauth.errors import ModelCorrupt, ModelMissing


def is_calibrated(catalog: Catalog, name: str) -> bool:
    """Whether there is a calibration of an encoder, by its name in the registry."""
    return any((folder / f"{name}.calibration.json").is_file() for folder in (catalog.calibrations, models_folder()))


def load_calibration(catalog: Catalog, name: str, encoder_id: str) -> Calibration:
    """The calibration of an encoder.

    Args:
        catalog: The models of the installation; its own calibrations come before the shipped ones.
        name: The encoder's name in the registry.
        encoder_id: Its id; a calibration made for another id is refused.

    Raises:
        ModelMissing: There is none for this encoder.
        ModelCorrupt: The file cannot be read.
    """
    for folder in (catalog.calibrations, models_folder()):
        if (folder / f"{name}.calibration.json").is_file():
            calibration = _read(folder, name)
            if calibration.encoder_id != encoder_id:
                raise ModelMissing(
                    f"The calibration of {name} was fitted for another version of that encoder. Fit it anew with "
                    "`streamauth calibrate`."
                )
            return calibration
    raise ModelMissing(
        f"There is no calibration for the encoder {name}. Fit one with `streamauth calibrate` before it is used."
    )


def save_calibration(folder: Path, name: str, calibration: Calibration, provenance: Mapping[str, Any]) -> None:
    """Write a calibration and its cohort, in place of an earlier one.

    Args:
        folder: Where to; made where it is not there.
        name: The encoder's name in the registry.
        calibration: What is written.
        provenance: How it was made, as JSON can hold it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data: dict[str, Any] = {
        item.name: getattr(calibration, item.name) for item in fields(calibration) if item.name != "cohort"
    }
    data["cohort"] = calibration.cohort is not None
    data["cohort_top"] = calibration.cohort.top if calibration.cohort else 0
    data = {key: _rounded(value) for key, value in data.items()} | {"provenance": dict(provenance)}
    if calibration.cohort is not None:
        content = BytesIO()
        # half precision changes a cosine by some 1e-4, far less than any noise does
        np.save(content, calibration.cohort.embeddings.astype(np.float16))
        _replace(folder / f"{name}.cohort.npy", content.getvalue())
    _replace(folder / f"{name}.calibration.json", (json.dumps(data, indent=2) + "\n").encode())
    _read.cache_clear()


@lru_cache(maxsize=16)
def _read(folder: Path, name: str) -> Calibration:
    try:
        data = json.loads((folder / f"{name}.calibration.json").read_text("utf-8"))
        cohort = None
        if data.get("cohort", data["cohort_top"]):
            # no pickle is ever loaded
            rows = np.load(folder / f"{name}.cohort.npy", allow_pickle=False).astype(np.float32)
            cohort = Cohort(rows / np.linalg.norm(rows, axis=1, keepdims=True), int(data["cohort_top"]))
        low, middle, high = ((float(least), float(most)) for least, most in data["ranges"])
        calibration = Calibration(
            encoder_id=str(data["encoder_id"]),
            scale=tuple(float(weight) for weight in data["scale"]),
            offset=tuple(float(weight) for weight in data["offset"]),
            ranges=(low, middle, high),
            thresholds=_thresholds(data["thresholds"]),
            rolling=_thresholds(data["rolling"]),
            reject_llr=float(data["reject_llr"]),
            change_llr=float(data["change_llr"]),
            target_spread=float(data["target_spread"]),
            search=_thresholds(data.get("search", ())),
            cohort=cohort,
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ModelCorrupt(f"The calibration of the encoder {name} cannot be read.") from error
    numbers = np.array([*calibration.scale, *calibration.offset, *np.ravel(calibration.ranges), calibration.reject_llr])
    if not np.isfinite(numbers).all() or not calibration.thresholds or not calibration.rolling:
        raise ModelCorrupt(f"The calibration of the encoder {name} cannot be read.")
    return calibration


def _thresholds(pairs: Any) -> Thresholds:
    return tuple(sorted(((float(far), float(llr)) for far, llr in pairs), reverse=True))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6) if abs(value) > 1e-3 else float(f"{value:.3g}")  # rates of searches are tiny
    return [_rounded(item) for item in value] if isinstance(value, tuple) else value


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(content)
    beside.replace(path)
