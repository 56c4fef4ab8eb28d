"""Which look of an attempt the groups of people are judged by."""

import numpy as np

from scripts.measure.groups import judged
from streamauth.evaluation.fitting import Trials


def trials(attempt: list[int], speech_s: list[float]) -> Trials:
    count = len(attempt)
    side = np.stack((np.log(speech_s), np.zeros(count), np.zeros(count)), axis=1)
    zeros = np.zeros(count)
    number = np.array(attempt)
    return Trials(zeros, side, zeros > 0, number, number, zeros, np.ones(count), count)


def test_the_last_look_or_the_first_with_so_much_speech() -> None:
    heard = trials([0, 0, 0, 1, 2, 2], [1.6, 3.0, 5.0, 1.6, 1.6, 3.4])
    assert judged(heard, None).tolist() == [2, 3, 5]
    assert judged(heard, 3.0).tolist() == [1, 5]
    assert judged(heard, 1.6).tolist() == [0, 3, 4]
    assert judged(heard, 6.0).tolist() == []
