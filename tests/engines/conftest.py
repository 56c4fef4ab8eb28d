import pytest

from tests.quick import own_engines


@pytest.fixture(autouse=True)
def product(monkeypatch: pytest.MonkeyPatch) -> None:
    own_engines(monkeypatch)
