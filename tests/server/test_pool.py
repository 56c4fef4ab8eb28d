"""The worker threads."""

import asyncio
import threading
import time

import pytest

from streamauth.errors import EngineError, Overloaded
from streamauth.server.pool import WorkerPool
from tests.server.rig import until


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
    assert time.monotonic() - began < 10
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


def test_a_call_that_hangs_is_given_up_and_its_thread_replaced() -> None:
    pool, gate = WorkerPool(1), threading.Event()

    async def check() -> None:
        with pytest.raises(EngineError):
            await pool.result(pool.submit(gate.wait), queue_s=5, call_s=0.05)
        assert await pool.result(pool.submit(lambda: 7), queue_s=5, call_s=5) == 7
        for _ in range(3):
            with pytest.raises(EngineError):
                await pool.result(pool.submit(gate.wait), queue_s=5, call_s=0.05)
        assert pool.exhausted
        # the last of the spares is in use, so now whoever comes has to wait
        with pytest.raises(EngineError):
            await pool.result(pool.submit(gate.wait), queue_s=5, call_s=0.05)
        with pytest.raises(Overloaded):
            await pool.result(pool.submit(lambda: 7), queue_s=0.05, call_s=5)
        gate.set()
        assert await pool.result(pool.submit(lambda: 8), queue_s=5, call_s=5) == 8

    try:
        asyncio.run(check())
        until(lambda: not pool.exhausted)
    finally:
        gate.set()
        pool.close(5)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("streamauth-worker")]


def test_whoever_no_longer_waits_takes_his_call_back() -> None:
    pool, gate, ran = WorkerPool(1), threading.Event(), list[int]()

    async def check() -> None:
        first = pool.submit(gate.wait)
        waiting = asyncio.create_task(pool.result(pool.submit(lambda: ran.append(1)), queue_s=5, call_s=5))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait({waiting})
        gate.set()
        await asyncio.wrap_future(first)

    asyncio.run(check())
    pool.close(5)
    assert ran == []
