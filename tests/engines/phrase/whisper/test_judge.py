import json
from collections.abc import Mapping
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from streamauth.catalog.registry import models_folder
from streamauth.core.ports import LEAST_LLR, Rendering, Samples, Word
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.check import FreeCheck, PhraseCheck
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.whisper.evidence import WordScores
from streamauth.engines.phrase.whisper.forms import WrittenForms
from streamauth.engines.phrase.whisper.fusion import FILE, KINDS, TERMS, Evidence, Fusion, forgiven_share, noise_in
from streamauth.engines.phrase.whisper.judge import PhraseJudge
from streamauth.engines.phrase.whisper.model import Heard, WhisperModel
from streamauth.errors import ModelCorrupt
from tests.engines.phrase.rig import DOOR, PASSPORT, speech

PHRASE, FOLDER = models_folder() / "vosk-en" / "phrase", models_folder() / "whisper-tiny-en"
SURE = WordScores((0.0,), 0.0, (0.0,))
VOSKS = (Word("other", 0.0, 0.0, 1.0),)


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon(PHRASE)


@pytest.fixture(scope="module")
def model() -> AcousticModel:
    return AcousticModel(PHRASE)


@pytest.fixture(scope="module")
def judge(lexicon: Lexicon) -> PhraseJudge:
    return PhraseJudge(lambda: FOLDER, lexicon)


@pytest.mark.parametrize("voice", ["awb", "slt"])
def test_the_words_that_were_said_explain_an_utterance_best(judge: PhraseJudge, voice: str) -> None:
    opinion = judge.opinion(speech(voice, "door-1"))
    at = DOOR.index("door")
    others = ((*DOOR[:at], "window", *DOOR[at + 1 :]), DOOR[:-1], (*DOOR, "again"), DOOR[::-1], DOOR[2:])
    right = opinion.evidence(DOOR, 5.0, 0.0)
    assert right.scores is not None
    assert opinion.llr(right) > 3
    for words in others:
        wrong = opinion.evidence(words, 5.0, 0.0)
        assert wrong.scores is not None
        assert wrong.scores.total < right.scores.total - 2, words
    assert opinion.words == DOOR


def test_words_that_are_likely_are_judged_as_others_are(judge: PhraseJudge) -> None:
    for samples in (speech("slt", "door-1"), np.zeros(16_000, np.float32)):
        one, other = judge.opinion(samples), judge.opinion(samples, DOOR)
        assert one.words == other.words
        assert np.array_equal(one.rendering, other.rendering)
        # the runtime rounds one token otherwise than several
        assert one.likelihood(DOOR) == pytest.approx(other.likelihood(DOOR), rel=0.01, abs=0.05)


