"""Speech made faster or slower at the same pitch, for training and for measuring."""

import numpy as np
from numpy.typing import NDArray


def at_tempo(audio: NDArray[np.float64], speed: float) -> NDArray[np.float64]:
    """The same speech in more or less time, at the same pitch: overlap-add of pieces that fit best.

    After W. Verhelst and M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality
    time-scale modification of speech", ICASSP 1993.
    """
    size, hop, reach = 480, 240, 120
    if audio.size < 4 * size:
        return audio
    window = np.hanning(size)
    padded = np.pad(audio, (reach, size + reach))
    count = int(audio.size / speed / hop)
    out, weight = np.zeros(count * hop + size), np.full(count * hop + size, 1e-3)
    taken = reach
    for index in range(count):
        wanted = round(index * hop * speed)
        if index:
            follows = padded[taken + hop : taken + hop + size]
            fits = np.correlate(padded[wanted : wanted + size + 2 * reach], follows, "valid")
            taken = wanted + int(fits.argmax())
        piece = padded[taken : taken + size]
        if piece.size < size:
            break
        out[index * hop : index * hop + size] += window * piece
        weight[index * hop : index * hop + size] += window
    return np.asarray(out / weight)
