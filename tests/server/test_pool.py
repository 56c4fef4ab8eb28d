"""The worker threads."""

import threading
import time

import pytest

from streamauth.server.pool import WorkerPool


def test_results_and_errors_come_back() -> None:
    pool = WorkerPool(2)
    assert pool.submit(lambda: 7).result(5) == 7
    failed = pool.submit(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        failed.result(5)
    assert pool.submit(lambda: 8).result(5) == 8
    pool.close(5)


def test_calls_begin_in_order_and_those_not_begun_can_be_cancelled() -> None:
    pool, gate, order = WorkerPool(1), threading.Event(), list[int]()
    first = pool.submit(gate.wait)
    calls = [pool.submit(lambda n=n: order.append(n)) for n in range(4)]  # type: ignore[misc]
    assert calls[1].cancel()
    gate.set()
    assert first.result(5)
    calls[3].result(5)
    assert not first.cancel()
    assert order == [0, 2, 3]
    pool.close(5)


def test_a_call_that_hangs_keeps_neither_the_others_nor_the_end() -> None:
    pool, gate = WorkerPool(2), threading.Event()
    pool.submit(gate.wait)
    assert pool.submit(lambda: 1).result(5) == 1
    began = time.monotonic()
    pool.close(0.1)
    assert time.monotonic() - began < 1
    left = [thread for thread in threading.enumerate() if thread.name.startswith("streamauth-worker")]
    assert [thread.daemon for thread in left] == [True]
    gate.set()
    left[0].join(5)


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    pool = WorkerPool(3)
    assert threading.active_count() == before + 3
    pool.close(5)
    assert threading.active_count() == before
