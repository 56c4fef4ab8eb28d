import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from streamauth.catalog.registry import models_folder
from streamauth.core.phrase.words import WordMatch, compare
from streamauth.core.ports import SAMPLE_RATE_HZ, PhraseRecognizer, PhraseStream, Samples, Transcript
from streamauth.demo_data import VOICES, demo_utterances
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.vosk import VoskRecognizer
from streamauth.errors import EngineError, ModelCorrupt, ModelMissing, UnknownWord

VOSK_MODEL = Path(__file__).parents[2] / "data" / "vosk-tiny"
DOOR = ("please", "open", "the", "door", "and", "let", "me", "come", "in")
NAMED = ("my", "friend", "kelvandro", "opens", "the", "door")
PASSPORT = ("my", "voice", "is", "my", "passport", "verify", "me")


@pytest.fixture(scope="module")
def embedded() -> VoskRecognizer:
    return VoskRecognizer(str(models_folder() / "vosk-en"), trusted=True)


@pytest.fixture(scope="module")
def tiny() -> VoskRecognizer:
    return VoskRecognizer(str(VOSK_MODEL))


@pytest.fixture(params=["embedded", "tiny"])
def recognizer(request: pytest.FixtureRequest) -> PhraseRecognizer:
    chosen: PhraseRecognizer = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def stream(recognizer: PhraseRecognizer) -> Iterator[PhraseStream]:
    opened = recognizer.stream(DOOR)
    yield opened
    opened.close()


def speech(voice: str, name: str) -> Samples:
    samples, _ = soundfile.read(demo_utterances()[voice, name].path, dtype="float32")
    return np.asarray(samples, np.float32)


def speech_of(name: str) -> Samples:
    samples, _ = soundfile.read(VOSK_MODEL.parent / "names" / f"{name}.ogg", dtype="float32")
    return np.asarray(samples, np.float32)


def hear(stream: PhraseStream, samples: Samples, cut_samples: int = 480) -> Transcript:
    for start in range(0, len(samples), cut_samples):
        stream.accept(samples[start : start + cut_samples])
    return stream.finish()


def heard_by(recognizer: PhraseRecognizer, samples: Samples, expected: tuple[str, ...] | None = DOOR) -> Transcript:
    stream = recognizer.stream(expected)
    try:
        return hear(stream, samples)
    finally:
        stream.close()


def judged(recognizer: PhraseRecognizer, samples: Samples, expected: tuple[str, ...] = DOOR) -> WordMatch:
    return compare(expected, tuple(heard_by(recognizer, samples, expected).text.split()))


@pytest.mark.parametrize("voice", VOICES)
def test_right_phrase_is_matched(recognizer: PhraseRecognizer, voice: str) -> None:
    assert judged(recognizer, speech(voice, "door-2")) is WordMatch.MATCH


def test_a_grammar_hears_nothing_but_the_expected_words() -> None:
    limited = VoskRecognizer(str(VOSK_MODEL), grammar=True)
    expected = tuple(demo_utterances()["slt", "passport"].text.split())
    free = set(heard_by(limited, speech("slt", "window"), None).text.split())
    assert free - set(expected)
    heard = heard_by(limited, speech("slt", "window"), expected)
    assert {word.text for word in heard.words} <= {*expected, "[unk]"}
    assert judged(limited, speech("slt", "passport"), expected) is WordMatch.MATCH


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
        stream = embedded.stream(DOOR, expected_scores=expected_scores)
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


def test_a_grammar_does_not_tell_words_that_libvosk_lacks(capfd: pytest.CaptureFixture[str]) -> None:
    limited = VoskRecognizer(str(models_folder() / "vosk-en"), trusted=True, grammar=True)
    assert heard_by(limited, speech_of("slt-kelvandro-1"), NAMED).text == " ".join(NAMED)
    assert heard_by(limited, speech_of("slt-kelvandro-1"), ("kelvandro",)).whole_llr is not None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["network.onnx", "encoder.onnx", "bigram.npy", "dictionary.tsv.gz"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut"])
def test_damaged_phrase_model_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    folder = Path(shutil.copytree(models_folder() / "vosk-en" / "phrase", tmp_path / "phrase"))
    path = folder / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    if damage == "missing":
        path.unlink()
    with pytest.raises(ModelCorrupt):
        Lexicon(folder) if name.startswith("dictionary") else AcousticModel(folder)


def test_hostile_audio_has_no_likely_phrase(embedded: VoskRecognizer) -> None:
    noise = np.random.default_rng(0)
    times = np.arange(3 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    chords = sum(np.sin(2 * np.pi * hertz * times) for hertz in (220, 277, 330, 440)) * 0.1
    for audio in (noise.normal(0, 0.3, 3 * SAMPLE_RATE_HZ), chords, np.sign(chords) * 0.9, np.ones(48_000)):
        transcript = heard_by(embedded, np.asarray(audio, np.float32))
        assert transcript.whole_llr is not None
        assert transcript.whole_llr < 0


# --- Vosk ---


def copy_of_model(folder: Path) -> Path:
    return Path(shutil.copytree(VOSK_MODEL, folder / "model"))


def test_missing_vosk_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="does not exist"):
        VoskRecognizer(str(tmp_path / "nowhere"))


def test_folder_without_vosk_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="no Vosk model"):
        VoskRecognizer(str(tmp_path))


@pytest.mark.parametrize(
    "name", ["conf/model.conf", "conf/fbank.conf", "graph/HCLr.fst", "graph/Gr.fst", "graph/disambig_tid.int"]
)
def test_missing_and_empty_files_of_a_vosk_model_are_named(tmp_path: Path, name: str) -> None:
    model = copy_of_model(tmp_path)
    (model / name).write_bytes(b"")
    with pytest.raises(ModelCorrupt, match=name):
        VoskRecognizer(str(model))
    (model / name).unlink()
    with pytest.raises(ModelMissing, match=name):
        VoskRecognizer(str(model))


@pytest.mark.parametrize("name", ["am/final.mdl", "graph/disambig_tid.int", "graph/words.txt"])
def test_damaged_vosk_model_does_not_end_the_process(tmp_path: Path, name: str) -> None:
    path = copy_of_model(tmp_path) / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelCorrupt):
        VoskRecognizer(str(tmp_path / "model"))


def test_vosk_model_that_never_loads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object, **options: object) -> None:
        raise subprocess.TimeoutExpired("probe", 1)

    monkeypatch.setattr(subprocess, "run", never)
    with pytest.raises(ModelCorrupt):
        VoskRecognizer(str(VOSK_MODEL))


# --- delivery of the right phrase, embedded model ---


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


def silence(seconds: float) -> Samples:
    return np.random.default_rng(1).normal(0, 5e-4, round(seconds * SAMPLE_RATE_HZ)).astype(np.float32)


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
