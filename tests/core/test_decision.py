import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.audio.quality import Quality
from streamauth.core.decision import PhraseRule, PhraseState, Share, VoiceRule, joint_llr, lacking
from streamauth.core.events import Reason, Verdict
from streamauth.core.ports import LEAST_LLR, Transcript, Word
from streamauth.settings import DecisionSettings, PhraseSettings, PromptSettings

SETTINGS = DecisionSettings(min_speech_s=0.8, early_speech_s=1.2, decide_speech_s=5.0)
RULE = VoiceRule(accept_llr=2.0, reject_llr=-4.0, settings=SETTINGS, doubt_llr=0.0)


@pytest.mark.parametrize(
    ("llr", "speech_s", "verdict"),
    [
        (50.0, 1.1, None),
        (-50.0, 1.1, None),
        (1.9, 1.2, None),
        (2.0, 1.2, Verdict.ACCEPT),
        (-3.9, 1.2, None),
        (-4.0, 1.2, Verdict.REJECT),
        (2.0, 5.0, Verdict.ACCEPT),
        (1.9, 5.0, Verdict.UNDECIDED),
        (0.0, 5.0, Verdict.REJECT),
    ],
)
def test_either_bound_decides_at_once_and_the_budget_at_the_latest(
    llr: float, speech_s: float, verdict: Verdict | None
) -> None:
    assert RULE.early(llr, speech_s) is verdict


def test_nobody_is_rejected_while_more_and_more_speaks_for_them() -> None:
    assert RULE.early(-4.5, 1.6, -5.1) is None
    assert RULE.early(-4.5, 1.6, -4.9) is Verdict.REJECT
    assert RULE.early(-4.5, 1.6, -4.0) is Verdict.REJECT
    assert RULE.early(-4.5, 5.0, -9.0) is Verdict.REJECT


def test_nobody_is_rejected_for_a_sound_far_louder_than_what_follows_it() -> None:
    assert RULE.early(-4.5, 1.6, -4.0, is_uneven=True) is None
    assert RULE.early(9.0, 1.6, is_uneven=True) is Verdict.ACCEPT
    assert RULE.early(-4.5, 5.0, is_uneven=True) is Verdict.REJECT


def test_at_the_end_evidence_for_another_voice_rejects_and_too_little_evidence_decides_nothing() -> None:
    assert RULE.final(2.0, 0.8) is Verdict.ACCEPT
    assert RULE.final(1.9, 0.8) is Verdict.UNDECIDED
    assert RULE.final(0.0, 0.8) is Verdict.REJECT
    assert RULE.final(99.0, 0.7) is Verdict.UNDECIDED


def test_where_words_were_said_there_is_no_more_to_wait_for() -> None:
    rule = VoiceRule(2.0, -4.0, SETTINGS)
    assert rule.final(2.0, 0.8) is Verdict.ACCEPT
    assert rule.final(1.9, 0.8) is Verdict.REJECT
    assert rule.final(99.0, 0.7) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("silent", "speech_s", "reason"),
    [(True, 0.0, Reason.DIGITAL_SILENCE), (False, 0.0, Reason.NO_SPEECH), (False, 0.3, Reason.TOO_LITTLE_SPEECH)],
)
def test_what_is_lacking_is_named(silent: bool, speech_s: float, reason: Reason) -> None:
    assert lacking(Quality(-20.0, 30.0, 0.0, 0.0, -20.0, silent), speech_s) == (reason,)


def heard(text: str) -> Transcript:
    return Transcript(tuple(Word(word, 0.0, 0.1, 1.0) for word in text.split()))


def rule(*utterances: str) -> PhraseRule:
    phrase = PhraseRule(("open", "the", "front", "door", "please"), PhraseSettings(timeout_ms=1000))
    for number, text in enumerate(utterances):
        phrase.add(heard(text), 16_000 * number)
    return phrase


@pytest.mark.parametrize(
    ("utterances", "state"),
    [
        (["open the front door please"], PhraseState.MATCHED),
        (["um open the front door please uh"], PhraseState.MATCHED),
        (["open the", "front door please"], PhraseState.MATCHED),
        (["um", "open the front door please"], PhraseState.MATCHED),
        (["key", "open the front door please"], PhraseState.MATCHED),
        (["open the", "open the front door please"], PhraseState.MATCHED),
        (["open the"], PhraseState.INCOMPLETE),
        (["open the front door"], PhraseState.INCOMPLETE),
        ([""], PhraseState.WAITING),
        (["key"], PhraseState.WAITING),
        (["open the window door please"], PhraseState.WRONG),
        (["open the door front please"], PhraseState.WRONG),
        (["front door please"], PhraseState.WRONG),
        (["open the front door please please"], PhraseState.WRONG),
        (["my voice is key"], PhraseState.WRONG),
        (["open the", "key is voice"], PhraseState.WRONG),
    ],
)
def test_phrase_states(utterances: list[str], state: PhraseState) -> None:
    assert rule(*utterances).state is state


