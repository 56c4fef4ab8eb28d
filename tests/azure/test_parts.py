"""The parts of the API that are functions of what they are given."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.azure.attempts import Turns, refused_utterance
from streamauth.azure.generations import Generation, Use
from streamauth.azure.operations import Operations
from streamauth.azure.phrases import Phrases
from streamauth.azure.refusals import Refusal, refusal_of
from streamauth.azure.routing import generation_of, profile_id, route_of
from streamauth.azure.scores import confidence_of, score_of, told
from streamauth.core.reasons import Reason
from streamauth.errors import BadSetting, EngineError, all_errors
from streamauth.protocol.disclosure import Disclosure
from streamauth.settings import Settings

llrs = st.integers(-480, 480).map(lambda eighths: eighths / 8)


@given(llrs, llrs, llrs)
def test_scores_rise_with_the_llr_and_are_a_half_at_the_threshold(one: float, other: float, threshold: float) -> None:
    low, high = sorted((one, other))
    scores = score_of(low, threshold), score_of(high, threshold)
    assert 0 <= scores[0] <= scores[1] <= 1
    assert all((score >= 0.5) == (llr - threshold >= 0) for score, llr in zip(scores, (low, high), strict=True))
    order = ["Low", "Normal", "High"]
    assert order.index(confidence_of(scores[0])) <= order.index(confidence_of(scores[1]))
    assert (confidence_of(scores[1]) == "Low") == (scores[1] < 0.5)
    for scale in Disclosure:
        assert told(scores[0], scale) <= told(scores[1], scale)
        assert (told(scores[0], scale) >= 0.5) == (scores[0] >= 0.5)


def test_scores_are_of_a_logistic_function() -> None:
    assert score_of(3.0, 3.0) == 0.5
    assert score_of(3.0 + math.log(9), 3.0) == pytest.approx(0.9)
    for wrong in (math.nan, math.inf):
        with pytest.raises(EngineError):
            score_of(wrong, 0.0)


def test_a_phrase_is_clearly_meant_where_it_is_by_far_the_likeliest_of_the_list() -> None:
    phrases = Phrases(Settings())
    listed = phrases.of("en-US")
    nats = [-48.0] * len(listed)
    assert phrases.clearly_meant(nats, "en-US") is None  # nothing like any
    nats[3] = -10.0
    assert phrases.clearly_meant(nats, "en-US") == listed[3]
    nats[4] = -17.0
    assert phrases.clearly_meant(nats, "en-US") is None  # nearly as likely
    assert phrases.clearly_meant((), "en-US") is None
    assert phrases.clearly_meant((-1.0,), "de-DE") is None


def test_phrases_that_are_meant() -> None:
    phrases = Phrases(Settings())
    assert phrases.meant(("my", "voice", "is", "my", "passport", "verify", "me"), "en-US") == (
        "my voice is my passport verify me"
    )
    assert phrases.meant(("my", "voices", "my", "passport", "verify"), "en-US") == "my voice is my passport verify me"
    heard = ("apple", "use", "taste", "funny", "laughter", "to", "paste")
    assert phrases.meant(heard, "en-US") == "apple juice tastes funny after toothpaste"
    assert phrases.meant(("please", "open", "the", "door"), "en-US") is None
    assert phrases.meant((), "en-US") is None
    assert phrases.meant(("my",), "de-DE") is None
    with pytest.raises(BadSetting):
        Phrases(Settings().with_values({"azure": {"phrases": "..."}}, "tests"))


def test_ids() -> None:
    made = "d7c62d70-632d-4e3d-af8b-8e5485f56dad"
    assert profile_id(made.upper()) == profile_id(made.replace("-", "")) == made
    assert [profile_id(wrong) for wrong in ("", "x", made[:-1], f"{made}0")] == [None] * 4


@given(st.text(), st.sampled_from(["GET", "POST", "PUT", ""]))
def test_addresses_never_fail(path: str, method: str) -> None:
    route_of(method, path)
    generation_of(path)


def test_every_error_of_ours_is_one_of_theirs() -> None:
    for kind in all_errors():
        for generation in Generation:
            refusal = refusal_of(kind(), generation)
            assert 400 <= refusal.status < 600
            assert refusal.code
            assert refusal.message


def test_every_reason_has_words() -> None:
    for reason in Reason:
        assert refused_utterance((reason,), 1.0).status == 400


def test_operations_of_a_tenant_are_bounded_and_end() -> None:
    now = [1000.0]
    settings = Settings().with_values({"azure": {"max_operations": 2, "operation_hours": 24}}, "tests").azure
    operations = Operations(settings, lambda: now[0])
    first, _ = operations.begin("a", "enroll")
    theirs, _ = operations.begin("b", "enroll")
    second, kept = operations.begin("a", "enroll")
    third, _ = operations.begin("a", "enroll")

    async def fail() -> dict[str, object]:
        raise Refusal(400, "InvalidRequest", "why")

    asyncio.run(operations.run(kept, fail))
    assert operations.find("a", second).shown()["message"] == "why"
    for tenant, gone in (("a", first), ("a", theirs), ("b", third), ("c", third)):
        with pytest.raises(Refusal):
            operations.find(tenant, gone)
    now[0] += 24 * 3600 - 1
    assert operations.find("b", theirs).shown()["status"] == "notstarted"
    now[0] += 2
    for tenant, gone in (("a", third), ("b", theirs)):
        with pytest.raises(Refusal):
            operations.find(tenant, gone)


def test_turns() -> None:
    async def scene() -> None:
        turns = Turns()
        order = []

        async def patient(name: str) -> None:
            async with turns.take("x", wait=True):
                order.append(name)

        async with turns.take("x", wait=False):
            waiting = [asyncio.create_task(patient(name)) for name in "ab"]
            await asyncio.sleep(0)
            with pytest.raises(Refusal):
                async with turns.take("x", wait=False):
                    order.append("never")
            async with turns.take("y", wait=False):
                order.append("other")
        await asyncio.gather(*waiting)
        assert order == ["other", "a", "b"]
        async with turns.take("x", wait=False):
            order.append("again")

    asyncio.run(scene())
    assert [use.kind.value for use in Use] == ["text_dependent", "text_independent", "text_independent"]
