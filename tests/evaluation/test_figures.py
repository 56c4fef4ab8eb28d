import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamauth.evaluation.figures import Arrays, figures
from streamauth.evaluation.labels import MEANINGS, table, value_of
from streamauth.evaluation.metrics import cllr
from streamauth.evaluation.report import page
from streamauth.evaluation.run import Evaluation
from streamauth.evaluation.trial_runner import Scoring, TrialOutcome
from streamauth.evaluation.trials import Enrolled, Kind, Trial, TrialList


def evaluation(rows: Sequence[tuple[Kind, TrialOutcome]], scoring: Scoring = Scoring.FULL) -> Evaluation:
    """One of ten people claimed in turn, each trial with a recording of its own."""
    text_dependent = rows[0][0].text_dependent
    people = [Enrolled((Path(f"{n}.wav"),), ("open",) if text_dependent else None) for n in range(10)]
    trials = tuple(Trial(kind, people[n % 10], Path(f"test-{n}.wav")) for n, (kind, _) in enumerate(rows))
    full = scoring is Scoring.FULL
    return Evaluation(
        TrialList(trials, text_dependent),
        tuple(outcome for _, outcome in rows),
        (),
        tuple(trial.test for trial, (_, outcome) in zip(trials, rows, strict=True) if outcome.score is None),
        scoring,
        "some-encoder",
        2.0 if full else None,
        0.01 if full else None,
    )


def drawn(targets: int, nontargets: int) -> list[tuple[Kind, TrialOutcome]]:
    rng = np.random.default_rng(4)
    rows = []
    for kind, count, mean in ((Kind.TARGET, targets, 5.0), (Kind.NONTARGET, nontargets, -5.0)):
        for score in rng.normal(mean, 3.0, count).tolist():
            verdict = "accept" if score > 3 else "reject" if score < -3 else "undecided"
            rows.append((kind, TrialOutcome(score, verdict, 2.0 if kind.target else 3.0)))
    return rows


def test_every_promised_key_is_there() -> None:
    found = figures(evaluation(drawn(40, 200)))
    promised = (
        "eer, mindcf_01, mindcf_05, actdcf, cllr, min_cllr, frr_at_far_01, frr_at_far_001, n_target, n_nontarget, "
        "n_failed_enrol, n_failed_test, encoder, scoring, intervals"
    )
    assert set(promised.split(", ")) <= found.keys()
    decision = "far, frr, undecided, median_speech_s_target, median_speech_s_nontarget"
    assert set(decision.split(", ")) <= found["decision"].keys()
    assert json.loads(json.dumps(found)) == found
    assert (found["n_target"], found["n_nontarget"], found["n_files"]) == (40, 200, 250)
    for name in MEANINGS:
        value = value_of(found, name)
        assert value is not None
        if name != "min_cllr":
            low, high = found["intervals"][name]
            assert low - 1e-6 <= value <= high + 1e-6
            assert low < high


def test_rates_of_decisions_count_the_undecided_as_refused() -> None:
    rows = [
        (Kind.TARGET, TrialOutcome(9.0, "accept", 1.0)),
        (Kind.TARGET, TrialOutcome(1.0, "undecided", 4.0)),
        (Kind.TARGET, TrialOutcome(-9.0, "reject", 2.0)),
        (Kind.TARGET, TrialOutcome(9.0, "accept", 2.5)),
        (Kind.NONTARGET, TrialOutcome(-9.0, "reject", 5.0)),
        (Kind.NONTARGET, TrialOutcome(4.0, "accept", 6.0)),
        (Kind.NONTARGET, TrialOutcome(0.0, "undecided", 7.0)),
        (Kind.NONTARGET, TrialOutcome(-9.0, "reject", 8.0)),
    ]
    found = figures(evaluation(rows))
    assert found["decision"] == {
        "frr": 0.5,
        "far": 0.25,
        "undecided": 0.25,
        "undecided_target": 0.25,
        "undecided_nontarget": 0.25,
        "median_speech_s_target": 2.25,
        "median_speech_s_nontarget": 6.5,
    }
    # the threshold of the score is 2
    assert found["operating_point"] == {"target_far": 0.01, "threshold": 2.0, "far": 0.25, "frr": 0.5}


def test_failed_trials_are_never_accepted_and_never_dropped() -> None:
    sure = [(Kind.TARGET, TrialOutcome(5.0, "accept", 1.0))] * 3 + [
        (Kind.NONTARGET, TrialOutcome(-5.0, "reject", 1.0))
    ] * 4
    failed = [(Kind.TARGET, TrialOutcome(None)), (Kind.NONTARGET, TrialOutcome(None, "undecided", 0.2))]
    found = figures(evaluation([*sure, *failed]))
    assert (found["n_target"], found["n_nontarget"]) == (4, 5)
    assert (found["n_failed_trials_target"], found["n_failed_trials_nontarget"]) == (1, 1)
    assert found["frr_at_far_01"] == 0.25
    assert found["decision"]["frr"] == 0.25
    assert found["decision"]["undecided_target"] == 0.25
    # no evidence is one bit; the sure ones cost next to nothing
    assert found["cllr"] == pytest.approx(cllr([5.0] * 3 + [0.0], [-5.0] * 4 + [0.0]), abs=1e-6)
    assert found["min_cllr"] <= found["cllr"]
    assert "2 tested files failed" in table(found)
    arrays = Arrays.of(evaluation([*sure, *failed]))
    assert arrays.scores[7] < -5.0
    assert arrays.scores[7] == arrays.scores[8]


