"""Enrolls and tests recordings through the product's own sessions: the one place of evaluation that knows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Decided
from streamauth.core.ports import Embedding, Usual, Voiceprint
from streamauth.core.sessions.base import Models
from streamauth.core.sessions.claim import Claim
from streamauth.core.sessions.enrolled import usual_of, voiceprint_of
from streamauth.core.sessions.enrollment import EnrollmentPlan, EnrollmentSession
from streamauth.core.sessions.verification import VerificationSession
from streamauth.core.voice.calibration import cosine
from streamauth.core.voice.operating_point import accept_bound, target_far
from streamauth.core.voice.pooling import unit
from streamauth.core.voice.scoring import Gallery
from streamauth.engines.loader import Engines
from streamauth.evaluation.replay import FORMAT, CachingEncoder, Look, Probe
from streamauth.evaluation.trials import MAX_UTTERANCES
from streamauth.settings import Settings
from streamauth.sources import naming
from streamauth.sources.files import open_audio

Words = tuple[str, ...]


class Scoring(StrEnum):
    """What a score is."""

    FULL = "full"
    """The product's calibrated natural-log likelihood ratio over all speech."""
    PLAIN = "plain"
    """The cosine of mean embeddings, as in papers; phrases are passed over."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What an enrollment left behind.

    Attributes:
        voiceprint: Of the recordings.
        expected_scores: The person's usual pronunciation score of each word of the phrase.
    """

    voiceprint: Voiceprint
    expected_scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What became of a trial.

    Attributes:
        score: As the scoring says; None where there was too little speech.
        verdict: Of the live session; None in plain scoring.
        speech_s: Net speech until the verdict, in seconds; None likewise.
    """

    score: float | None
    verdict: str | None = None
    speech_s: float | None = None


def settings_for_evaluation(settings: Settings) -> Settings:
    """The user's, but all of the audio of an enrollment counts, and each process has one thread."""
    values: dict[str, dict[str, object]] = {
        "enrollment": {"text_independent_speech_s": 300.0, "utterances": MAX_UTTERANCES},
        # of a whole enrollment, and of one recording
        "audio": {"max_enroll_s": 3600.0, "max_attempt_s": settings.audio.max_enroll_s},
        "voice": {"threads": 1},
    }
    return settings.with_values(values, "evaluation")


class TrialRunner:
    """The models, loaded, and what is done with them.

    Args:
        settings: From ``settings_for_evaluation``.
        scoring: What a score is.
        text_dependent: Whether the trials have phrases.

    Attributes:
        recipe: What another process makes the same runner of.

    Raises:
        EngineError: A model cannot be loaded.
    """

    def __init__(self, settings: Settings, scoring: Scoring, text_dependent: bool) -> None:
        self.recipe = (settings, scoring, text_dependent)
        self._settings = settings
        self._scoring = scoring
        self._with_words = text_dependent and scoring is Scoring.FULL
        self.models = Engines(settings).models(with_words=self._with_words)
        self.target_far = None if settings.decision.prior else target_far(settings.decision)
        self.threshold = accept_bound(settings.decision, self.models.calibration)

    def enroll(self, files: Sequence[Path], words: Words | None) -> Reference | None:
        """What these recordings enroll; None where none of them can be taken.

        Raises:
            AudioError: One is no usable audio; it is named.
            EngineError: An engine failed.
        """
        if self._scoring is Scoring.PLAIN:
            encoder = CachingEncoder(self.models.encoder)
            probes = [self._probe(file, replace(self.models, encoder=encoder)) for file in files]
            encoder.learn(window for probe in probes for window in probe.windows())
            voices = [voice.embedding for probe in probes if (voice := probe.voice()) is not None]
            return Reference(unit(np.sum(voices, axis=0, dtype=np.float32))) if voices else None
        recordings = [self._read(file) for file in files]
        taken = self._enrollment(recordings, files, words if self._with_words else None).everything
        return Reference(voiceprint_of(taken), usual_of(taken).scores) if taken else None

    def test(
        self, file: Path, claims: Sequence[tuple[Words | None, Reference]], known: Mapping[bytes, Embedding]
    ) -> tuple[list[TrialOutcome], dict[bytes, Embedding]]:
        """What becomes of one recording against each claim.

        Args:
            file: The recording.
            claims: Phrase and enrollment of each.
            known: Embeddings from earlier calls for this recording, by window.

        Returns:
            The outcomes in the order of the claims, and all embeddings of the recording.

        Raises:
            AudioError: It is no usable audio; it is named.
            EngineError: An engine failed.
        """
        encoder = CachingEncoder(self.models.encoder, known)
        models = replace(self.models, encoder=encoder)
        probe = self._probe(file, models)
        encoder.learn(probe.windows())
        heard = probe.heard()
        return [self._outcome(probe, heard, words, claim, models) for words, claim in claims], encoder.known

    def _outcome(
        self, probe: Probe, heard: Look | None, words: Words | None, claimed: Reference, models: Models
    ) -> TrialOutcome:
        if self._scoring is Scoring.PLAIN:
            return TrialOutcome(None if heard is None else cosine(heard.voice.embedding, claimed.voiceprint))
        claim = Claim(claimed.voiceprint, words, None, Usual(claimed.expected_scores))
        session = VerificationSession(claim, FORMAT, models, self._settings, front=probe.front())
        session.receive_audio(b"")
        session.receive_end()
        session.close()
        if session.error is not None:
            raise session.error
        (decided,) = [event for event in session.events() if isinstance(event, Decided)]
        score = None
        if heard is not None:
            gallery = Gallery((claimed.voiceprint,), models.calibration)
            score = session.joined(gallery.best(heard.voice, heard.quality).llr)
        return TrialOutcome(score, str(decided.verdict), decided.speech_s)

    def _probe(self, file: Path, models: Models) -> Probe:
        audio_format, chunks = self._read(file)
        with naming(file):
            return Probe(chunks, models, self._settings, audio_format=audio_format, with_words=self._with_words)

    def _read(self, file: Path) -> tuple[AudioFormat, list[bytes]]:
        limits = self._settings.audio
        with naming(file), open_audio(file, max_s=limits.max_attempt_s, max_mb=limits.max_file_mb) as audio:
            return audio.format, list(audio)

    def _enrollment(
        self, recordings: Sequence[tuple[AudioFormat, list[bytes]]], files: Sequence[Path], words: Words | None
    ) -> EnrollmentSession:
        plan = EnrollmentPlan(words is not None, words)
        session = EnrollmentSession(plan, recordings[0][0], self.models, self._settings)
        for number, (file, (_, chunks)) in enumerate(zip(files, recordings, strict=True), 1):
            for chunk in chunks:
                session.receive_audio(chunk)
            if number < len(recordings):
                session.end_utterance(recordings[number][0])
            else:
                session.receive_end()
            if session.error is not None:
                with naming(file):
                    raise session.error
        session.close()
        return session
