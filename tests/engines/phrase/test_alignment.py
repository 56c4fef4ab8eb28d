import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.engines.phrase.alignment import NUMBER, PHONES, SILENCE, AlignmentGraph, Scores, any_phones

CAT: list[tuple[str, ...]] = [("K", "AE", "T")]
DOG: list[tuple[str, ...]] = [("D", "AO", "G"), ("D", "AA", "G")]
STATES = 1 + len(PHONES)


def scores_of(seed: int, frames: int) -> Scores:
    return np.random.default_rng(seed).normal(0, 2, (frames, 2 * STATES))


def bigram_of(seed: int) -> Scores:
    chances = np.random.default_rng(seed).uniform(0.1, 1, (STATES, STATES))
    return np.asarray(np.log(chances / chances.sum(axis=1, keepdims=True)))


def spelled(phones: list[str | None]) -> Scores:
    """Scores that leave no doubt about the phone of each frame; None is a pause."""
    numbers = [SILENCE if phone is None else NUMBER[phone] for phone in phones]
    scores = np.full((len(numbers), 2 * STATES), -20.0)
    for frame, number in enumerate(numbers):
        begins = frame == 0 or numbers[frame - 1] != number
        scores[frame, 2 * number + (0 if begins else 1)] = 0.0
    return scores


def paths_of(graph: AlignmentGraph, frames: int) -> list[tuple[int, ...]]:
    def follows(one: int, other: int) -> bool:
        return one == other or one in graph.before[other]

    states = range(len(graph.phones))
    return [
        path
        for path in itertools.product(states, repeat=frames)
        if path[0] in graph.first and path[-1] in graph.last and all(map(follows, path, path[1:]))
    ]


def score_of(path: tuple[int, ...], graph: AlignmentGraph, scores: Scores, bigram: Scores) -> float:
    total = 0.0
    for frame, state in enumerate(path):
        phone = graph.phones[state]
        if frame and path[frame - 1] == state:
            total += scores[frame, 2 * phone + 1]
        else:
            before = graph.phones[path[frame - 1]] if frame else SILENCE
            total += scores[frame, 2 * phone] + bigram[before, phone]
    return float(total)


@pytest.mark.parametrize("options", [{}, {"partly": True}, {"starts": (0, 1)}])
def test_best_path_and_sum_are_those_of_all_paths(options: dict[str, object]) -> None:
    graph = AlignmentGraph.of([[("AA",)], [("B",), ("K",)]], **options)  # type: ignore[arg-type]
    scores, bigram = scores_of(1, 4), bigram_of(2)
    every = [score_of(path, graph, scores, bigram) for path in paths_of(graph, 4)]
    best, path = graph.best_path(scores, bigram)
    assert best == pytest.approx(max(every))
    assert score_of(tuple(path.tolist()), graph, scores, bigram) == pytest.approx(best)
    assert graph.total(scores, bigram) == pytest.approx(float(np.logaddexp.reduce(every)))


@given(st.integers(0, 10_000), st.integers(1, 30))
def test_no_words_are_likelier_than_everything(seed: int, frames: int) -> None:
    scores, bigram = scores_of(seed, frames), bigram_of(seed)
    assert AlignmentGraph.of([CAT, DOG]).total(scores, bigram) <= any_phones(scores, bigram)[0] + 1e-9


@given(st.integers(0, 10_000), st.integers(1, 30))
def test_posteriors_of_a_frame_add_up_to_one(seed: int, frames: int) -> None:
    _, posteriors = any_phones(scores_of(seed, frames), bigram_of(seed))
    assert posteriors.shape == (frames, STATES)
    assert np.exp(posteriors).sum(axis=1) == pytest.approx(np.ones(frames))


@given(st.integers(0, 10_000), st.integers(6, 30))
def test_networks_side_by_side_are_as_each_by_itself(seed: int, frames: int) -> None:
    both = np.stack([scores_of(seed, frames), scores_of(seed + 1, frames)])
    graph, bigram = AlignmentGraph.of([CAT, DOG], hesitations=True), bigram_of(seed)
    best, paths = graph.best_path(both, bigram)
    for each, scores in enumerate(both):
        alone, path = graph.best_path(scores, bigram)
        assert best[each] == alone
        assert paths[each].tolist() == path.tolist()
        for sums in (graph.forward, graph.backward, lambda *given: any_phones(*given)[1]):
            np.testing.assert_allclose(sums(both, bigram)[each], sums(scores, bigram), atol=1e-9)


@given(st.integers(0, 10_000))
def test_forward_and_backward_meet_in_each_frame(seed: int) -> None:
    scores, bigram = scores_of(seed, 20), bigram_of(seed)
    graph = AlignmentGraph.of([CAT, DOG])
    ways = np.logaddexp.reduce(graph.forward(scores, bigram) + graph.backward(scores, bigram), axis=1)
    assert ways == pytest.approx(np.full(20, graph.total(scores, bigram)))


def test_a_quarter_of_an_hour_of_frames_neither_overflows_nor_vanishes() -> None:
    scores = scores_of(3, 30_000) * 10
    total = float(AlignmentGraph.of([CAT, DOG]).total(scores, bigram_of(3)))
    assert np.isfinite(total)
    assert total < float(any_phones(scores, bigram_of(3))[0])


def test_words_are_found_where_they_are() -> None:
    said = [None, None, "K", "AE", "AE", "T", None, "D", "AA", "G", "G", None]
    graph = AlignmentGraph.of([CAT, DOG])
    _, path = graph.best_path(spelled(said), np.zeros((STATES, STATES)))
    assert graph.words[path].tolist() == [-1, -1, 0, 0, 0, 0, -1, 1, 1, 1, 1, -1]


def test_part_of_the_words_is_found_where_it_may_be() -> None:
    said = ["K", "AE", "T", None]
    _, path = (graph := AlignmentGraph.of([CAT, DOG], partly=True)).best_path(spelled(said), np.zeros((STATES, STATES)))
    assert graph.words[path].tolist() == [0, 0, 0, -1]
    said = [None, "D", "AO", "G"]
    graph = AlignmentGraph.of([CAT, DOG], starts=(0, 1))
    _, path = graph.best_path(spelled(said), np.zeros((STATES, STATES)))
    assert graph.words[path].tolist() == [-1, 1, 1, 1]


def test_hesitations_belong_to_no_word() -> None:
    said = ["AH", "AH", "M", None, "K", "AE", "T", "ER", "ER"]
    graph = AlignmentGraph.of([CAT], hesitations=True)
    score, path = graph.best_path(spelled(said), np.zeros((STATES, STATES)))
    assert graph.words[path].tolist() == [-1, -1, -1, -1, 0, 0, 0, -1, -1]
    assert score == pytest.approx(0)


def test_too_few_frames_for_the_words_are_impossible() -> None:
    scores, bigram = scores_of(0, 5), bigram_of(0)
    assert AlignmentGraph.of([CAT, DOG]).best_path(scores, bigram)[0] == -np.inf
    assert AlignmentGraph.of([CAT, DOG]).total(scores, bigram) == -np.inf


def test_any_sequence_of_words_is_the_sum_of_all_sequences() -> None:
    words = [[("AA",)], [("B",)]]
    scores, bigram = scores_of(7, 2), bigram_of(8)
    sequences = [chosen for count in (1, 2) for chosen in itertools.product(words, repeat=count)]
    spoken = [AlignmentGraph.of(chosen).total(scores, bigram) for chosen in sequences]
    assert AlignmentGraph.any_of(words).total(scores, bigram) == pytest.approx(float(np.logaddexp.reduce(spoken)))
