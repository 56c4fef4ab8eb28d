from collections.abc import Iterator

import pytest

from tests.server.rig import Watched, server


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Watched]]:
    """One server for all cells of a table, of which each leaves it as it was; its URL and its application."""
    with server(tmp_path_factory.mktemp("running")) as (url, watched):
        yield url, watched
