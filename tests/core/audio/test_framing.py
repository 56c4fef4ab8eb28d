import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.audio.framing import Framer


@given(st.integers(0, 3000), st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_any_chunking_gives_the_same_frames(total: int, sizes: list[int]) -> None:
    samples = np.arange(total, dtype=np.float32)
    framer, frames, at, turn = Framer(160), [], 0, 0
    while at < total:
        size = sizes[turn % len(sizes)]
        frames += [frame.copy() for frame in framer.feed(samples[at : at + size])]
        at, turn = at + size, turn + 1
    frames += list(framer.finish())
    assert all(frame.shape == (160,) for frame in frames)
    joined = np.concatenate(frames) if frames else np.zeros(0)
    assert len(joined) == -(-total // 160) * 160
    assert np.array_equal(joined[:total], samples)
    assert not joined[total:].any()


def test_a_consumer_that_stops_early_loses_nothing_of_the_next_chunk() -> None:
    framer = Framer(4)
    next(framer.feed(np.arange(10, dtype=np.float32)))
    assert [list(frame) for frame in framer.feed(np.arange(10, 12, dtype=np.float32))] == [[8, 9, 10, 11]]
