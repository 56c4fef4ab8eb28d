"""What ``scripts.measure.full_store`` writes in bulk is what the product writes one by one."""

from pathlib import Path

import numpy as np

from scripts.measure.full_store import change, drawn, fill, name_of
from scripts.measure.gallery import People
from streamauth.settings import StoreSettings
from streamauth.store.store import Store

ENCODER = "an encoder"


def test_a_store_that_was_filled_in_bulk_is_whole_and_goes_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    people = People(rng.standard_normal((40, 16)).astype(np.float32), 1.0, 1.0)
    with Store.open(tmp_path, StoreSettings(), {}) as store:
        fill(store, ENCODER, people, 30)
        store.maintenance.check()
        found = store.gallery.everybody(ENCODER)
        assert sorted(found) == [name_of(number) for number in range(30)]
        (voices,) = drawn(people, 30)
        for number, voice in enumerate(voices):
            one = found[name_of(number)]
            np.testing.assert_allclose(one.voiceprint, voice[None], atol=1e-6)
            store.standings.check(store.gallery.confirming(one, ENCODER))
        change(tmp_path, "", ENCODER, voices[0])
        assert store.gallery.everybody(ENCODER).keys() ^ found.keys() == {"somebody new", name_of(0)}
        store.maintenance.check()
