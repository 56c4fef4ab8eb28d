import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.engines.phrase.alignment import NUMBER, PHONES, AlignmentGraph
from streamauth.engines.phrase.decoys import Alternative, decoys
from tests.engines.phrase.test_alignment import CAT, DOG, bigram_of, scores_of, spelled

GO: list[tuple[str, ...]] = [("G", "OW")]


@given(st.integers(0, 10_000), st.integers(9, 25))
def test_a_word_is_never_likelier_than_anything_in_its_place(seed: int, frames: int) -> None:
    found = decoys(AlignmentGraph.of([CAT, DOG, GO]), scores_of(seed, frames), bigram_of(seed))
    assert found.replaced.shape == (3,)
    assert found.inserted.shape == (4,)
    assert (found.replaced <= 1e-9).all()


@pytest.mark.parametrize("word", [0, 1])
def test_dropped_is_the_phrase_without_the_word(word: int) -> None:
    words = [CAT, DOG, GO]
    scores, bigram = scores_of(3, 14), bigram_of(4)
    graph = AlignmentGraph.of(words)
    fewer = AlignmentGraph.of(words[:word] + words[word + 1 :])
    expected = graph.total(scores, bigram) - fewer.total(scores, bigram)
    assert decoys(graph, scores, bigram).dropped[word] == pytest.approx(expected)


@pytest.mark.parametrize("place", [0, 1])
def test_inserted_is_any_other_word_put_in(place: int) -> None:
    anything = [tuple(phones) for count in (1, 2) for phones in itertools.product(PHONES, repeat=count)]
    words = [[("K",)], [("T",)]]
    scores, bigram = scores_of(5, 4), bigram_of(6)
    graph = AlignmentGraph.of(words)
    more = AlignmentGraph.of([*words[:place], anything, *words[place:]])
    expected = graph.total(scores, bigram) - more.total(scores, bigram)
    # a pause on the other side of the inserted word is one way more in the graph of words
    assert decoys(graph, scores, bigram).inserted[place] == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(("first", "after"), [(0, 1), (1, 2), (0, 2), (1, 3), (2, 3)])
def test_an_alternative_is_the_phrase_with_other_sounds(first: int, after: int) -> None:
    words = [CAT, DOG, GO]
    scores, bigram = scores_of(7, 16), bigram_of(8)
    graph = AlignmentGraph.of(words)
    other = AlignmentGraph.of([*words[:first], [("M", "IY", "T")], *words[after:]])
    given = [Alternative(first, after, tuple(NUMBER[phone] for phone in ("M", "IY", "T")))] * 2
    expected = graph.total(scores, bigram) - other.total(scores, bigram)
    assert decoys(graph, scores, bigram, given).alternatives == pytest.approx([expected, expected])


def test_clear_speech_is_told_from_each_decoy() -> None:
    bigram = np.full((40, 40), -np.log(40))
    right = decoys(AlignmentGraph.of([CAT, DOG]), spelled([None, "K", "AE", "T", "D", "AO", "G", None]), bigram)
    assert right.replaced.min() > -1
    assert right.dropped.min() > 20
    assert right.inserted.min() > 3
    another = decoys(AlignmentGraph.of([CAT, DOG]), spelled([None, "K", "IY", "T", "D", "AO", "G", None]), bigram)
    assert another.replaced[0] < -10
    assert another.replaced[1] > -1
    fewer = decoys(AlignmentGraph.of([CAT, DOG]), spelled([None, "K", "AE", "T", None, None, None, None]), bigram)
    assert fewer.dropped[1] < -20
    said = spelled([None, "K", "AE", "T", "M", "IY", "D", "AO", "G", None])
    more = decoys(AlignmentGraph.of([CAT, DOG]), said, bigram)
    assert more.inserted[1] < -20


def test_one_word_cannot_be_dropped() -> None:
    found = decoys(AlignmentGraph.of([CAT]), scores_of(1, 8), bigram_of(1))
    assert found.dropped.tolist() == [np.inf]
