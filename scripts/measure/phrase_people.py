"""Trials of phrases that many people said at their own microphones and telephones: what was said, what was expected.

Sentences of four to seven words of coffee orders (``pico-intent``), telephone calls (``wuw2``), one reader
(``kathleen``) and pieces of read books between pauses (LibriSpeech); six digits joined from one person's recordings;
single words, those of people whose language is another one apart; prompts joined from such words.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import soundfile
import soxr

from scripts.measure.heldout import PEOPLE, is_held_out, tuned_on
from scripts.measure.phrase_trials import cut_piece
from scripts.measure.trials import AUDIO, load
from scripts.train.vosk.speech import digits, keywords, librispeech
from streamauth.core.audio.degradation import coloured_noise
from streamauth.core.phrase.prompt_words import PROMPT_WORDS
from streamauth.core.phrase.words import DIGITS, normalize
from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.errors import BadPhrase

SMALL_WORDS = frozenset(
    (
        *("a", "an", "and", "as", "at", "be", "by", "for", "he", "his", "i", "in", "is", "it", "me", "my"),
        *("of", "on", "or", "that", "the", "to", "was", "we", "with", "you"),
    )
)
"""Words of a few hundredths of a second, whose errors are reported apart."""
SENTENCES = ("pico-intent", "wuw2", "kathleen", "librispeech")
GROUPS = ("sentence", "digits", "keyword", "noise", "second language", "prompt")
_KEYWORDS = {"wuw2": ("operator", "wildfire", "voyager"), "precise": ("athena", "amelia", "computer")}
GSC_WORDS = ("bed", "cat", "happy", "stop", "zero", "right", "seven")
_PHRASES = (
    "open the door please",
    "my voice is my passport verify me",
    "seven green apples please",
    "computer",
    "alexa",
    "please",
    "happy",
)
_SLOPES = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Of noises by formula: from white to brown."""
_CLIP = 3 * SAMPLE_RATE_HZ
_NEAR_WORDS = 8000
_PROMPT = 3


@dataclass(frozen=True)
class Said:
    """One recording and what is expected of it.

    Attributes:
        group: Of ``GROUPS``.
        source: Set of recordings.
        person: Who spoke.
        name: Of the recording, unique in its set.
        audio: Shape (samples,), 16 kHz.
        expected: By kind ("right", or what is wrong with it) the words that are expected.
    """

    group: str
    source: str
    person: str
    name: str
    audio: Samples
    expected: Sequence[tuple[str, tuple[str, ...]]]

    @property
    def held_out(self) -> bool:
        """Whether nothing may be fitted on it."""
        return is_held_out(self.source, self.person)


@dataclass(frozen=True)
class Line:
    """A recording in one of the sets, and its words.

    Attributes:
        person: Who spoke.
        name: Of the recording.
        words: As ``normalize`` gives them.
        file: Of the person's recordings, in ``PEOPLE``.
        start_s: Where it begins there, in seconds.
        end_s: Where it ends, likewise.
    """

    person: str
    name: str
    words: tuple[str, ...]
    file: str
    start_s: float
    end_s: float

    def audio(self) -> Samples:
        """Its audio at 16 kHz, shape (samples,)."""
        with soundfile.SoundFile(PEOPLE / self.file) as file:
            file.seek(int(self.start_s * file.samplerate))
            audio = file.read(int((self.end_s - self.start_s) * file.samplerate), dtype="float32")
            if file.samplerate != SAMPLE_RATE_HZ:
                audio = soxr.resample(audio, file.samplerate, SAMPLE_RATE_HZ)
            return np.asarray(audio, np.float32)


@cache
def spoken_lines(source: str, *, tuned: bool = False) -> tuple[Line, ...]:
    """All recordings of a set that Whisper's encoder was not tuned on; all at all if ``tuned``."""
    found = []
    for row in (PEOPLE / f"{source}.tsv").read_text("utf-8").splitlines():
        file, start_s, end_s, person, _, name, text = row.split("\t")
        if not tuned and tuned_on(source, person, name):
            continue
        try:
            found.append(Line(person, name, normalize(text), file, float(start_s), float(end_s)))
        except BadPhrase:
            continue
    return tuple(found)


