"""Pass phrases by Vosk, with the embedded model or any other Vosk model folder.

libvosk decodes freely and tells which words it hears, while they are spoken. A folder that has a phrase model beside
libvosk's files, as the embedded one has, also tells how likely it is that the expected words were said; with any
other folder the words that libvosk heard are all there is.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from streamauth.core.ports import (
    NOTHING_USUAL,
    SAMPLE_RATE_HZ,
    PhraseStream,
    Samples,
    Transcript,
    Usual,
    Word,
    WordFacts,
)
from streamauth.engines.phrase.acoustic_model import AcousticModel
from streamauth.engines.phrase.check import FreeCheck, PhraseCheck
from streamauth.engines.phrase.expected import Expected
from streamauth.engines.phrase.lexicon import Lexicon
from streamauth.engines.phrase.libvosk import vosk
from streamauth.engines.phrase.whisper.judge import PhraseJudge
from streamauth.errors import EngineError, ModelCorrupt, ModelMissing, UnknownWord

_BLOCK_SAMPLES = SAMPLE_RATE_HZ // 10
_PROBE_TIMEOUT_S = 300
# One group of alternatives for each file that libvosk cannot do without, in the two layouts that it knows.
_LAYOUTS = (
    (
        ("am/final.mdl",),
        ("conf/model.conf",),
        ("conf/mfcc.conf", "conf/fbank.conf"),
        ("graph/HCLG.fst", "graph/HCLr.fst"),
        ("graph/HCLG.fst", "graph/Gr.fst"),
        ("graph/HCLG.fst", "graph/disambig_tid.int"),
    ),
    (
        ("final.mdl",),
        ("mfcc.conf",),
        ("HCLG.fst", "HCLr.fst"),
        ("HCLG.fst", "Gr.fst"),
        ("HCLG.fst", "disambig_tid.int"),
    ),
)
_PROBE = """
import sys, vosk
vosk.SetLogLevel(-1)
recognizer = vosk.KaldiRecognizer(vosk.Model(sys.argv[1]), 16000)
recognizer.AcceptWaveform(bytes(32000))
recognizer.FinalResult()
print("works")
"""


class VoskRecognizer:
    """Vosk with one model, loaded once.

    It decodes freely, whatever is expected: a Vosk grammar forces other words onto those that it lists, so that the
    phrase is found more often, and in other words too (``scripts/measure/compare_grammar.py``).

    Args:
        folder: The model folder.
        trusted: Whether its files are known to be whole, so that it need not be tried out first.
        judge: Finds and checks the folder of the second judge of phrases, for a model with a phrase model beside it.
        judge_waits: Whether the judge is loaded by ``load_judge``, or at its first use, and not here.

    Attributes:
        id: Name of the engine and its model.

    Raises:
        ModelMissing: There is no Vosk model in the folder, or one of its files is missing.
        ModelCorrupt: libvosk cannot use the model.
    """

    def __init__(
        self,
        folder: str,
        *,
        trusted: bool = False,
        judge: Callable[[], Path] | None = None,
        judge_waits: bool = False,
    ) -> None:
        path = Path(folder).expanduser().absolute()
        _check_files(path)
        if not trusted:
            _probe(path)
        vosk.SetLogLevel(-1)
        self.id = f"vosk:{path.name}"
        self._model = vosk.Model(str(path))
        self._lexicon: Lexicon | None = None
        self._acoustics: AcousticModel | None = None
        self._judge: PhraseJudge | None = None
        if (path / "phrase").is_dir():
            self._lexicon = Lexicon(path / "phrase")
            self._acoustics = AcousticModel(path / "phrase")
            self._judge = PhraseJudge(judge, self._lexicon, waits=judge_waits) if judge is not None else None

    def load_judge(self) -> None:
        """Load the judge, if there is one and it is not loaded yet, and what else is made at its first use.

        Raises:
            ModelCorrupt: It cannot be used.
        """
        if self._judge is not None:
            self._judge.load()
        if self._lexicon is not None:
            self._lexicon.prepare()

    def facts(self, word: str) -> WordFacts | None:
        """What the phrase model's dictionary knows of a word."""
        return self._lexicon.facts(word) if self._lexicon is not None else None

    def unknown_words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the words that the model does not have, and cannot tell how they are said."""
        if self._lexicon is not None:
            return tuple(word for word in words if not self._lexicon.likely(word))
        return tuple(word for word in words if self._model.vosk_model_find_word(word) < 0)

    def likelihoods(self, samples: Samples, phrases: Sequence[tuple[str, ...]]) -> tuple[float, ...] | None:
        """Log-likelihood of each phrase by the second judge, in nats; None without one."""
        if self._judge is None or samples.size < SAMPLE_RATE_HZ // 10:
            return None
        opinion = self._judge.opinion(samples)
        return tuple(opinion.likelihood(phrase) for phrase in phrases)

    def stream(
        self, expected: tuple[str, ...] | None, usual: Usual = NOTHING_USUAL, *, least_llr: float = 0.0
    ) -> PhraseStream:
        """State for one new stream.

        Raises:
            UnknownWord: One of the expected words is not in the model.
        """
        if self.unknown_words(expected or ()):
            raise UnknownWord()
        check: PhraseCheck | FreeCheck | None = None
        if self._acoustics is not None and self._lexicon is not None:
            if expected:
                phrase = Expected.of(expected, self._lexicon, usual)
                check = PhraseCheck(self._acoustics, self._lexicon, phrase, self._judge, least_llr)
            elif self._judge is not None:
                check = FreeCheck(self._acoustics, self._lexicon, self._judge)
        return _VoskStream(self._model, check)


class _VoskStream:
    """Recognition of one stream. Audio is worked on in blocks of 100 ms, however the caller cuts it."""

    def __init__(self, model: Any, check: PhraseCheck | FreeCheck | None) -> None:
        self._model = model
        self._check = check
        self._closed = False
        self._recognizer: Any = None
        self._audio: list[Samples] = []
        self._waiting: Samples = np.zeros(0, np.float32)
        self._words: list[Word] = []
        self._text = ""

    def accept(self, samples: Samples) -> str:
        if self._closed:
            raise EngineError()
        if self._recognizer is None:
            # a new one for each utterance, as it goes on counting time and adapting otherwise
            self._recognizer = _failing_loudly(vosk.KaldiRecognizer, self._model, SAMPLE_RATE_HZ)
            self._recognizer.SetWords(True)
        if self._check is not None:
            self._audio.append(samples)
        self._waiting = np.concatenate([self._waiting, samples])
        whole = self._waiting.size - self._waiting.size % _BLOCK_SAMPLES
        for start in range(0, whole, _BLOCK_SAMPLES):
            self._decode(self._recognizer, self._waiting[start : start + _BLOCK_SAMPLES])
        self._waiting = self._waiting[whole:]
        if whole:
            self._text = " ".join(word.text for word in self._heard_so_far())
        return self._text

    def partial(self) -> Transcript:
        if self._closed:
            raise EngineError()
        return Transcript(()) if self._recognizer is None else self._judged(self._heard_so_far(), over=False)

    def finish(self) -> Transcript:
        if self._closed:
            raise EngineError()
        if self._recognizer is None:
            return Transcript(())
        if self._waiting.size:
            self._decode(self._recognizer, self._waiting)
        self._take(self._recognizer.FinalResult())
        transcript = self._judged(self._words, over=True)
        self._forget()
        return transcript

    def close(self) -> None:
        self._closed = True
        self._forget()

    def _heard_so_far(self) -> list[Word]:
        partial = json.loads(self._recognizer.PartialResult()).get("partial", "")
        # a search that goes on has no times and no confidence yet
        return self._words + [Word(text, 0.0, 0.0, 0.0) for text in partial.split() if not _is_noise(text)]

    def _judged(self, heard: list[Word], *, over: bool) -> Transcript:
        if self._check is None:
            return Transcript(tuple(heard))
        return self._check.judge(np.concatenate(self._audio), heard, over=over)

    def _forget(self) -> None:
        self._recognizer = None
        self._audio = []
        self._waiting = np.zeros(0, np.float32)
        self._words = []
        self._text = ""

    def _decode(self, recognizer: Any, samples: Samples) -> None:
        pcm = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
        # true where libvosk itself saw an end of speech: its words are then given once and forgotten
        if _failing_loudly(recognizer.AcceptWaveform, pcm.tobytes()):
            self._take(recognizer.Result())

    def _take(self, result: str) -> None:
        for word in json.loads(result).get("result", ()):
            if not _is_noise(word["word"]):
                confidence = min(1.0, max(0.0, float(word["conf"])))
                self._words.append(Word(word["word"], float(word["start"]), float(word["end"]), confidence))


def _is_noise(word: str) -> bool:
    """Whether a word stands for a noise; an unknown word is none, as leaving it out would complete a phrase."""
    return word[:1] in "[<" and "unk" not in word


def _check_files(path: Path) -> None:
    if not path.is_dir():
        raise ModelMissing("The folder of the Vosk model does not exist. Correct the setting phrase.vosk_model.")
    layout = next((layout for layout in _LAYOUTS if (path / layout[0][0]).is_file()), None)
    if layout is None:
        raise ModelMissing("The folder in the setting phrase.vosk_model holds no Vosk model.")
    for alternatives in layout:
        files = [path / name for name in alternatives]
        if not any(file.is_file() for file in files):
            raise ModelMissing(f"The Vosk model is not complete: {alternatives[-1]} is missing.")
        if not any(file.is_file() and file.stat().st_size for file in files):
            raise ModelCorrupt(f"The Vosk model is damaged: {alternatives[-1]} is empty.")


def _probe(path: Path) -> None:
    """Load the model in another process first, as libvosk ends the process that loads a damaged one."""
    command = [sys.executable, "-c", _PROBE, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PROBE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise ModelCorrupt("The Vosk model cannot be loaded.") from None
    if done.returncode or done.stdout.strip() != b"works":
        raise ModelCorrupt("The Vosk model is damaged. Unpack it again.")


def _failing_loudly(call: Any, *arguments: object) -> Any:
    try:
        return call(*arguments)
    except Exception as error:  # libvosk's binding has no class of its own for its failures
        raise EngineError() from error
