import numpy as np
import pytest

from streamauth.core.voice.adaptation import adapted
from streamauth.core.voice.calibration import cosine
from streamauth.core.voice.pooling import unit
from streamauth.settings import AdaptationSettings

SETTINGS = AdaptationSettings(enabled=True, rate=0.1, min_similarity=0.9)
ENROLLED = unit(np.array([1.0, 0.0, 0.0], np.float32))
NOW = unit(np.array([1.0, 0.3, 0.0], np.float32))
THIEF = unit(np.array([0.3, 0.0, 1.0], np.float32))


def test_each_accept_moves_it_a_little_towards_the_voice() -> None:
    moved = adapted(ENROLLED, ENROLLED, NOW, SETTINGS)
    assert moved is not None
    assert cosine(ENROLLED, NOW) < cosine(moved, NOW) < 1
    assert np.linalg.norm(moved) == pytest.approx(1)


def test_a_voice_that_stays_changed_is_reached_in_the_end() -> None:
    current = ENROLLED
    for _ in range(100):
        moved = adapted(ENROLLED, current, NOW, SETTINGS)
        assert moved is not None
        current = moved
    assert cosine(current, NOW) == pytest.approx(1, abs=1e-4)


def test_each_view_follows_and_each_has_the_bound() -> None:
    enrolled = unit(np.array([[1.0, 0.0, 0.0], [0.8, 0.0, -0.6]], np.float32))
    moved = adapted(enrolled, enrolled, NOW, SETTINGS)
    assert moved is not None
    for before, after in zip(enrolled, moved, strict=True):
        assert cosine(before, NOW) < cosine(after, NOW) < 1
    current = enrolled
    for _ in range(1000):
        moved = adapted(enrolled, current, THIEF, SETTINGS)
        current = current if moved is None else moved
    assert min(map(cosine, current, enrolled)) >= SETTINGS.min_similarity


def test_however_often_another_voice_is_accepted_the_bound_holds() -> None:
    current = ENROLLED
    for _ in range(1000):
        moved = adapted(ENROLLED, current, THIEF, SETTINGS)
        current = current if moved is None else moved
    assert cosine(current, ENROLLED) >= SETTINGS.min_similarity
    assert adapted(ENROLLED, current, THIEF, SETTINGS) is None
