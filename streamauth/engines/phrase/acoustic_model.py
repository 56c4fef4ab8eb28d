"""The two networks of the phrase check, which run beside libvosk: scores of each phone in each frame.

libvosk only tells which words its search prefers. Whether an expected phrase was said needs the scores themselves, so
the network that libvosk decodes with is kept as ONNX in the model's folder ``phrase``. Beside it lies one on top of
the lower layers of a speaker encoder, which no Kaldi model can have (``scripts/train/vosk/second_network.py``): it
stands noise better, and the two err at different places. Both were trained with the same bigram of phones.
"""

import io
from pathlib import Path

import kaldi_native_fbank
import numpy as np
from numpy.typing import NDArray

from streamauth.core.ports import SAMPLE_RATE_HZ, Samples
from streamauth.engines.encoder.onnx import session
from streamauth.engines.phrase.alignment import PHONES, Scores
from streamauth.errors import EngineError, ModelCorrupt

MEL_BINS = 40
FRAME_SUBSAMPLING = 3
_NETWORKS = {"network.onnx": (54, 27), "encoder.onnx": (21, 21)}
"""The networks, and how many filter-bank frames each looks at before and after the one that a row stands for."""


def filter_bank(samples: Samples, step_ms: float = 10.0) -> NDArray[np.float32]:
    """Kaldi's log mel filter-bank features, shape (frames, MEL_BINS); libvosk computes the same every 10 ms."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE_HZ
    options.frame_opts.dither = 0
    options.frame_opts.frame_shift_ms = step_ms
    options.mel_opts.num_bins = MEL_BINS
    options.mel_opts.low_freq = 20
    options.mel_opts.high_freq = 7600
    options.use_energy = False
    bank = kaldi_native_fbank.OnlineFbank(options)
    # libvosk is given 16-bit samples
    bank.accept_waveform(SAMPLE_RATE_HZ, np.clip(np.rint(samples * 32768.0), -32768, 32767).astype(np.float32))
    bank.input_finished()
    frames = [bank.get_frame(index) for index in range(bank.num_frames_ready)]
    return np.array(frames, np.float32).reshape(-1, MEL_BINS)


class AcousticModel:
    """The networks; they have no state, so that any number of threads may call them.

    Args:
        folder: The folder ``phrase`` of a Vosk model.

    Attributes:
        bigram: Log probability of each phone after each other, shape (1 + phones, 1 + phones).

    Raises:
        ModelCorrupt: A file is missing or cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        try:
            bigram = np.load(io.BytesIO((folder / "bigram.npy").read_bytes()), allow_pickle=False)
            self._sessions = {name: session(folder / name, 1) for name in _NETWORKS}
        # the runtime's exceptions have no base class of their own
        except Exception as error:
            raise ModelCorrupt("The phrase model cannot be loaded. Install streamauth again.") from error
        self.bigram = np.asarray(bigram, np.float64)
        if self.bigram.shape != (1 + len(PHONES),) * 2:
            raise ModelCorrupt("The phrase model has other phones. Install streamauth again.")

    def scores(self, samples: Samples, tempo: float = 1.0) -> Scores:
        """Scores of an utterance of 25 ms or more by each network, one row every 30 ms.

        Args:
            samples: The utterance.
            tempo: How many times faster than usual it is spoken: rows and what they look at are as much shorter.

        Returns:
            Shape (networks, rows, 2 * (1 + phones)); libvosk's own network comes first.

        Raises:
            EngineError: The runtime failed or gave something that is not finite.
        """
        features = filter_bank(samples, 10.0 / tempo)
        return np.stack([self._run(name, features) for name in _NETWORKS])

    def _run(self, name: str, features: NDArray[np.float32]) -> Scores:
        wanted = -(-len(features) // FRAME_SUBSAMPLING)
        before, after = _NETWORKS[name]
        after += FRAME_SUBSAMPLING * wanted - len(features)
        padded = np.pad(features, ((before, after), (0, 0)), mode="edge")
        try:
            (scores,) = self._sessions[name].run(None, {"frames": padded[None]})
        except Exception as error:
            raise EngineError("The runtime of the phrase model failed. Nothing was accepted.") from error
        if scores.shape != (1, wanted, 2 * (1 + len(PHONES))) or not np.isfinite(scores).all():
            raise EngineError("The phrase model gave something that is no score. Nothing was accepted.")
        return np.asarray(scores[0], np.float64)
