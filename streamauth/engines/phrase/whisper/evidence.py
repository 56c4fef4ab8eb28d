"""What Whisper says of the words of a phrase in one utterance.

Data path: Hypotheses -> **WhisperEvidence** -> the phrase's likelihood ratio. The decoder gives the probability of each
token among all others of its vocabulary, so every other word in a word's place is a decoy already, words that sound
alike included; what is left to sum up are the spellings of the same word (``forms``), and marks, which nobody says.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamauth.engines.phrase.whisper.forms import Spelling, WrittenForms
from streamauth.engines.phrase.whisper.model import Heard, Hypotheses, WhisperModel

_ENDS = (".", "!", "?", ",")
_MARKS = (*_ENDS, "-", " -")
_MOST_MARKS = 0.999999
_NEGLIGIBLE = 8.0
"""Nats by which the first token of another form may be less likely than the usual form: less adds 0.0004 at most."""
MOST_FORGIVEN = 4.0
"""Nats a word: an unusual name or an accent, while a word that differs is still missed by most."""

_Place = tuple[tuple[int, ...], dict[str, tuple[int, ...]]]
"""Of a unit of a spelling: the tokens before it, and the tokens of each form of it that may be what was said."""


@dataclass(frozen=True)
class WordScores:
    """How well the words of a phrase explain an utterance.

    Attributes:
        words: Log probability of each word behind those before it, in nats, at most 0.
        end: Log probability that nothing follows, in nats, at most 0.
        margins: By how much each word is likelier than anything else in its place, in nats, at most 0. Where Whisper
            hears little a word is unlikely, and everything else is, too.
    """

    words: tuple[float, ...]
    end: float
    margins: tuple[float, ...]

    def forgiven(self, usual: Sequence[float], share: float) -> "WordScores":
        """The scores without a share of what is usual of the words, or of the first of them.

        Args:
            usual: Their usual scores, of which ``MOST_FORGIVEN`` counts at most.
            share: From 0 to 1.
        """
        allowed = [share * max(-MOST_FORGIVEN, min(0.0, score)) for score in usual[: len(self.words)]]
        allowed += [0.0] * (len(self.words) - len(allowed))
        words, margins = (
            tuple(min(0.0, score - each) for score, each in zip(scores, allowed, strict=True))
            for scores in (self.words, self.margins)
        )
        return WordScores(words, self.end, margins)

    @property
    def total(self) -> float:
        """Log probability of the whole phrase, in nats."""
        return sum(self.words) + self.end


class WhisperEvidence:
    """Weighs phrases for one utterance."""

    def __init__(self, model: WhisperModel, forms: WrittenForms, heard: Heard) -> None:
        self._tokens, self._forms = model.tokens, forms
        self._tree: Hypotheses = model.hypotheses(heard)
        self._misspelt: dict[str, tuple[str, ...]] = {}
        self._marks = np.array([self._tokens.encode(mark)[0] for mark in _MARKS])
        self._ends = np.array([self._tokens.end, *(self._tokens.encode(mark)[0] for mark in _ENDS)])

    def expect(self, words: Sequence[str]) -> None:
        """Work on all of a phrase at once, before it is known what was heard."""
        self._grow(self._forms.spellings(words))

    def weigh(self, words: Sequence[str], heard: Sequence[str] = ()) -> WordScores:
        """The scores of a phrase, in the best of its spellings.

        Args:
            words: At least one, as ``normalize`` gives them.
            heard: What Whisper heard by itself, likewise: among it may be words of the phrase as it writes them.
        """
        self._misspelt = self._forms.misspelt(words, heard)
        spellings = self._forms.spellings(words)
        scored = self._weighed(words, spellings)
        best, written = max(scored, key=lambda one: one[0].total)
        if written not in spellings:
            # what comes behind a word depends on how it is written
            again, _ = self._weighed(words, [written])[0]
            best = max(best, again, key=lambda one: one.total)
        return best

    def _weighed(self, words: Sequence[str], spellings: Sequence[Spelling]) -> list[tuple[WordScores, Spelling]]:
        self._grow(spellings)
        places = [self._places(words, one) for one in spellings]
        self._tree.grow(
            [
                (*before, *tokens[:-1])
                for each in places
                for before, forms in each
                for tokens in forms.values()
                if len(tokens) > 1
            ]
        )
        return [self._scored(one, each) for one, each in zip(spellings, places, strict=True)]

    def _grow(self, spellings: Sequence[Spelling]) -> None:
        self._tree.grow([[token for unit in one.units for token in self._tokens.encode(unit)] for one in spellings])

    def nothing(self) -> float:
        """Log probability that nothing was said, in nats, at most 0."""
        self._tree.grow([()])
        return min(0.0, float(np.logaddexp.reduce(self._tree.following(())[self._ends])))

    def transcript(self, most: int) -> str:
        """What Whisper hears, of so many tokens at most."""
        return self._tokens.decode(self._tree.greedy(most, self._ends)).strip()

    def _places(self, words: Sequence[str], spelling: Spelling) -> list[_Place]:
        found: list[_Place] = []
        before: tuple[int, ...] = ()
        place = 0
        for unit, count in zip(spelling.units, spelling.counts, strict=True):
            tokens = self._tokens.encode(unit)
            forms = {unit: tokens}
            if count == 1:
                least = self._chain(before, tokens) - _NEGLIGIBLE
                following = self._tree.following(before)
                for form in (*self._forms.of(words[place]), *self._misspelt.get(words[place], ())):
                    others = self._tokens.encode(form)
                    if following[others[0]] >= least:
                        forms.setdefault(form, others)
            found.append((before, forms))
            before = (*before, *tokens)
            place += count
        return found

    def _scored(self, spelling: Spelling, places: Sequence[_Place]) -> tuple[WordScores, Spelling]:
        """Scores of a spelling, and the spelling with the likeliest form of each word."""
        scores: list[float] = []
        margins: list[float] = []
        likeliest: list[str] = []
        end: tuple[int, ...] = ()
        for (before, forms), unit, count in zip(places, spelling.units, spelling.counts, strict=True):
            each = {form: self._chain(before, tokens) for form, tokens in forms.items()}
            # spellings with the same tokens count once
            several = {forms[form]: score for form, score in each.items()}
            score = float(np.logaddexp.reduce(list(several.values())))
            scores += [min(0.0, score), *[0.0] * (count - 1)]
            margins += [self._margin(before, list(several)), *[0.0] * (count - 1)]
            # the first word of a sentence keeps its capital
            likeliest.append(max(each, key=lambda form: (each[form], form == unit)))
            end = (*before, *forms[unit])
        over = float(np.logaddexp.reduce(self._tree.following(end)[self._ends]))
        return WordScores(tuple(scores), min(0.0, over), tuple(margins)), Spelling(tuple(likeliest), spelling.counts)

    def _margin(self, before: tuple[int, ...], forms: Sequence[tuple[int, ...]]) -> float:
        """By how much the likeliest form of a word is likelier than all else in its place, at its worst token."""
        found = []
        for form in forms:
            least = 0.0
            for at, token in enumerate(form):
                following = self._tree.following((*before, *form[:at]))
                same = [other[at] for other in forms if len(other) > at and other[:at] == form[:at]]
                apart = following.copy()
                apart[[*same, *self._marks]] = -np.inf
                mine = following[token] if at else np.logaddexp.reduce(following[list(set(same))])
                least = min(least, float(mine - apart.max()))
            found.append(least)
        return max(found)

    def _chain(self, before: tuple[int, ...], tokens: Sequence[int]) -> float:
        """Log probability of tokens behind others, marks left out of account."""
        total = 0.0
        for token in tokens:
            following = self._tree.following(before)
            marks = min(_MOST_MARKS, float(np.exp(following[self._marks]).sum()))
            total += 0.0 if token in self._marks else float(following[token]) - float(np.log1p(-marks))
            before = (*before, token)
        return total
