"""Settings of all tests."""

from hypothesis import settings

# the same examples in each run, and no example fails because the machine is busy
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
