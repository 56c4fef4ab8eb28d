"""Every mode through every entrance gives what was recorded."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from streamauth import Authenticator
from tests.golden import python_api
from tests.golden.recordings import PLACES, Visit, differences, read, visit

REMEDY = (
    "If this is wanted, say in the commit which figures change and why, and run `python -m tests.golden.record`. "
    "If the clips differ as well, this machine decodes OGG to other samples."
)


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Visit]]:
    """Opens a place when its first part is tested, and leaves it open for the others."""
    with ExitStack() as stack:

        @cache
        def opened(place: str) -> Visit:
            return stack.enter_context(visit(place, tmp_path_factory.mktemp(place) / "home"))

        yield opened


# those of Python were recorded in even chunks, and come again below in uneven ones
PARTS = [(place, part) for place, (_, parts) in PLACES.items() for part in parts if place != "python"]


@pytest.mark.parametrize(("place", "part"), PARTS)
def test_as_recorded(visited: Callable[[str], Visit], place: str, part: str) -> None:
    told = list(differences(place, read(place, part), visited(place).record(part)))
    assert not told, "\n".join(["", *told[:40], f"{len(told)} differences. {REMEDY}"])


@pytest.fixture(scope="module")
def authenticator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authenticator]:
    """An application whose enrollments were streamed in uneven chunks, too."""
    with python_api.opened(tmp_path_factory.mktemp("uneven") / "home") as opened:
        yield opened


@pytest.fixture(scope="module")
def enrolled(authenticator: Authenticator) -> dict[str, object]:
    """What its enrollments told."""
    return python_api.record(authenticator, "enroll", python_api.uneven(1))


@pytest.mark.parametrize("group", python_api.SCENES)
def test_python_however_it_is_cut(authenticator: Authenticator, enrolled: dict[str, object], group: str) -> None:
    found = enrolled if group == "enroll" else python_api.record(authenticator, group, python_api.uneven(2))
    told = list(differences("python", read("python", group), found))
    assert not told, "\n".join(["", *told[:40], f"{len(told)} differences. {REMEDY}"])