def test_an_unfinished_phrase_is_waited_for_until_timeout_is_lost() -> None:
    phrase = rule("open the")
    assert not phrase.timed_out(15_999, in_utterance=False)
    assert not phrase.timed_out(99_999, in_utterance=True)
    assert phrase.timed_out(16_000, in_utterance=False)
    assert not rule().timed_out(99_999, in_utterance=False)


def test_a_matched_phrase_stays_matched() -> None:
    phrase = rule("open the front door please", "close the window")
    assert phrase.state is PhraseState.MATCHED
    assert phrase.heard == "open the front door please"


@pytest.mark.parametrize(
    ("utterances", "share"),
    [
        (["open the"], Share.NEXT),
        (["open the", "front door please"], Share.NEXT),
        (["open the", "open the front"], Share.FIRST),
        (["open the", "open the front door please"], Share.FIRST),
        (["key"], Share.NONE),
        ([""], Share.NONE),
        (["open the", "um"], Share.NONE),
        (["open the", ""], Share.NONE),
        (["my voice is key"], Share.NEXT),
        (["open the front door please", "open"], Share.NONE),
    ],
)
def test_which_utterances_carry_the_words(utterances: list[str], share: Share) -> None:
    *before, last = utterances
    assert rule(*before).add(heard(last), 99_999) is share


def prompted(phrase: str, *utterances: str) -> PhraseRule:
    both = PhraseRule(tuple(phrase.split()), PromptSettings(), ("four", "seven"))
    for number, text in enumerate(utterances):
        both.add(heard(text), 16_000 * number)
    return both


@pytest.mark.parametrize(
    ("phrase", "utterances", "reasons"),
    [
        ("open door", ["open door", "four seven"], (Reason.PHRASE_MATCH, Reason.PROMPT_MATCH)),
        ("", ["four seven"], (Reason.PROMPT_MATCH,)),
        ("open door", ["open door", "four"], (Reason.PROMPT_INCOMPLETE,)),
        ("open door", ["open door four eight"], (Reason.PROMPT_MISMATCH,)),
        ("open door", ["open"], (Reason.PHRASE_INCOMPLETE,)),
        ("open door", ["my key four seven"], (Reason.PHRASE_MISMATCH,)),
        ("open door", ["four seven"], (Reason.PHRASE_MISMATCH,)),
        ("", ["seven four"], (Reason.PROMPT_MISMATCH,)),
    ],
)
def test_what_is_said_of_phrase_and_prompt(phrase: str, utterances: list[str], reasons: tuple[Reason, ...]) -> None:
    assert prompted(phrase, *utterances).reasons == reasons


def sure(text: str, llr: float) -> Transcript:
    return replace(heard(text), llr=llr)


def strict(min_llr: float = 2.0) -> PhraseRule:
    return PhraseRule(("open", "the", "door"), PhraseSettings(timeout_ms=1000), min_llr=min_llr)


@pytest.mark.parametrize(("llr", "state"), [(2.0, PhraseState.MATCHED), (1.9, PhraseState.WRONG)])
def test_words_must_be_likely_enough(llr: float, state: PhraseState) -> None:
    phrase = strict()
    assert phrase.completed_by(sure("open the door", llr)) is (state is PhraseState.MATCHED)
    phrase.add(sure("open the door", llr), 0)
    assert phrase.state is state


def test_the_least_likely_utterance_counts() -> None:
    phrase = strict()
    phrase.add(sure("open the", 3.0), 0)
    assert phrase.completed_by(sure("door", 5.0))
    phrase.add(sure("door", 5.0), 16_000)
    assert phrase.state is PhraseState.MATCHED
    assert phrase.llr == 3.0


def test_a_new_start_forgets_the_first() -> None:
    phrase = strict()
    phrase.add(sure("open the", 2.5), 0)
    phrase.add(sure("open the door", 6.0), 16_000)
    assert phrase.llr == 6.0


def test_a_recognizer_without_likelihood_is_taken_at_its_word() -> None:
    phrase = strict()
    phrase.add(heard("open the door"), 0)
    assert phrase.state is PhraseState.MATCHED
    assert phrase.llr == math.inf


def test_until_all_words_match_the_likeliest_utterance_counts_and_never_as_said() -> None:
    phrase = strict()
    assert (phrase.llr, phrase.whole_llr) == (LEAST_LLR, None)
    for text, llr, whole_llr in (("open the", 9.0, -8.0), ("", 1.0, -12.0)):
        phrase.add(replace(sure(text, llr), whole_llr=whole_llr), 0)
        assert (phrase.state, phrase.llr) == (PhraseState.INCOMPLETE, -8.0)
    phrase.add(replace(sure("open the window", 1.0), whole_llr=7.0), 0)
    assert (phrase.state, phrase.llr, phrase.whole_llr) == (PhraseState.WRONG, 2.0, 7.0)


@given(st.floats(-30, 30), st.floats(-30, 30))
def test_voice_and_phrase_together_are_worth_less_than_each(voice: float, phrase: float) -> None:
    assert joint_llr(voice, phrase) <= min(voice, phrase) + 1e-9
    assert joint_llr(voice, math.inf) == pytest.approx(voice)
