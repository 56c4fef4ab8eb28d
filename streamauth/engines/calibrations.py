"""Calibration files: one per encoder, fitted by ``scripts/calibrate.py``, bound to the encoder's id."""

import json
from functools import lru_cache

from streamauth.core.calibration import Calibration
from streamauth.engines.registry import calibration_file
from streamauth.errors import ModelCorrupt, ModelMissing


@lru_cache(maxsize=16)
def load_calibration(name: str, encoder_id: str) -> Calibration:
    """The calibration of an encoder.

    Args:
        name: The encoder's name in the registry.
        encoder_id: Its id; a calibration made for another id is refused.

    Raises:
        ModelMissing: There is none for this encoder.
        ModelCorrupt: The file cannot be read.
    """
    path = calibration_file(name)
    try:
        data = json.loads(path.read_text("utf-8"))
        thresholds = tuple(sorted(((float(far), float(llr)) for far, llr in data["thresholds"]), reverse=True))
        calibration = Calibration(
            encoder_id=str(data["encoder_id"]),
            scale=(float(data["scale"][0]), float(data["scale"][1])),
            offset=(float(data["offset"][0]), float(data["offset"][1])),
            speech_range_s=(float(data["speech_range_s"][0]), float(data["speech_range_s"][1])),
            thresholds=thresholds,
        )
    except FileNotFoundError:
        raise ModelMissing(f"There is no calibration for the encoder {name}. Fit one before it is used.") from None
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise ModelCorrupt(f"The calibration of the encoder {name} cannot be read.") from error
    if calibration.encoder_id != encoder_id or not calibration.thresholds:
        raise ModelMissing(f"The calibration of {name} was fitted for another version of that encoder.")
    return calibration
