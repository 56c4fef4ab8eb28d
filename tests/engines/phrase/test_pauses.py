"""Pauses inside a phrase: the networks of the judges run when it may be complete, and not at every pause."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from streamauth.core.phrase.words import WordMatch, compare
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, Transcript
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.vosk import VoskRecognizer
from streamauth.engines.phrase.whisper.model import WhisperModel
from tests.engines.phrase.rig import DOOR, heard_by, silence, speech


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Samples of each run of the networks, both judges'."""
    found: list[int] = []
    scores, hear = AcousticModel.scores, WhisperModel.hear

    def counted(self: AcousticModel, samples: Samples, tempo: float = 1.0) -> NDArray[np.float64]:
        found.append(samples.size)
        return scores(self, samples, tempo)

    def counted_hearing(self: WhisperModel, samples: Samples) -> Any:
        found.append(samples.size)
        return hear(self, samples)

    monkeypatch.setattr(AcousticModel, "scores", counted)
    monkeypatch.setattr(WhisperModel, "hear", counted_hearing)
    return found


def said_with_pauses(recognizer: VoskRecognizer) -> tuple[list[Samples], Samples]:
    """The phrase in three pieces, each ended by a pause between its words, and all of it."""
    samples = speech("awb", "door-1")
    words = heard_by(recognizer, samples).words
    assert tuple(word.text for word in words) == DOOR
    cuts = [round((words[index].end_s + words[index + 1].start_s) / 2 * SAMPLE_RATE_HZ) for index in (1, 3)]
    pieces = [np.concatenate([piece, silence(0.3)]) for piece in np.split(samples, cuts)]
    return pieces, np.concatenate(pieces)


def test_a_pause_inside_the_phrase_runs_no_network(embedded: VoskRecognizer, runs: list[int]) -> None:
    pieces, whole = said_with_pauses(embedded)
    runs.clear()
    stream = embedded.stream(DOOR)
    for piece in pieces[:-1]:
        stream.accept(piece)
        assert stream.partial() == Transcript(())
    assert runs == []
    stream.accept(pieces[-1])
    found = stream.partial()
    assert compare(DOOR, tuple(word.text for word in found.words)) is WordMatch.MATCH
    # one run on all of it, and perhaps one at a faster tempo; nothing of it was worked on before
    assert set(runs) == {whole.size}
    assert len(runs) <= 2
    assert stream.finish() == found
    stream.close()


def test_the_end_of_an_utterance_is_judged_whatever_was_heard(embedded: VoskRecognizer, runs: list[int]) -> None:
    stream = embedded.stream(DOOR)
    samples = speech("slt", "door-1")[:16_000]
    stream.accept(samples)
    assert stream.partial() == Transcript(())
    found = stream.finish()
    stream.close()
    assert runs
    assert found.llr is not None
    assert found.whole_llr is not None


def test_the_rest_of_a_phrase_is_judged_at_its_pause(embedded: VoskRecognizer, runs: list[int]) -> None:
    pieces, _ = said_with_pauses(embedded)
    stream = embedded.stream(DOOR)
    stream.accept(np.concatenate(pieces[:2]))
    assert tuple(word.text for word in stream.finish().words) == DOOR[:4]
    runs.clear()
    stream.accept(np.concatenate([silence(0.3), pieces[2]]))
    assert tuple(word.text for word in stream.partial().words) == DOOR[4:]
    assert runs
    stream.close()