def test_nobody_waits_until_another_utterance_was_listened_to(
    judge: PhraseJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Barrier(2, timeout=30)
    hear = WhisperModel.hear

    def together(model: WhisperModel, samples: Samples) -> Heard:
        both.wait()
        return hear(model, samples)

    monkeypatch.setattr(WhisperModel, "hear", together)
    one, other = judge.opinion(speech("slt", "door-1")), judge.opinion(speech("awb", "door-1"))
    assert one.words == other.words == DOOR


@pytest.mark.parametrize("seed", range(2))
def test_noise_brings_no_words(model: AcousticModel, lexicon: Lexicon, judge: PhraseJudge, seed: int) -> None:
    noise = (0.05 * np.random.default_rng(seed).standard_normal(32_000)).astype(np.float32)
    for samples in (noise, np.zeros(32_000, np.float32), np.zeros(16_000, np.float32)):
        expecting = PhraseCheck(model, lexicon, Expected.of(DOOR, lexicon), judge, -4.0)
        for check in (expecting, FreeCheck(model, lexicon, judge)):
            transcript = check.judge(samples, VOSKS, over=True)
            assert transcript.words == VOSKS
            assert transcript.llr is None or transcript.llr < 0


def test_what_was_said_instead_is_what_the_second_judge_heard(
    model: AcousticModel, lexicon: Lexicon, judge: PhraseJudge
) -> None:
    samples = speech("slt", "coffee")
    found = PhraseCheck(model, lexicon, Expected.of(DOOR, lexicon), judge).judge(samples, VOSKS, over=True)
    assert found.text == "i would like a cup of coffee with milk"
    assert found.llr is not None
    assert found.llr < 0
    # while an utterance goes on the second judge is not asked what else it was
    heard = tuple(Word(word, 0.0, 0.0, 1.0) for word in DOOR)
    found = PhraseCheck(model, lexicon, Expected.of(DOOR, lexicon), judge).judge(samples, heard, over=False)
    assert found.words == heard


def test_without_a_phrase_the_words_are_those_of_the_second_judge(
    model: AcousticModel, lexicon: Lexicon, judge: PhraseJudge
) -> None:
    check = FreeCheck(model, lexicon, judge)
    found = check.judge(speech("awb", "door-1"), VOSKS, over=True)
    assert tuple(word.text for word in found.words) == DOOR
    assert all(0 <= word.start_s < word.end_s for word in found.words)
    assert check.judge(speech("awb", "door-1"), VOSKS, over=False).words == VOSKS
    assert check.judge(np.zeros(100, np.float32), VOSKS, over=True).words == VOSKS


def test_a_lower_bar_lets_more_stand(model: AcousticModel, lexicon: Lexicon, judge: PhraseJudge) -> None:
    def said(samples: Samples, least_llr: float) -> tuple[str, ...]:
        check = PhraseCheck(model, lexicon, Expected.of(DOOR, lexicon), judge, least_llr)
        return tuple(word.text for word in check.judge(samples, VOSKS, over=True).words)

    assert said(speech("awb", "door-1"), 0.0) == DOOR
    assert said(speech("awb", "window"), 0.0) != DOOR
    assert said(speech("awb", "window"), LEAST_LLR) == DOOR


@pytest.mark.parametrize(
    ("word", "form"),
    [
        *[("four", " 4"), ("four", " for"), ("wildfire", " wild fire"), ("i'm", " I am"), ("open", " Open")],
        *[("don't", " do not"), ("twenty", " 20"), ("kelvandro", " kelvandro")],
    ],
)
def test_a_word_is_written_in_many_ways(lexicon: Lexicon, word: str, form: str) -> None:
    assert form in WrittenForms(lexicon).of(word)


def test_digits_are_written_as_words_and_as_numbers(lexicon: Lexicon) -> None:
    units = {"".join(one.units) for one in WrittenForms(lexicon).spellings(("four", "seven", "one"))}
    assert units == {" Four seven one", " 4 7 1", " 4, 7, 1", " 4-7-1", " 471"}
    for spelling in WrittenForms(lexicon).spellings(("four", "seven", "one")):
        assert sum(spelling.counts) == 3


def test_a_word_that_whisper_writes_as_no_other_stands_for_it(lexicon: Lexicon) -> None:
    forms = WrittenForms(lexicon)
    heard = ("a", "cappaccino", "onward", "cup", "copy", "tifoid")
    assert forms.misspelt(("cappuccino", "coffee", "typhoid"), heard) == {
        "cappuccino": (" cappaccino", " Cappaccino"),
        "typhoid": (" tifoid", " Tifoid"),
    }
    # of a word that no dictionary has nobody knows how it is written
    assert forms.misspelt(("onword",), heard) == {"onword": (" onward", " Onward")}
    assert forms.misspelt(("upward",), heard) == {}


def test_more_evidence_never_makes_words_less_likely() -> None:
    fusion = Fusion.read(FOLDER)
    sure = (0.0, 0.0)
    better = Evidence(2.0, WordScores((-1.0, -0.5), -0.2, sure), -1.0)
    for worse in (
        Evidence(1.0, WordScores((-1.0, -0.5), -0.2, sure), -1.0),
        Evidence(2.0, WordScores((-3.0, -0.5), -0.2, sure), -1.0),
        Evidence(2.0, WordScores((-1.0, -0.5), -2.0, sure), -1.0),
        Evidence(2.0, WordScores((-1.0, -0.5), -0.2, sure), -3.0),
        Evidence(2.0, WordScores((-1.0, -0.5), -0.2, (0.0, -4.0)), -1.0),
    ):
        assert fusion.llr(worse) <= fusion.llr(better)
    assert fusion.llr(Evidence(2.0, SURE)) == fusion.most(Evidence(2.0))


def test_noise_is_what_the_loudest_parts_do_not_stand_out_of() -> None:
    speaking = speech("awb", "window")
    hiss = np.random.default_rng(5).standard_normal(speaking.size).astype(np.float32)
    levels = [noise_in(speaking + np.float32(gain) * hiss) for gain in (0.0, 0.003, 0.01, 1.0)]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1], noise_in(np.zeros(0, np.float32))) == (0.0, 1.0, 0.0)


