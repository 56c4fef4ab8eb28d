"""Attempts as ``scripts.measure.decision_time`` makes them."""

from pathlib import Path

import numpy as np
import pytest

from scripts.measure.decision_time import clip, decided, enroll
from streamauth.service.authenticator import Authenticator

pytestmark = pytest.mark.system


def test_a_phrase_is_decided_after_its_last_sound(tmp_path: Path) -> None:
    authenticator = Authenticator.open(tmp_path)
    enroll(authenticator, "awb")
    said = clip("awb", "door-4")
    assert np.abs(said[[0, -1]].astype(int)).min() > 300
    ran_s, one_core_s, silence_s, processor_s = decided(authenticator, "awb", said)
    authenticator.close()
    assert 0.0 < silence_s < min(ran_s, one_core_s)
    assert processor_s > 0.0
