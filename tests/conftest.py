"""Settings of all tests."""

import os

# One thread for linear algebra, as the command line has it: sums of more than one round otherwise, and two test
# processes would fight for two cores. It must stand before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path

import pytest
from hypothesis import settings

from tests.quick import quick

__all__ = ["quick"]

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
    tests = Path(__file__).parent
    for item in items:
        if item.path.relative_to(tests).parts[0] in _SYSTEM:
            item.add_marker(pytest.mark.system)
