"""The words of a stream: utterances become transcripts, which are compared with the expected words.

Data path: front end -> utterances -> **Recognition** -> transcripts -> **SpokenWords** (what is expected, and in time).
"""

from collections.abc import Callable

from streamauth.core.audio.frontend import FrontEndStep
from streamauth.core.decision import PhraseRule, PhraseState, Share
from streamauth.core.events import Event, Reason, WordsHeard
from streamauth.core.phrase.prompt import Challenge
from streamauth.core.ports import NOTHING_USUAL, PhraseRecognizer, PhraseStream, Transcript, Usual


class Recognition:
    """Brings the utterances of one stream to a recognizer.

    Args:
        recognizer: The shared recognizer; None where it will never be asked.
        emit: Takes a WordsHeard whenever the words heard in the running utterance change, and at its end.
        expected: Words that are expected; None for any.
        usual: As for ``PhraseRecognizer.stream``.
        least_llr: Likewise.
    """

    def __init__(
        self,
        recognizer: PhraseRecognizer | None,
        emit: Callable[[Event], None],
        expected: tuple[str, ...] | None,
        usual: Usual = NOTHING_USUAL,
        *,
        least_llr: float = 0.0,
    ) -> None:
        self._recognizer = recognizer
        self._emit = emit
        self._expected, self._usual = expected, usual
        self._least_llr = least_llr
        self._stream: PhraseStream | None = None
        self._partial = ""

    def expect(self, expected: tuple[str, ...], usual: Usual) -> None:
        """From the next utterance on these words are expected, as this person said them before."""
        self.close()
        self._expected, self._usual = expected, usual

    def hear(self, step: FrontEndStep, complete: Callable[[Transcript], bool] | None = None) -> Transcript | None:
        """Bring a frame's audio to the recognizer; the transcript where the utterance is over.

        Args:
            step: The frame.
            complete: Tells of the partial result at a short pause that nothing more is needed.
        """
        segmented = step.segmented
        if self._stream is None and segmented.utterance:
            assert self._recognizer is not None  # noqa: S101 - sessions with words are made with one
            self._stream = self._recognizer.stream(self._expected, self._usual, least_llr=self._least_llr)
        if self._stream is None:
            return None
        for frame, _ in segmented.utterance:
            text = self._stream.accept(frame)
            if text != self._partial:
                self._partial = text
                self._emit(WordsHeard(step.at_sample, text, final=False))
        if segmented.ended is not None:
            transcript = self._stream.finish()
            self._partial = ""
        elif segmented.paused and complete is not None:
            transcript = self._stream.partial()
            if not complete(transcript):
                return None
        else:
            return None
        self._emit(WordsHeard(step.at_sample, transcript.text, final=True))
        return transcript

    def close(self) -> None:
        """Give back what the stream holds. Idempotent."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


class SpokenWords:
    """The words that one stream must bring: a pass phrase, a prompt, or both, in time.

    Args:
        rule: Judges the words.
        recognition: Hears them; made for ``rule.expected``.
        challenge: The prompt among them, which expires.

    Attributes:
        rule: As given.
    """

    def __init__(self, rule: PhraseRule, recognition: Recognition, challenge: Challenge | None = None) -> None:
        self.rule = rule
        self._recognition = recognition
        self._challenge = challenge

    @property
    def matched(self) -> bool:
        """Whether all words were said."""
        return self.rule.state is PhraseState.MATCHED

    @property
    def text(self) -> str:
        """All expected words, one space between."""
        return " ".join(self.rule.expected)

    @property
    def match_reasons(self) -> tuple[Reason, ...]:
        """What is said of words that match; nothing of others."""
        return self.rule.reasons if self.matched else ()

    def expired(self, at_sample: int) -> bool:
        """Whether the prompt was not said in time."""
        return self._challenge is not None and self._challenge.expired(at_sample)

    def hear(self, step: FrontEndStep) -> Share | None:
        """Take a frame; the utterance's share in the words where one is over, or has said all of them."""
        transcript = self._recognition.hear(step, self.rule.completed_by)
        return None if transcript is None else self.rule.add(transcript, step.at_sample)

    def refused(self, step: FrontEndStep) -> bool:
        """Whether it is settled that the words were not said: others were, or the rest did not come in time."""
        return self.rule.state is PhraseState.WRONG or self.rule.timed_out(step.at_sample, step.speaking)

    def close(self) -> None:
        """Give back what the recognizer holds. Idempotent."""
        self._recognition.close()
