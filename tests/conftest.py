"""Settings of all tests."""

import gc
import os

# One thread for linear algebra, as the command line has it: sums of more than one round otherwise, and two test
# processes would fight for two cores. It must stand before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path

import pytest
from hypothesis import settings

from tests.quick import quick

__all__ = ["quick"]

# A process of tests makes much that stays; to look for garbage as often as a small one does costs a twentieth of it all
gc.set_threshold(10_000, 50, 20)
# Tests say the same few recordings again and again. Those of replays turn the refusal on.
os.environ["STREAMAUTH_REPLAY_REFUSE"] = "false"
# A busy machine must not make a test fail.
os.environ["STREAMAUTH_SERVER_CALL_TIMEOUT_S"] = "300"

# the same examples in each run, and no example fails because the machine is busy
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# folders whose tests all run the product as its users do: as a server, by its examples, through every entrance
_SYSTEM = {"azure", "examples", "golden"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell the unit tests from the others; single tests are marked where they stand."""
    folders = tuple(f"{Path(__file__).parent / room}{os.sep}" for room in _SYSTEM)
    for item in items:
        if str(item.path).startswith(folders):
            item.add_marker(pytest.mark.system)
