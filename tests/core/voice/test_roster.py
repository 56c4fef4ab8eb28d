from dataclasses import replace

import numpy as np
import pytest

from streamauth.core.audio.quality import Quality
from streamauth.core.events import Candidate
from streamauth.core.ports import Voiceprint
from streamauth.core.voice import roster
from streamauth.core.voice.calibration import Calibration, Cohort
from streamauth.core.voice.pooling import VoiceSample, unit
from streamauth.core.voice.roster import Roster
from streamauth.core.voice.scoring import Gallery
from tests.fakes import FAKE_CALIBRATION

DIM = 32
QUALITY = Quality(-20.0, 30.0, 0.0, 0.0, -15.0, False)
People = dict[str, tuple[Voiceprint, ...]]


def voices(rng: np.random.Generator, count: int) -> Voiceprint:
    return unit(rng.standard_normal((count, DIM)).astype(np.float32))


def calibration(rng: np.random.Generator, top: int) -> Calibration:
    return replace(FAKE_CALIBRATION, cohort=Cohort(voices(rng, 40), top))


def linear(people: People, voice: VoiceSample, used: Calibration) -> list[Candidate]:
    """Each by themselves, one after the other."""
    found = []
    for name, voiceprints in people.items():
        best = max(Gallery(voiceprints, used).compare(voice, QUALITY), key=lambda one: (one.llr, one.score))
        found.append(Candidate(name, best.score, best.llr))
    return sorted(found, key=lambda one: (-one.llr, one.name))


def assert_same(found: tuple[Candidate, ...], expected: list[Candidate]) -> None:
    assert [one.name for one in found] == [one.name for one in expected]
    np.testing.assert_allclose([one.llr for one in found], [one.llr for one in expected], atol=1e-3)
    np.testing.assert_allclose([one.score for one in found], [one.score for one in expected], atol=1e-6)


@pytest.mark.parametrize("top", [0, 10])
@pytest.mark.parametrize("views", [1, 3])
def test_a_search_ranks_as_a_linear_scan_whoever_comes_and_goes(
    top: int, views: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "_FEW", 6)
    rng = np.random.default_rng(views)
    used = calibration(rng, top)
    people: People = {f"p{number:03}": (voices(rng, views),) for number in range(30)}
    searched = Roster.of(people, used)
    for step in range(12):
        gone = set(rng.choice(sorted(people), rng.integers(0, 4), replace=False).tolist())
        fresh: People = {
            f"p{rng.integers(0, 45):03}": tuple(voices(rng, views) for _ in range(rng.integers(1, 4)))
            for _ in range(rng.integers(0, 4))
        }
        before = dict(people)
        people = {name: given for name, given in people.items() if name not in gone} | fresh
        former, searched = searched, searched.changed(gone - fresh.keys(), fresh)
        assert searched.chances == sum(map(len, people.values()))
        # a voice of somebody, of somebody who went, or of nobody
        known = [*before.values(), *people.values()]
        whose = known[rng.integers(0, len(known))][0] if step % 3 else voices(rng, 1)
        voice = VoiceSample(unit(np.atleast_2d(whose)[0] + 0.1 * voices(rng, 1)[0]), 4.0)
        assert_same(searched.rank(voice, QUALITY), linear(people, voice, used)[: roster.RANKED])
        assert_same(former.rank(voice, QUALITY), linear(before, voice, used)[: roster.RANKED])
        out = set(rng.choice(sorted(people), 5, replace=False).tolist())
        left = {name: given for name, given in people.items() if name not in out}
        assert_same(searched.without(out).rank(voice, QUALITY), linear(left, voice, used)[: roster.RANKED])
        name = next(iter(left))
        alone = searched.gallery_of(name).compare(voice, QUALITY)
        assert alone == Gallery(people[name], used).compare(voice, QUALITY)


def test_what_does_not_change_is_shared() -> None:
    rng = np.random.default_rng(5)
    first = Roster.of({f"p{number}": (voices(rng, 1),) for number in range(20)}, FAKE_CALIBRATION)
    assert first.changed((), {}) is first
    assert first.without(()) is first
    later = first.changed({"p3"}, {"new": (voices(rng, 1),)})
    assert later._parts[0].gallery is first._parts[0].gallery
    assert (first.chances, later.chances, len(later._parts)) == (20, 20, 2)


def test_nobody_is_left() -> None:
    rng = np.random.default_rng(6)
    voice = VoiceSample(voices(rng, 1)[0], 4.0)
    alone = Roster.of({"ann": (voices(rng, 1),)}, FAKE_CALIBRATION)
    for empty in (alone.without({"ann"}), alone.changed({"ann"}, {}), Roster.of({}, FAKE_CALIBRATION)):
        assert (empty.chances, empty.rank(voice, QUALITY)) == (0, ())
    assert Roster.of({}, FAKE_CALIBRATION).changed((), {"ben": (voices(rng, 1),)}).chances == 1
