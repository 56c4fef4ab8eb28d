"""The second judge of a phrase: Whisper, asked about one utterance at the end of the phrase.

Data path: utterance, alignment -> **PhraseJudge** -> likelihood ratio, and what was heard instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from streamauth.core.phrase.words import normalize
from streamauth.core.ports import SAMPLE_RATE_HZ, Rendering, Samples
from streamauth.engines.once import Once, beside
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.whisper.evidence import WhisperEvidence, WordScores
from streamauth.engines.phrase.whisper.forms import WrittenForms
from streamauth.engines.phrase.whisper.fusion import MOST_OWN, Evidence, Fusion, noise_in
from streamauth.engines.phrase.whisper.model import Heard, WhisperModel
from streamauth.engines.phrase.whisper.renderings import Projection, difference
from streamauth.errors import BadPhrase

_LEAST_TOKENS, _TOKENS_PER_S = 8, 5.0
"""Most tokens of a transcript: people say five a second at most, marks included."""
_DIGITS_OF_TOKEN = 4


class PhraseJudge:
    """Whisper with all that belongs to it, shared by all streams.

    Args:
        find: Finds and checks the folder of the model.
        lexicon: How words sound.
        waits: Whether it is loaded by ``load``, or at its first use, and not here; and whether it then listens to an
            utterance beside the alignment, not after it, which is faster where a core is idle.

    Raises:
        ModelCorrupt: A file is missing or cannot be used.
    """

    def __init__(self, find: Callable[[], Path], lexicon: Lexicon, *, waits: bool = False) -> None:
        def load() -> tuple[WhisperModel, Fusion, Projection]:
            folder = find()
            return WhisperModel(folder), Fusion.read(folder), Projection(folder)

        self._forms = WrittenForms(lexicon)
        self._loaded = Once(load)
        self._listens_beside = waits
        if not waits:
            self.load()

    def load(self) -> None:
        """Load it, if it is not loaded yet.

        Raises:
            ModelCorrupt: A file is missing or cannot be used.
        """
        self._loaded.get()
        self._forms.prepare()

    def opinion(self, samples: Samples) -> "Opinion":
        """On one utterance; nothing is worked on before it is asked for, unless it listens beside the caller."""
        model, fusion, projection = self._loaded.get()
        opinion = Opinion(model, self._forms, fusion, projection, samples)
        if self._listens_beside:
            opinion.listen_beside()
        return opinion


class Opinion:
    """What the judge thinks of one utterance.

    Args:
        model: Whisper.
        forms: Spellings of words.
        fusion: Joins it with the alignment.
        projection: Makes renderings.
        samples: The utterance.
    """

    def __init__(
        self, model: WhisperModel, forms: WrittenForms, fusion: Fusion, projection: Projection, samples: Samples
    ) -> None:
        self._model, self._forms, self._fusion, self._projection = model, forms, fusion, projection
        self._samples = samples
        self._known: dict[tuple[str, ...], WordScores] = {}
        self._listen = self._transcript

    def listen_beside(self) -> None:
        """Begin to listen in another thread; whoever needs it waits for its end."""
        self._listen = beside(self._transcript)

    def evidence(
        self,
        words: Sequence[str],
        alignment_llr: float,
        least_llr: float,
        usual: Sequence[float] = (),
        renderings: Sequence[Rendering] = (),
    ) -> Evidence:
        """What speaks for the words; Whisper is not asked where it cannot bring them over a likelihood ratio.

        Args:
            words: At least one.
            alignment_llr: Their likelihood ratio by the alignment, in nats.
            least_llr: The likelihood ratio that matters, in nats.
            usual: For each word, or the first of them, its usual score when this person says it: a name that Whisper
                never saw written is forgiven, by so much and no more than ``MOST_FORGIVEN``.
            renderings: How this person said just these words before.
        """
        alone = Evidence(alignment_llr, said=words, noise=self.noise)
        if self._fusion.most(replace(alone, own=MOST_OWN if renderings else None)) < least_llr:
            return alone
        scores = self._scores(tuple(words)).forgiven(usual)
        heard = self.free
        own = self._fusion.own_llr([difference(self.rendering, one) for one in renderings])
        return replace(alone, scores=scores, lead=min(0.0, scores.total - heard), own=own)

    @cached_property
    def noise(self) -> float:
        """How noisy the utterance is, of ``noise_in``."""
        return noise_in(self._samples)

    @cached_property
    def free(self) -> float:
        """Log probability of what Whisper hears without being told anything, in nats."""
        return self._scores(self.words).total if self.words else self._evidence.nothing()

    @cached_property
    def rendering(self) -> Rendering:
        """How the utterance was said."""
        return self._projection.rendering(self._heard, self._samples.size)

    def llr(self, evidence: Evidence) -> float:
        """Natural-log likelihood ratio of the evidence."""
        return self._fusion.llr(evidence)

    def likelihood(self, words: tuple[str, ...]) -> float:
        """Log probability of just these words, in nats."""
        return self._scores(words).total

    def scores(self, words: tuple[str, ...]) -> tuple[float, ...]:
        """The log probability of each word, in nats, nothing forgiven."""
        return self._scores(words).words

    @cached_property
    def words(self) -> tuple[str, ...]:
        """What Whisper hears without being told anything, as ``normalize`` gives it; may be empty."""
        return self._listen()

    def _transcript(self) -> tuple[str, ...]:
        try:
            most = _LEAST_TOKENS + round(_TOKENS_PER_S * self._samples.size / SAMPLE_RATE_HZ)
            return normalize(self._evidence.transcript(most), max_words=most * _DIGITS_OF_TOKEN)
        except BadPhrase:
            return ()

    @cached_property
    def _evidence(self) -> WhisperEvidence:
        return WhisperEvidence(self._model, self._forms, self._heard)

    @cached_property
    def _heard(self) -> Heard:
        return self._model.hear(self._samples)

    def _scores(self, words: tuple[str, ...]) -> WordScores:
        if words not in self._known:
            heard = self.words  # comes first: until then another thread may work on the evidence
            self._known[words] = self._evidence.weigh(words, () if words == heard else heard)
        return self._known[words]
