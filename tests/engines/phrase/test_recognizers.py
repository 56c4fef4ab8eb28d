"""What holds for each recognizer."""

import sys
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from streamauth.core.phrase.words import WordMatch
from streamauth.core.ports import SAMPLE_RATE_HZ, PhraseRecognizer, PhraseStream, Transcript
from streamauth.demo_data import VOICES
from streamauth.engines.phrase import libvosk
from streamauth.errors import EngineError, UnknownWord
from tests.engines.phrase.rig import DOOR, PASSPORT, hear, heard_by, judged, speech


@pytest.mark.parametrize("voice", VOICES)
def test_right_phrase_is_matched(recognizer: PhraseRecognizer, voice: str) -> None:
    assert judged(recognizer, speech(voice, "door-2")) is WordMatch.MATCH


@pytest.mark.parametrize("name", ["coffee", "window"])
def test_other_words_are_no_match(recognizer: PhraseRecognizer, name: str) -> None:
    assert judged(recognizer, speech("rms", name)) is WordMatch.MISMATCH


def test_beginning_of_the_phrase_is_incomplete(recognizer: PhraseRecognizer) -> None:
    assert judged(recognizer, speech("awb", "door-half")) is WordMatch.INCOMPLETE


def test_nothing_is_heard_in_silence(recognizer: PhraseRecognizer) -> None:
    assert heard_by(recognizer, np.zeros(SAMPLE_RATE_HZ, np.float32)).words == ()


def test_faint_noise_is_no_match(recognizer: PhraseRecognizer) -> None:
    noise = np.random.default_rng(0).normal(0, 0.003, 2 * SAMPLE_RATE_HZ).astype(np.float32)
    assert judged(recognizer, noise) in (WordMatch.NOTHING, WordMatch.MISMATCH)


def test_utterance_without_audio_is_empty(stream: PhraseStream) -> None:
    assert stream.finish() == Transcript(())


def test_very_short_utterance_is_taken(stream: PhraseStream) -> None:
    stream.accept(np.zeros(160, np.float32))
    assert stream.finish().words == ()


def test_words_come_while_they_are_spoken(stream: PhraseStream) -> None:
    samples = speech("slt", "door-1")
    partials = [stream.accept(samples[start : start + 480]) for start in range(0, len(samples), 480)]
    assert partials[0] == ""
    assert partials[len(partials) // 2].startswith("please open")
    assert len(set(partials)) > 4


def test_words_have_times_and_confidence(recognizer: PhraseRecognizer) -> None:
    samples = speech("slt", "door-1")
    words = heard_by(recognizer, samples).words
    assert tuple(word.text for word in words) == DOOR
    starts = [word.start_s for word in words]
    assert starts == sorted(starts)
    assert all(word.start_s < word.end_s <= len(samples) / SAMPLE_RATE_HZ for word in words)
    assert all(0 <= word.confidence <= 1 for word in words)
    # the fixture begins with a pause of 0.6 s and flite adds some 0.2 s
    assert 0.5 < starts[0] < 1.0


def test_result_does_not_depend_on_how_the_audio_is_cut(recognizer: PhraseRecognizer) -> None:
    samples = speech("slt", "passport")
    transcripts = []
    for cut_samples in (97, len(samples)):
        stream = recognizer.stream(PASSPORT)
        transcripts.append(hear(stream, samples, cut_samples))
        stream.close()
    assert transcripts[0] == transcripts[1]


def test_result_does_not_depend_on_what_was_heard_before(recognizer: PhraseRecognizer) -> None:
    alone = heard_by(recognizer, speech("slt", "window"))
    stream = recognizer.stream(DOOR)
    hear(stream, speech("kal16", "coffee") * 3)
    stream.accept(speech("rms", "passport")[:20_000])
    stream.finish()
    after = hear(stream, speech("slt", "window"))
    stream.close()
    assert after == alone


def test_streams_in_threads_do_not_touch_each_other(recognizer: PhraseRecognizer) -> None:
    voices = ("slt", "kal16")
    alone = [heard_by(recognizer, speech(voice, "door-3")) for voice in voices]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda voice: heard_by(recognizer, speech(voice, "door-3")), voices))
    assert together == alone


def test_without_a_second_judge_phrases_have_no_likelihood(recognizer: PhraseRecognizer) -> None:
    assert recognizer.likelihoods(speech("awb", "door-1"), [DOOR]) is None


def test_unknown_words_are_named_and_refused(recognizer: PhraseRecognizer) -> None:
    words = ("open", "xyzzyq", "door", "<s>", "[NOISE]")
    assert recognizer.unknown_words(words) == ("xyzzyq", "<s>", "[NOISE]")
    with pytest.raises(UnknownWord):
        recognizer.stream(("open", "xyzzyq"))


def test_without_expectation_words_are_heard_freely(recognizer: PhraseRecognizer) -> None:
    transcript = heard_by(recognizer, speech("rms", "coffee"), None)
    assert transcript.text.startswith("i would like a cup of coffee")
    assert transcript.llr is None


def test_closing_twice_is_allowed_and_use_afterwards_is_not(recognizer: PhraseRecognizer) -> None:
    stream = recognizer.stream(None)
    stream.accept(np.zeros(4000, np.float32))
    stream.close()
    stream.close()
    with pytest.raises(EngineError):
        stream.accept(np.zeros(480, np.float32))
    with pytest.raises(EngineError):
        stream.finish()


def test_nothing_is_printed(recognizer: PhraseRecognizer, capfd: pytest.CaptureFixture[str]) -> None:
    heard_by(recognizer, speech("rms", "door-half"))
    assert capfd.readouterr() == ("", "")


# --- the embedded model ---


def test_what_vosk_imports_and_never_needs_is_kept_from_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "vosk", raising=False)
    vosk = libvosk._loaded()
    assert vosk.urlretrieve is None
    assert callable(urllib.request.urlretrieve)
    assert zipfile.ZipFile is not vosk.ZipFile
    assert sys.modules["vosk"] is vosk
