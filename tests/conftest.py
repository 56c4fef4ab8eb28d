"""Settings of all tests."""

import os

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