def test_a_hopeless_alignment_is_not_made_up_for() -> None:
    fusion = Fusion.read(FOLDER)
    assert fusion.llr(Evidence(-15.0, SURE)) < -4
    assert fusion.llr(Evidence(-25.0)) <= -25


def test_what_is_usual_of_a_person_is_forgiven_and_no_more() -> None:
    scores = WordScores((-9.0, -1.0, -0.5), -0.1, (-6.0, 0.0, 0.0))
    assert scores.forgiven((-8.0, -0.5), 1.0) == WordScores((-5.0, -0.5, -0.5), -0.1, (-2.0, 0.0, 0.0))
    assert scores.forgiven((-8.0, -0.5), 0.5) == WordScores((-7.0, -0.75, -0.5), -0.1, (-4.0, 0.0, 0.0))
    assert scores.forgiven((-2.0, -3.0, 1.0, -5.0), 1.0) == WordScores((-7.0, 0.0, -0.5), -0.1, (-4.0, 0.0, 0.0))
    assert scores.forgiven((), 1.0) == scores.forgiven((-8.0,), 0.0) == scores


def test_it_is_forgiven_only_where_it_sounds_as_usual(judge: PhraseJudge) -> None:
    quiet, noisy = 0.0, 0.8
    assert [forgiven_share(own, quiet) for own in (None, 3.0, 0.0, -1.5, -3.0, -9.0)] == [1, 1, 1, 0.5, 0, 0]
    assert [forgiven_share(own, noisy) for own in (3.0, 0.0, -0.3, -9.0)] == [1, 1, 0.9, noisy]
    opinion, (said,) = judge.opinion(speech("awb", "window")), (judge.opinion(speech("awb", "door-1")).rendering,)
    usual = (-4.0,) * len(DOOR)

    def total(*renderings: Rendering) -> float:
        found = opinion.evidence(DOOR, 0.0, LEAST_LLR, usual, renderings)
        assert found.scores is not None
        return found.scores.total

    strict = opinion.evidence(DOOR, 0.0, LEAST_LLR).scores
    assert strict is not None
    assert strict.total <= total(said) < total(opinion.rendering) == total()


def test_a_usual_score_helps_its_word_alone(judge: PhraseJudge) -> None:
    opinion = judge.opinion(speech("awb", "window"))
    right = (*DOOR[:3], "window", *DOOR[4:])

    def llr(words: tuple[str, ...], usual: tuple[float, ...] = ()) -> float:
        found = opinion.evidence(words, 0.0, -20.0, usual)
        assert found.scores is not None
        return opinion.llr(found)

    assert llr(DOOR) < llr(DOOR, (-6.0,)) + 0.01 < llr(DOOR, (0.0, 0.0, 0.0, -6.0)) < llr(right) - 0.5
    assert llr(DOOR, (-6.0,)) < llr(right) - 2


def test_of_several_phrases_the_one_that_was_said_is_by_far_the_likeliest(judge: PhraseJudge) -> None:
    opinion = judge.opinion(speech("awb", "window"))
    said = (*DOOR[:3], "window", *DOOR[4:])
    others = (PASSPORT, ("apple", "juice", "tastes", "funny", "after", "toothpaste"))
    assert opinion.likelihood(said) > max(map(opinion.likelihood, others)) + 20


def test_nobody_is_asked_in_vain(judge: PhraseJudge) -> None:
    # no sound at all: were Whisper's answer needed, there would be none
    opinion = judge.opinion(np.zeros(0, np.float32))
    assert opinion.evidence(DOOR, -20.0, 0.0).scores is None


def weights(quiet: Mapping[str, object], **more: object) -> str:
    usual: dict[str, object] = dict.fromkeys((*TERMS, *KINDS), 1.0)
    places = {"quiet": {**usual, **quiet}, "noisy": usual, **more}
    return json.dumps({"weights": places, "own": {"bias": 1, "worst": 1}})


@pytest.mark.parametrize(
    "content",
    [
        *["", "[]", "{}", '{"weights": {}}', weights({}, loud={})],
        *(
            weights(each)
            for each in ({"end": -1.0}, {"more": 1.0}, {"words": float("nan")}, {"word": "x"}, {"words": 1e9})
        ),
    ],
)
def test_weights_that_make_no_sense_are_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ModelCorrupt):
        Fusion.read(tmp_path)
