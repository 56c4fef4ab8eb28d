"""One PocketSphinx decoder with its English language model, whose results depend on one utterance only."""

import re
from pathlib import Path

import numpy as np
import pocketsphinx

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples, Word
from streamauth.errors import EngineError

_FRAMES_PER_S = 100
_VARIANT = re.compile(r"(.+)\((\d+)\)")
# A second pass over the lattice of words and tighter pruning than usual: the same words on our recordings, at two
# thirds of the time.
_OPTIONS = {"fwdflat": False, "maxhmmpf": 3000, "maxwpf": 5, "pl_window": 10}
# Faint noise, for what the decoder keeps of former audio to be the same before each utterance (see begin).
_RINSE = np.random.default_rng(0).normal(0, 300, SAMPLE_RATE_HZ // 4).astype("<i2").tobytes()


class SphinxDecoder:
    """Decodes utterances one after another; for one thread at a time.

    Args:
        folder: The model folder ``en-us`` of the package.

    Raises:
        EngineError: PocketSphinx cannot load it.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._decoder = pocketsphinx.Decoder(
                hmm=str(folder / "en-us"),
                lm=str(folder / "en-us.lm.bin"),
                dict=str(folder / "cmudict-en-us.dict"),
                loglevel="FATAL",
                **_OPTIONS,
            )
        except (RuntimeError, ValueError) as error:
            raise EngineError() from error
        self._mean = self._decoder.get_cmn(False)
        self._running = False

    def pronunciations(self, word: str) -> list[tuple[str, ...]]:
        """The phones of each pronunciation of a word in the dictionary; none if it is not a word of it."""
        found: list[tuple[str, ...]] = []
        name = word
        while word[:1].isalpha() and "(" not in word and (phones := self._decoder.lookup_word(name)):
            found.append(tuple(phones.split()))
            name = f"{word}({len(found) + 1})"
        return found

    def begin(self) -> None:
        """Begin an utterance.

        Between utterances a decoder keeps the cepstral mean, the noise estimate and the best Gaussians of the
        last frames. The first two can be set; a moment of always the same noise takes the third away.
        """
        for rinse in (True, False):
            self._call("reinit_feat")
            self._call("set_cmn", self._mean)
            self._call("start_utt")
            self._running = True
            if rinse:
                self._call("process_raw", _RINSE)
                self.abandon()

    def process(self, samples: Samples) -> None:
        """Decode more of the utterance."""
        pcm = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
        self._call("process_raw", pcm.tobytes())

    def text(self) -> str:
        """The words so far."""
        best = self._call("hyp")
        words = (best.hypstr if best else "").split()
        return " ".join(_VARIANT.sub(r"\1", word) for word in words)

    def end(self) -> tuple[list[Word], list[tuple[str, ...]]]:
        """End the utterance; give its words and how each was pronounced."""
        self.abandon()
        words: list[Word] = []
        spoken: list[tuple[str, ...]] = []
        for segment in self._call("seg") or ():
            variant = _VARIANT.fullmatch(segment.word)
            text, number = (variant[1], int(variant[2])) if variant else (segment.word, 1)
            known = self.pronunciations(text)
            if known:
                start_s, end_s = segment.start_frame / _FRAMES_PER_S, (segment.end_frame + 1) / _FRAMES_PER_S
                words.append(Word(text, start_s, end_s, min(1.0, max(0.0, segment.prob))))
                spoken.append(known[number - 1])
        return words, spoken

    def abandon(self) -> None:
        """End a running utterance without asking for its words."""
        if self._running:
            self._running = False
            self._call("end_utt")

    def _call(self, name: str, *arguments: object) -> "pocketsphinx.Hypothesis | None":
        try:
            return getattr(self._decoder, name)(*arguments)
        except (RuntimeError, ValueError) as error:
            raise EngineError() from error
