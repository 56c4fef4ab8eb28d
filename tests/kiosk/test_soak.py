"""A short soak; ``python -m tests.kiosk.soak`` is the long one."""

from pathlib import Path

from tests.kiosk.soak import run


def test_memory_threads_and_files_stay_as_they_are(tmp_path: Path) -> None:
    grown = run(tmp_path, visitors=36, first=12)
    # what keeps one list of a visit's events keeps more than so much a visitor
    assert grown.blocks < 24 * 30
    assert grown.threads <= 0
    assert grown.files <= 4  # connections of a pool that fills
