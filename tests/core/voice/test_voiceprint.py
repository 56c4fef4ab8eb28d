import numpy as np
import pytest

from streamauth.core.voice.pooling import unit
from streamauth.core.voice.voiceprint import Voiceprints, mean_of, middle


def rows(seed: int, count: int) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((count, 16)).astype(np.float32))


def test_a_voice_is_compared_with_the_middle_and_with_the_nearest_view() -> None:
    one, other, voices = rows(1, 7), rows(2, 3), rows(3, 5)
    found = Voiceprints([one, other]).similarities(voices)
    assert found.shape == (2, 5)
    for row, views in zip(found, (one, other), strict=True):
        weighted = unit(5 * views[0] + views.sum(axis=0))
        np.testing.assert_allclose(row, (voices @ weighted + (voices @ views.T).max(axis=1)) / 2, atol=1e-6)


def test_a_single_view_is_compared_by_its_cosine() -> None:
    (view,), voices = rows(4, 1), rows(5, 5)
    for voiceprint in (view, view[None]):
        np.testing.assert_allclose(Voiceprints([voiceprint]).similarities(voices)[0], voices @ view, atol=1e-6)


def test_a_voice_that_is_one_of_the_views_is_nearer_than_by_the_middle_alone() -> None:
    voiceprint = rows(6, 7)
    near = Voiceprints([voiceprint]).similarities(voiceprint)[0]
    np.testing.assert_allclose(near, (1 + voiceprint @ middle(voiceprint)) / 2, atol=1e-6)


def test_the_mean_of_utterances_is_that_of_each_view() -> None:
    one, other = rows(7, 7), rows(8, 7)
    np.testing.assert_allclose(mean_of([one, other], [3.0, 1.0]), unit(3 * one + other), atol=1e-6)
    np.testing.assert_allclose(mean_of([one], [2.5]), one, atol=1e-6)


@pytest.mark.parametrize("flat", [True, False])
def test_an_utterance_from_before_there_were_copies_stands_for_all_views(flat: bool) -> None:
    (before,), now = rows(9, 1), rows(10, 7)
    found = mean_of([before if flat else before[None], now], [1.0, 1.0])
    np.testing.assert_allclose(found, unit(before + now), atol=1e-6)
