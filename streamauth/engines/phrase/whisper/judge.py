"""The second judge of a phrase: Whisper, asked about one utterance at the end of the phrase.

Data path: utterance, alignment -> **PhraseJudge** -> likelihood ratio, and what was heard instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from streamauth.core.phrase.words import normalize
from streamauth.core.ports import SAMPLE_RATE_HZ, Rendering, Samples
from streamauth.engines.once import Once, beside
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.whisper.evidence import WhisperEvidence, WordScores
from streamauth.engines.phrase.whisper.forms import WrittenForms
from streamauth.engines.phrase.whisper.fusion import MOST_OWN, Evidence, Fusion, forgiven_share, noise_in
from streamauth.engines.phrase.whisper.model import WhisperModel
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
        waits: Whether it is loaded by ``load``, or at its first use, and not here.

    Raises:
        ModelCorrupt: A file is missing or cannot be used.
    """

    def __init__(self, find: Callable[[], Path], lexicon: Lexicon, *, waits: bool = False) -> None:
        def load() -> tuple[WhisperModel, Fusion, Projection]:
            folder = find()
            return WhisperModel(folder), Fusion.read(folder), Projection(folder)

        self._forms = WrittenForms(lexicon)
        self._loaded = Once(load)
        if not waits:
            self.load()

    def load(self) -> None:
        """Load it, if it is not loaded yet.

        Raises:
            ModelCorrupt: A file is missing or cannot be used.
        """
        self._loaded.get()
        self._forms.prepare()

    def opinion(self, samples: Samples, likely: Sequence[str] = ()) -> "Opinion":
        """On one utterance; it listens beside the caller, who has an alignment to make.

        Args:
            samples: The utterance.
            likely: Words that it may well hold; the same is found without them, a little later.
        """
        return Opinion(*self._loaded.get(), self._forms, samples, likely)


@dataclass(frozen=True)
class _Listened:
    """What there is when the judge has listened.

    Attributes:
        rendering: How the utterance was said.
        evidence: Weighs words.
        words: What Whisper hears without being told anything, as ``normalize`` gives it; may be empty.
    """

    rendering: Rendering
    evidence: WhisperEvidence
    words: tuple[str, ...]


class Opinion:
    """What the judge thinks of one utterance. It begins to listen in another thread; whoever needs that waits for it.

    Attributes:
        noise: How noisy the utterance is, of ``noise_in``.
    """

    def __init__(
        self,
        model: WhisperModel,
        fusion: Fusion,
        projection: Projection,
        forms: WrittenForms,
        samples: Samples,
        likely: Sequence[str],
    ) -> None:
        self._model, self._forms, self._fusion, self._projection = model, forms, fusion, projection
        self._samples, self._likely = samples, likely
        self._known: dict[tuple[str, ...], WordScores] = {}
        self._listened = beside(self._listen)
        self.noise = noise_in(samples)

    def evidence(
        self,
        words: Sequence[str],
        alignment_llr: float,
        least_llr: float,
        usual: Sequence[float] = (),
        renderings: Sequence[Rendering] = (),
    ) -> Evidence:
        """What speaks for the words; Whisper is not waited for where it cannot bring them over a likelihood ratio.

        Args:
            words: At least one.
            alignment_llr: Their likelihood ratio by the alignment, in nats.
            least_llr: The likelihood ratio that matters, in nats.
            usual: For each word, or the first of them, its usual score when this person says it: a name that Whisper
                never saw written is forgiven, by so much and no more than ``MOST_FORGIVEN``, where it sounds as usual.
            renderings: How this person said just these words before.
        """
        alone = Evidence(alignment_llr, said=words, noise=self.noise)
        if self._fusion.most(replace(alone, own=MOST_OWN if renderings else None)) < least_llr:
            return alone
        own = self._fusion.own_llr([difference(self.rendering, one) for one in renderings])
        scores = self._scores(tuple(words)).forgiven(usual, forgiven_share(own, self.noise))
        return replace(alone, scores=scores, lead=min(0.0, scores.total - self.free), own=own)

    @property
    def free(self) -> float:
        """Log probability of what Whisper hears without being told anything, in nats."""
        return self._scores(self.words).total if self.words else self._listened().evidence.nothing()

    @property
    def rendering(self) -> Rendering:
        """How the utterance was said."""
        return self._listened().rendering

    def llr(self, evidence: Evidence) -> float:
        """Natural-log likelihood ratio of the evidence."""
        return self._fusion.llr(evidence)

    def likelihood(self, words: tuple[str, ...]) -> float:
        """Log probability of just these words, in nats."""
        return self._scores(words).total

    def scores(self, words: tuple[str, ...]) -> tuple[float, ...]:
        """The log probability of each word, in nats, nothing forgiven."""
        return self._scores(words).words

    @property
    def words(self) -> tuple[str, ...]:
        """What Whisper hears without being told anything, as ``normalize`` gives it; may be empty."""
        return self._listened().words

    def _listen(self) -> _Listened:
        heard = self._model.hear(self._samples)
        evidence = WhisperEvidence(self._model, self._forms, heard)
        if self._likely:
            # all tokens of them at once take little longer than one, and are those that are heard where they were said
            evidence.expect(self._likely)
        most = _LEAST_TOKENS + round(_TOKENS_PER_S * self._samples.size / SAMPLE_RATE_HZ)
        try:
            words = normalize(evidence.transcript(most), max_words=most * _DIGITS_OF_TOKEN)
        except BadPhrase:
            words = ()
        return _Listened(self._projection.rendering(heard, self._samples.size), evidence, words)

    def _scores(self, words: tuple[str, ...]) -> WordScores:
        if words not in self._known:
            listened = self._listened()
            self._known[words] = listened.evidence.weigh(words, () if words == listened.words else listened.words)
        return self._known[words]
