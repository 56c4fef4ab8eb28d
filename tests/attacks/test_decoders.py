"""A file that makes its decoder crash, hang or eat memory is refused by name, and the server goes on."""

import sys
from pathlib import Path

import pytest

from streamauth.server import app
from streamauth.sources.decoders import Decoders
from tests.attacks.rig import asked, attacked, code_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there are such processes on Linux only")


def test_what_breaks_a_decoder_does_not_break_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hostile(*, memory_mb: float, step_s: float) -> Decoders:
        return Decoders(memory_mb=memory_mb, step_s=1.0, module="tests.sources.hostile_decoder")

    hostile.available = Decoders.available  # type: ignore[attr-defined]
    monkeypatch.setattr(app, "Decoders", hostile)
    with attacked(tmp_path) as (url, watched):
        ada = watched.store.profiles.get("ada").id
        for deed in (b"crash", b"spin", b"eat"):
            status, _, body = asked(url, "POST", f"/v1/profiles/{ada}/verifications", b"fLaC " + deed)
            assert (status, code_of(body)) == (400, "decoder_failed")
        assert asked(url, "GET", "/readyz")[0] == 200
        assert watched.failures("ada") == 0