def test_plain_scores_are_no_llrs() -> None:
    rows = [(kind, TrialOutcome(outcome.score)) for kind, outcome in drawn(20, 50)]
    found = figures(evaluation(rows, Scoring.PLAIN))
    assert found["actdcf"] is found["cllr"] is found["decision"] is found["operating_point"] is None
    assert 0 < found["min_cllr"] < 1
    assert "Cllr " not in table(found).replace("minCllr", "")
    assert "decision" not in table(found)


def test_classes_of_trials_with_phrases() -> None:
    rows = [
        (Kind.TARGET_CORRECT, TrialOutcome(6.0, "accept", 2.0)),
        (Kind.TARGET_CORRECT, TrialOutcome(5.0, "accept", 2.0)),
        (Kind.TARGET_WRONG, TrialOutcome(5.5, "reject", 2.0)),
        (Kind.TARGET_WRONG, TrialOutcome(7.0, "accept", 2.0)),
        (Kind.IMPOSTOR_CORRECT, TrialOutcome(-4.0, "reject", 2.0)),
    ]
    found = figures(evaluation(rows))
    assert (found["n_target"], found["n_nontarget"]) == (2, 3)
    assert found["by_class"] == {
        "TW": {"n": 2, "far": 0.5, "eer": 0.5},
        "IC": {"n": 1, "far": 0.0, "eer": 0.0},
    }
    assert found["decision"]["far"] == pytest.approx(1 / 3, abs=1e-6)
    assert "TW: 2 trials, accepted live 50.00%" in table(found)


def test_intervals_of_no_errors_still_have_width() -> None:
    rows = [(Kind.TARGET, TrialOutcome(9.0, "accept", 1.0))] * 20 + [
        (Kind.NONTARGET, TrialOutcome(-9.0, "reject", 1.0))
    ] * 20
    intervals = figures(evaluation(rows))["intervals"]
    # Wilson's interval of 0 out of 20
    for name in ("eer", "frr_at_far_01", "decision.frr", "decision.far"):
        assert intervals[name] == pytest.approx([0.0, 0.161], abs=1e-3)


def test_presented_recordings_are_in_no_rate_but_their_own() -> None:
    rows = drawn(40, 200)
    plain = evaluation(rows)
    heard = TrialOutcome(9.0, "accept", 2.0), TrialOutcome(-9.0, "reject", 2.0), TrialOutcome(None)
    more = [
        Trial(Kind.NONTARGET, plain.trials.trials[0].claimed, Path(f"pa-{n}.wav"), attack=condition)
        for n, condition in enumerate(("telephone", "telephone", "loudspeaker"))
    ]
    both = replace(
        plain,
        trials=TrialList((*plain.trials.trials, *more), False),
        outcomes=(*plain.outcomes, *heard),
    )
    found = figures(both)
    assert found | {"iapar": {}} == figures(plain)
    assert {name: (each["n"], each["rate"]) for name, each in found["iapar"].items()} == {
        "telephone": (2, 0.5),
        "loudspeaker": (1, 0.0),
    }
    low, high = found["iapar"]["loudspeaker"]["interval"]
    assert low == 0.0
    assert high > 0.7
    assert "Recordings presented, telephone: accepted live (IAPAR) 50.00% of 2" in table(found)
    assert "recordings presented, telephone: IAPAR" in page(found, {})


def test_rates_by_group_are_those_of_the_claimed_people() -> None:
    plain = evaluation(
        [
            (Kind.TARGET, TrialOutcome(9.0, "accept", 1.0)),
            (Kind.TARGET, TrialOutcome(-9.0, "reject", 1.0)),
            (Kind.NONTARGET, TrialOutcome(9.0, "accept", 1.0)),
            (Kind.NONTARGET, TrialOutcome(-9.0, "reject", 1.0)),
        ]
    )
    groups = ("young", "old", "young", "old")
    trials = tuple(replace(trial, group=group) for trial, group in zip(plain.trials.trials, groups, strict=True))
    found = figures(replace(plain, trials=TrialList(trials, False)))
    told = {group: (each["frr"]["rate"], each["far"]["rate"]) for group, each in found["by_group"].items()}
    assert told == {"old": (1.0, 0.0), "young": (0.0, 1.0)}
    assert "Group old: live FRR 100.00% of 1" in table(found)
    assert "old: FRR" in page(found, {})
