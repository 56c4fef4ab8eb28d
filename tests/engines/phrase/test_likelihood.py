"""How likely it is that the expected words were said, as the embedded model tells it."""

from itertools import pairwise

import numpy as np
import pytest

from streamauth.core.phrase.words import WordMatch, compare
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, Transcript, Usual
from streamauth.demo_data import VOICES
from streamauth.engines.phrase.vosk import VoskRecognizer
from tests.engines.phrase.rig import DOOR, NAMED, PASSPORT, hear, heard_by, silence, speech, speech_of
from tests.quick import heard_once


@pytest.fixture(autouse=True)
def remembered(product: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same recordings are held against many phrases."""
    heard_once(monkeypatch)


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("said", ["door-1", "door-2", "door-3", "passport"])
def test_right_phrase_has_a_high_likelihood(embedded: VoskRecognizer, voice: str, said: str) -> None:
    transcript = heard_by(embedded, speech(voice, said), PASSPORT if said == "passport" else DOOR)
    assert transcript.llr is not None
    assert transcript.llr > 2
    assert transcript.whole_llr == transcript.llr
    assert all(word.pronunciation_score is not None and word.pronunciation_score <= 0 for word in transcript.words)


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize(
    "wrong",
    [
        "please open the window and let me come in",
        "please open the door",
        "let me come in",
        "please open the door and let me come in right now",
        "open please the door and let me come in",
        "my voice is my passport verify me",
    ],
)
def test_another_phrase_has_a_low_likelihood(embedded: VoskRecognizer, voice: str, wrong: str) -> None:
    transcript = heard_by(embedded, speech(voice, "door-1"), tuple(wrong.split()))
    assert transcript.whole_llr is not None
    assert transcript.whole_llr < 0


def test_expectation_is_never_forced_onto_other_speech(embedded: VoskRecognizer) -> None:
    for expected in (DOOR, ("would", "you", "like", "a", "cup", "of", "coffee"), ("computer",)):
        transcript = heard_by(embedded, speech("slt", "coffee"), expected)
        assert compare(expected, tuple(transcript.text.split())) is not WordMatch.MATCH
        assert transcript.llr is not None


def test_phrase_may_come_in_two_utterances(embedded: VoskRecognizer) -> None:
    samples = speech("awb", "door-1")
    # cut behind the fourth word
    end_of_door = round(heard_by(embedded, samples).words[3].end_s * SAMPLE_RATE_HZ)
    gap = np.random.default_rng(0).normal(0, 5e-4, SAMPLE_RATE_HZ // 4).astype(np.float32)
    stream = embedded.stream(DOOR)
    parts = (np.concatenate([samples[:end_of_door], gap]), np.concatenate([gap, samples[end_of_door:]]))
    halves = [hear(stream, part).text for part in parts]
    stream.close()
    assert halves == ["please open the door", "and let me come in"]


def test_a_partial_result_is_what_the_end_would_give(embedded: VoskRecognizer) -> None:
    stream = embedded.stream(DOOR)
    assert stream.partial() == Transcript(())
    stream.accept(speech("rms", "door-1"))
    partial = stream.partial()
    finished = stream.finish()
    stream.close()
    assert partial == finished


def test_expected_scores_forgive_an_accent_but_not_another_word(embedded: VoskRecognizer) -> None:
    def llr_of(said: str, expected_scores: tuple[float, ...]) -> float:
        stream = embedded.stream(DOOR, Usual(expected_scores))
        transcript = hear(stream, speech("awb", said))
        stream.close()
        assert transcript.whole_llr is not None
        return transcript.whole_llr

    accent = (-9.0,) * len(DOOR)
    assert llr_of("door-1", accent) > llr_of("door-1", ())
    assert llr_of("window", accent) < 0


def test_embedded_model_knows_its_words(embedded: VoskRecognizer) -> None:
    facts = embedded.facts("door")
    assert facts is not None
    assert ("D", "AO", "R") in facts.sounds
    assert facts.bits is not None
    assert 8 < facts.bits < 18
    assert embedded.facts("xyzzyq") is None


def test_a_name_is_heard_as_it_is_spelled(embedded: VoskRecognizer) -> None:
    facts, rare = embedded.facts("kelvandro"), embedded.facts("zywicki")
    assert facts is not None
    assert rare is not None
    assert facts.proposed
    assert not rare.proposed
    assert facts.bits == rare.bits
    named = speech_of("slt-kelvandro-1")
    transcript = heard_by(embedded, named, NAMED)
    assert tuple(word.text for word in transcript.words) == NAMED
    assert transcript.llr is not None
    assert transcript.llr > 2
    assert transcript.pronunciation_scores == tuple(word.pronunciation_score for word in transcript.words)
    other = heard_by(embedded, named, (*NAMED[:2], "brillowen", *NAMED[3:]))
    assert other.whole_llr is not None
    assert other.whole_llr < 0


def test_hostile_audio_has_no_likely_phrase(embedded: VoskRecognizer) -> None:
    noise = np.random.default_rng(0)
    times = np.arange(3 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    chords = sum(np.sin(2 * np.pi * hertz * times) for hertz in (220, 277, 330, 440)) * 0.1
    for audio in (noise.normal(0, 0.3, 3 * SAMPLE_RATE_HZ), chords, np.sign(chords) * 0.9, np.ones(48_000)):
        transcript = heard_by(embedded, np.asarray(audio, np.float32))
        assert transcript.whole_llr is not None
        assert transcript.whole_llr < 0


# --- Vosk ---


def faster(samples: Samples, speed: float) -> Samples:
    """The same speech in less time and at the same pitch: overlap-add of pieces that fit best (WSOLA)."""
    size, hop, reach = 800, 400, 160
    window = np.hanning(size).astype(np.float32)
    out = np.zeros(round(samples.size / speed) + size, np.float32)
    weight = np.full_like(out, 1e-3)
    taken = 0
    for start in range(0, out.size - size, hop):
        wanted = round(start * speed)
        if wanted + reach + size >= samples.size:
            break
        follows = samples[taken + hop : taken + hop + size] if start else samples[:size]
        shifts = range(max(0, wanted - reach), wanted + reach, 8)
        taken = max(shifts, key=lambda at: float(np.dot(samples[at : at + size], follows)))
        out[start : start + size] += window * samples[taken : taken + size]
        weight[start : start + size] += window
    return np.asarray(out / weight, np.float32)


def said(embedded: VoskRecognizer, samples: Samples) -> bool:
    return compare(DOOR, tuple(heard_by(embedded, samples).text.split())) is WordMatch.MATCH


@pytest.mark.parametrize("voice", ["awb", "rms", "slt"])
@pytest.mark.parametrize("speed", [0.7, 1.3, 2.0])
def test_slow_and_fast_speech_passes(embedded: VoskRecognizer, voice: str, speed: float) -> None:
    samples = speech(voice, "door-1")
    quick = faster(samples, speed)
    assert quick.size == pytest.approx(samples.size / speed, rel=0.1)
    assert said(embedded, quick)


@pytest.mark.parametrize("voice", ["awb", "rms", "slt"])
def test_pauses_between_words_pass(embedded: VoskRecognizer, voice: str) -> None:
    samples = speech(voice, "door-1")
    words = heard_by(embedded, samples).words
    cuts = [round((one.end_s + two.start_s) / 2 * SAMPLE_RATE_HZ) for one, two in pairwise(words)]
    first, second = cuts[3], cuts[5]
    parts = (samples[:first], silence(0.3), samples[first:second], silence(0.3), samples[second:])
    assert said(embedded, np.concatenate(parts))


@pytest.mark.parametrize("voice", VOICES)
def test_uh_passes_before_the_phrase(embedded: VoskRecognizer, voice: str) -> None:
    other = speech(voice, "coffee")
    coffee = ("i", "would", "like", "a", "cup", "of", "coffee", "with", "milk")
    word = heard_by(embedded, other, coffee).words[3]
    assert word.text == "a"
    hesitation = other[round(word.start_s * SAMPLE_RATE_HZ) : round(word.end_s * SAMPLE_RATE_HZ)]
    hesitation = faster(np.concatenate([hesitation] * 2), 0.7)
    samples = speech(voice, "door-1")
    words = heard_by(embedded, samples).words
    begin = round(words[0].start_s * SAMPLE_RATE_HZ) - 1600
    assert said(embedded, np.concatenate([silence(0.3), hesitation, silence(0.2), samples[begin:]]))
