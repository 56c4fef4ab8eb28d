from threading import Event

import pytest

from streamauth.engines.once import beside
from streamauth.errors import EngineError


def test_work_goes_on_beside_the_caller_until_it_is_needed() -> None:
    begun, go_on = Event(), Event()

    def work() -> str:
        begun.set()
        assert go_on.wait(30)
        return "done"

    result = beside(work)
    assert begun.wait(30)
    go_on.set()
    assert result() == "done"
    assert result() == "done"


def test_a_failure_reaches_whoever_needs_the_result() -> None:
    def work() -> str:
        raise EngineError("The runtime failed.")

    result = beside(work)
    with pytest.raises(EngineError, match="The runtime failed"):
        result()
