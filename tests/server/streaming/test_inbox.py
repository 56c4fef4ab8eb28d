"""The queue between the socket and the engines."""

import asyncio

import pytest

from streamauth.protocol.messages import End, EndUtterance
from streamauth.server.streaming.inbox import Inbox


def test_order_is_kept_and_small_frames_are_joined() -> None:
    async def check() -> None:
        inbox = Inbox(max_bytes=1 << 20, batch_bytes=6)
        for message in (b"ab", b"cd", b"ef", b"gh", EndUtterance(), b"ij", End()):
            await inbox.put(message)
        taken = [(await inbox.take())[0] for _ in range(5)]
        assert taken == [b"abcdef", b"gh", EndUtterance(), b"ij", End()]

    asyncio.run(check())


def test_a_long_frame_is_one_item() -> None:
    async def check() -> None:
        inbox = Inbox(max_bytes=10, batch_bytes=4)
        await inbox.put(bytes(100))
        assert len((await inbox.take())[0]) == 100  # type: ignore[arg-type]

    asyncio.run(check())


@pytest.mark.parametrize("message", [b"x", EndUtterance()])
def test_a_full_inbox_makes_the_reader_wait(message: bytes | EndUtterance) -> None:
    async def check() -> None:
        inbox = Inbox(max_bytes=8, batch_bytes=4)
        await inbox.put(bytes(4))
        await inbox.put(bytes(4))
        putting = asyncio.create_task(inbox.put(message))
        await asyncio.sleep(0.01)
        assert not putting.done()
        await inbox.take()
        await asyncio.wait_for(putting, 60)

    asyncio.run(check())


def test_an_empty_inbox_makes_the_worker_wait() -> None:
    async def check() -> None:
        inbox = Inbox(max_bytes=8, batch_bytes=4)
        taking = asyncio.create_task(inbox.take())
        await asyncio.sleep(0.01)
        assert not taking.done()
        await inbox.put(b"ab")
        assert (await asyncio.wait_for(taking, 1))[0] == bytearray(b"ab")

    asyncio.run(check())


def test_the_wait_is_measured_from_the_first_byte() -> None:
    async def check() -> None:
        inbox = Inbox(max_bytes=80, batch_bytes=40)
        await inbox.put(b"ab")
        await asyncio.sleep(0.05)
        await inbox.put(b"cd")
        assert (await inbox.take())[1] >= 0.04

    asyncio.run(check())
