"""The second network of the phrase check: one like the recognizer's on the two lower layers of the speaker encoder.

Who speaks is told by how each sound is said, so a speaker encoder learns the sounds, and GE2E, of which ``ge2e-noise``
descends, has heard thousands of hours. From its second layer alone, small networks tell the phones of people that they
have not heard far better than from filter banks (70 against 52 % of the frames of LibriSpeech, where 25 minutes of it
are learned from).

The lower layers take the powers of GE2E's bands; those are put together from the filter banks that the recognizer
takes, with the pre-emphasis taken out, and brought to one level over the utterance.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from torch import nn

from scripts.train.ge2e.network import three_views
from scripts.train.ge2e.onnx_layers import weights_of
from scripts.train.vosk.network import SPLICED, Network, Shape
from streamauth.catalog.registry import models_folder
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.engines.encoder import ge2e
from streamauth.engines.phrase.acoustic_model import FRAME_SUBSAMPLING, MEL_BINS

HIDDEN, LAYERS = 256, 2
TAPS = (0, 3, 6)
"""Which of the seven frames that the first layer of the recognizer looks at bring what the lower layers give."""
SHAPE = Shape(256, 96, ((-1, 0, 1), (-1, 0, 1), (-2, 0, 2), (-2, 0, 2)), 0.2)
_FFT, _PRE_EMPHASIS, _LOWEST_HZ, _HIGHEST_HZ = 512, 0.97, 20.0, 7600.0
_LEVEL_JITTER = 0.4

Array = NDArray[np.float32]


class LowerLayers(nn.Module):  # type: ignore[misc]
    """Log filter banks, shape (batch, frames, MEL_BINS), to what GE2E makes of them, shape (batch, frames, HIDDEN)."""

    def __init__(self) -> None:
        super().__init__()
        bands, widths = bands_from_filter_banks()
        self.register_buffer("bands", torch.from_numpy(bands))
        self.register_buffer("widths", torch.from_numpy(widths))
        self.lstm = nn.LSTM(3 * ge2e.BANDS, HIDDEN, LAYERS, batch_first=True)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """What the second layer gives for each frame."""
        with torch.autocast("cpu", enabled=False):
            power = torch.exp(frames.float()) @ self.bands
            level = (power @ self.widths).mean(dim=1)
            if self.training:
                level = level * torch.exp(_LEVEL_JITTER * torch.randn_like(level))
            power = power / level[:, None, None]
            seen = three_views(power)
        return torch.as_tensor(self.lstm(seen)[0])


class PhraseNetwork(nn.Module):  # type: ignore[misc]
    """Filter-bank frames to a score of each output, as ``recognizer_network.Network``.

    Args:
        body: What comes behind the lower layers.
    """

    def __init__(self, body: Network) -> None:
        super().__init__()
        self.body, self.lower = body, LowerLayers()
        self.drop = nn.Dropout(body.shape.dropout)

    @property
    def shape(self) -> Shape:
        """Size of what is above the lower layers."""
        return self.body.shape

    @property
    def context(self) -> tuple[int, int]:
        """Filter-bank frames looked at before and after the one that an output stands for."""
        return self.body.context

    @property
    def mean(self) -> torch.Tensor:
        """Mean of each filter-bank channel, shape (MEL_BINS,)."""
        return torch.as_tensor(self.body.mean)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Shape (batch, frames, MEL_BINS), with its context, to (batch, (frames - context) / 3, OUTPUTS)."""
        return torch.as_tensor(self.body.above(self.drop(tapped(self.lower(frames)))))


def encoder_weights() -> dict[str, Array]:
    """The weights of models/ge2e-noise.onnx under PyTorch's names."""
    return weights_of(models_folder() / "ge2e-noise.onnx")


def tapped(heard: torch.Tensor) -> torch.Tensor:
    """What the lower layers give, shape (batch, frames, HIDDEN), as the recognizer's first layer steps over it."""
    last = heard.shape[1] - SPLICED + 1
    return torch.cat([heard[:, tap : last + tap : FRAME_SUBSAMPLING] for tap in TAPS], dim=2)


def begun(mean: Array, encoder: dict[str, Array]) -> PhraseNetwork:
    """A network that has learned nothing yet but what its lower layers know.

    Args:
        mean: As ``Network``'s.
        encoder: Weights of the speaker encoder under PyTorch's names; those of its upper layers are passed over.
    """
    network = PhraseNetwork(Network(SHAPE, mean, len(TAPS) * HIDDEN))
    lstm = network.lower.lstm
    lstm.load_state_dict({name: torch.from_numpy(encoder[f"lstm.{name}"]) for name, _ in lstm.named_parameters()})
    lstm.requires_grad_(False)
    return network


def load(path: Path) -> PhraseNetwork:
    """A saved network, for use."""
    shape, state = torch.load(path, weights_only=False)
    network = PhraseNetwork(Network(shape, np.zeros(MEL_BINS, np.float32), len(TAPS) * HIDDEN))
    network.load_state_dict(state)
    network.eval()
    return network


def bands_from_filter_banks() -> tuple[Array, Array]:
    """What to multiply the powers of filter banks with for those of GE2E's bands, and these for the whole power.

    Returns:
        Shapes (MEL_BINS, ge2e.BANDS) and (ge2e.BANDS,). The latter is such that power in all bands that adds up to
        one is speech at GE2E's level.
    """
    hertz = np.arange(_FFT // 2 + 1) * SAMPLE_RATE_HZ / _FFT
    mel, lowest, highest = (1127 * np.log1p(value / 700) for value in (hertz, _LOWEST_HZ, _HIGHEST_HZ))
    edges = np.linspace(lowest, highest, MEL_BINS + 2)
    rising = (mel - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - mel) / np.diff(edges)[1:, None]
    emphasis = np.square(np.abs(1 - _PRE_EMPHASIS * np.exp(-2j * np.pi * hertz / SAMPLE_RATE_HZ)))
    banks = np.maximum(0, np.minimum(rising, falling)) * emphasis
    own = np.arange(ge2e.FRAME_SAMPLES // 2 + 1) * SAMPLE_RATE_HZ / ge2e.FRAME_SAMPLES
    filters = ge2e.mel_filters().astype(np.float64)
    wanted = np.stack([np.interp(hertz, own, row) for row in filters])
    bands = np.stack([nnls(banks.T, row)[0] for row in wanted]).T
    widths = 1 / filters.max(axis=1)
    # the same noise at GE2E's level, by its own features and by filter banks, whose powers are those of 16-bit samples
    noise = np.random.default_rng(0).standard_normal((1, 10 * SAMPLE_RATE_HZ)).astype(np.float32)
    powers = ge2e.window_features(noise)[0].mean(axis=0, dtype=np.float64)
    return (bands / bands.max()).astype(np.float32), (widths / (powers @ widths)).astype(np.float32)