class PhrasePeople:
    """Draws recordings.

    Args:
        model: Finds where words of longer recordings begin and end.
        lexicon: Words that it does not know are in no trial.
        seed: The same recordings and expectations for the same seed.
    """

    def __init__(self, model: AcousticModel, lexicon: Lexicon, seed: int) -> None:
        self._model, self._lexicon = model, lexicon
        self._dice = random.Random(seed)

    def draw(self, group: str, count: int) -> Iterator[Said]:
        """Recordings of a group, so many of each of its sets."""
        match group:
            case "sentence":
                for source in SENTENCES:
                    yield from self._sentences(source, count)
            case "digits":
                yield from self._digits(count)
            case "keyword":
                yield from self._keywords(count)
            case "second language":
                yield from self._second_language(count)
            case "prompt":
                yield from self._prompts(count)
            case _:
                yield from self._noises(count)

    def _sentences(self, source: str, count: int) -> Iterator[Said]:
        pieces = self._pieces(source, count)
        every = [words for _, _, words, _ in pieces]
        vocabulary = sorted({word for words in every for word in words} - SMALL_WORDS)
        for person, name, words, audio in pieces:
            others = [other for other in every if len(set(other) & set(words)) <= len(words) // 2]
            expected = [("right", words), *self._wrong(words, vocabulary)]
            if others:
                expected.append(("other", self._dice.choice(others)))
            known = [(kind, phrase) for kind, phrase in expected if all(map(self._lexicon.likely, phrase))]
            yield Said("sentence", source, person, name, audio, known)

    def _pieces(self, source: str, count: int) -> list[tuple[str, str, tuple[str, ...], Samples]]:
        if source != "librispeech":
            lines = [line for line in spoken_lines(source) if 4 <= len(line.words) <= 7]
            lines = [line for line in lines if all(map(self._lexicon.likely, line.words))]
            chosen = self._dice.sample(lines, min(count, len(lines)))
            return [(line.person, line.name, line.words, line.audio()) for line in chosen]
        found: list[tuple[str, str, tuple[str, ...], Samples]] = []
        spoken = [one for one in librispeech() if not tuned_on(source, one.name.split("-")[0], one.name)]
        self._dice.shuffle(spoken)
        for one in spoken:
            wanted = len(found) < count
            piece = cut_piece(one, self._dice, self._model, self._lexicon, between_pauses=True) if wanted else None
            if piece is not None:
                found.append((one.name.split("-")[0], one.name, *piece))
        return found

    def _wrong(self, words: tuple[str, ...], vocabulary: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
        for kind, places in (
            ("", [at for at, word in enumerate(words) if word not in SMALL_WORDS]),
            ("small word ", [at for at, word in enumerate(words) if word in SMALL_WORDS]),
        ):
            if not places:
                continue
            at = self._dice.choice(places)
            others = sorted(SMALL_WORDS - {words[at]}) if kind else [word for word in vocabulary if word != words[at]]
            yield f"{kind}replaced", (*words[:at], self._dice.choice(others), *words[at + 1 :])
            at = self._dice.choice(places)
            yield f"{kind}dropped", (*words[:at], *words[at + 1 :])
            if not kind and (near := self._nearest(words[at])) is not None:
                yield "near word", (*words[:at], near, *words[at + 1 :])
        at = self._dice.randrange(len(words) + 1)
        yield "added", (*words[:at], self._dice.choice(vocabulary), *words[at:])
        yield "cut short", words[:-2]
        if places := [at for at in range(len(words) - 1) if words[at] != words[at + 1]]:
            at = self._dice.choice(places)
            yield "swapped", (*words[:at], words[at + 1], words[at], *words[at + 2 :])

    def _nearest(self, word: str) -> str | None:
        """Another common word that sounds most alike; None where none is near."""
        near = self._lexicon.near(word, 1)
        return next((self._spelled[sounds] for sounds in near if self._spelled[sounds] != word), None)

    @property
    def _spelled(self) -> dict[tuple[str, ...], str]:
        return _spelled(self._lexicon)

    def _digits(self, count: int) -> Iterator[Said]:
        for spoken in digits(count, self._dice.getrandbits(32), least=6, most=6):
            words = spoken.words
            at, out = self._dice.randrange(6), self._dice.randrange(6)
            other = self._dice.choice([digit for digit in DIGITS if digit != words[at]])
            expected = [("right", words), ("replaced", (*words[:at], other, *words[at + 1 :]))]
            expected += [
                ("dropped", (*words[:out], *words[out + 1 :])),
                ("other", tuple(self._dice.choices(DIGITS, k=6))),
            ]
            yield Said("digits", "fsdd", spoken.name, spoken.name, spoken.audio, expected)

    def _keywords(self, count: int) -> Iterator[Said]:
        words = ("computer", "jarvis", "alexa")
        clips = self._dice.sample(list(keywords()), count)
        for clip in clips:
            yield Said("keyword", "picovoice", clip.name, clip.name, clip.audio, _one_of(clip.words[0], words))
        for source, names in (*_KEYWORDS.items(), ("gsc", GSC_WORDS)):
            lines = [line for line in spoken_lines(source) if line.words[0] in names and len(line.words) == 1]
            for line in self._dice.sample(lines, count):
                expected = _one_of(line.words[0], names)
                yield Said("keyword", source, line.person, line.name, line.audio(), expected)

    def _second_language(self, count: int) -> Iterator[Said]:
        """English words of people who speak Mandarin, and telephone numbers of people with many accents."""
        lines = [line for line in spoken_lines("dsp20") if line.words[0].isascii()]
        names = sorted({line.words[0] for line in lines})
        for line in self._dice.sample(lines, min(count, len(lines))):
            others = self._dice.sample([name for name in names if name != line.words[0]], 2)
            expected = _one_of(line.words[0], [line.words[0], *others])
            yield Said("second language", "dsp20", line.person, line.name, line.audio(), expected)
        numbers = [line for line in spoken_lines("alphanum") if set(line.words).issubset(DIGITS)]
        numbers = [line for line in numbers if 6 <= len(line.words) <= 12]
        for line in self._dice.sample(numbers, min(count, len(numbers))):
            words = line.words
            at = self._dice.randrange(len(words))
            other = self._dice.choice([digit for digit in DIGITS if digit != words[at]])
            expected = [("right", words), ("replaced", (*words[:at], other, *words[at + 1 :]))]
            yield Said("second language", "alphanum", line.person, line.name, line.audio(), expected)

    def _prompts(self, count: int) -> Iterator[Said]:
        """Three words of the prompts' list, joined from one person's recordings of those that somebody recorded."""
        takes: dict[str, dict[str, list[Line]]] = {}
        for line in spoken_lines("dsp20"):
            if line.words[0] in PROMPT_WORDS:
                takes.setdefault(line.person, {}).setdefault(line.words[0], []).append(line)
        people = sorted(person for person, words in takes.items() if len(words) == _PROMPT)
        for number in range(count):
            person = people[number % len(people)]
            words = tuple(self._dice.sample(sorted(takes[person]), _PROMPT))
            pause = np.zeros(SAMPLE_RATE_HZ // 10, np.float32)
            parts = [part for word in words for part in (self._dice.choice(takes[person][word]).audio(), pause)]
            at = self._dice.randrange(_PROMPT)
            other = self._dice.choice([word for word in PROMPT_WORDS if word not in words])
            expected = [
                ("right", words),
                ("replaced", (*words[:at], other, *words[at + 1 :])),
                ("other", tuple(self._dice.sample(PROMPT_WORDS, _PROMPT))),
                ("swapped", (words[1], words[0], words[2])),
            ]
            yield Said("prompt", "dsp20", person, f"{person}-{number}", np.concatenate(parts), expected)

    def _noises(self, count: int) -> Iterator[Said]:
        clips = [(path.stem, load(path)) for path in sorted((AUDIO / "noise").glob("*.opus"))]
        rng = np.random.default_rng(self._dice.getrandbits(32))
        made = [(f"slope {slope}", 0.1 * coloured_noise(2 * _CLIP, slope, rng)) for slope in _SLOPES]
        for name, audio in (*clips, *made, ("silence", np.zeros(2 * _CLIP, np.float32))):
            for number in range(count):
                size = _CLIP if number % 2 == 0 else _CLIP // 4
                start = self._dice.randrange(max(1, audio.size - size))
                expected = [("noise", normalize(phrase)) for phrase in _PHRASES]
                yield Said("noise", "noise", name, f"{name}-{number}", audio[start : start + size], expected)


def _one_of(word: str, words: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    return [("right" if other == word else "other word", (other,)) for other in words]


@cache
def _spelled(lexicon: Lexicon) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for word in lexicon.common(_NEAR_WORDS):
        for sounds in lexicon.of(word):
            found.setdefault(sounds, word)
    return found
