"""Best paths of an utterance through networks of phones: Viterbi in numpy.

The frames' scores are worked out once per utterance and shared by all networks that are tried on it.
"""

import numpy as np
from numpy.typing import NDArray

from streamauth.engines.sphinx_features import Array
from streamauth.engines.sphinx_model import STATES, AcousticModel, Indices

NOISES = ("SIL", "+NSN+", "+SPN+")
LOG_SILENCE = -5.0
LOG_NOISE = -18.0
LOG_PHONE = -7.0
"""Log probabilities of a pause, of a noise, and of any one phone where all are allowed."""

IMPOSSIBLE = -1e20
"""Scores below this are of paths that do not exist."""

_NEVER = -1e30


class UtteranceScores:
    """Log likelihoods of the frames of one utterance, each senone worked out once."""

    def __init__(self, model: AcousticModel, features: Array) -> None:
        self._model = model
        self._features = features
        self._known: dict[int, Array] = {}

    def of(self, senones: Indices) -> NDArray[np.float64]:
        """Shape (frames, senones)."""
        missing = np.setdiff1d(senones, np.fromiter(self._known, np.intp, len(self._known)))
        columns = self._model.log_likelihoods(self._features, missing)
        self._known.update(zip(missing.tolist(), columns.T, strict=True))
        return np.stack([self._known[senone] for senone in senones.tolist()], axis=1).astype(np.float64)


class PhoneNetwork:
    """Phones of three states each, joined to a directed network."""

    def __init__(self, model: AcousticModel) -> None:
        self._model = model
        self._senones: list[Indices] = []
        self._bases: list[int] = []
        self._words: list[int] = []
        self._joints: list[list[tuple[int, float]]] = []
        self._entries: dict[int, float] = {}
        self.exits: set[int] = set()

    def phone(self, base: int, senones: Indices, word: int) -> int:
        """Add a phone of a word (-1: of none)."""
        self._senones.append(senones)
        self._bases.append(base)
        self._words.append(word)
        self._joints.append([])
        return len(self._bases) - 1

    def noises(self) -> list[int]:
        """Add silence and noises that may follow each other."""
        numbers = [self._model.phones[name] for name in NOISES]
        added = [self.phone(base, self._model.lone_senones(base), -1) for base in numbers]
        for phone in added:
            for other in added:
                if other != phone:
                    self.join(phone, other, self.cost(other))
        return added

    def cost(self, phone: int) -> float:
        """Log probability of a pause or a noise."""
        return LOG_SILENCE if self._bases[phone] == self._model.phones["SIL"] else LOG_NOISE

    def enter(self, phone: int, log_probability: float = 0.0) -> None:
        """Let paths begin with a phone."""
        self._entries[phone] = log_probability

    def join(self, phone: int, following: int, log_probability: float = 0.0) -> None:
        """Let a phone follow another."""
        leave = float(self._model.log_leave[self._bases[phone], STATES - 1])
        self._joints[following].append((phone, leave + log_probability))

    def best_path(self, scores: UtteranceScores) -> tuple[float, Indices, NDArray[np.float64]]:
        """Viterbi: the best path's score, and for each frame its word and its acoustic score."""
        count = len(self._bases)
        states = count * STATES
        bases = np.asarray(self._bases)
        width = 1 + max(1, max(len(joints) for joints in self._joints))
        before = np.full((states, width), states)
        chance = np.full((states, width), _NEVER)
        before[:, 0] = np.arange(states)
        chance[:, 0] = self._model.log_stay[bases].ravel()
        for state in range(1, STATES):
            before[state::STATES, 1] = np.arange(count) * STATES + state - 1
            chance[state::STATES, 1] = self._model.log_leave[bases, state - 1]
        for phone, joints in enumerate(self._joints):
            for place, (other, log_probability) in enumerate(joints, 1):
                before[phone * STATES, place] = other * STATES + STATES - 1
                chance[phone * STATES, place] = log_probability
        acoustic = scores.of(np.concatenate(self._senones))
        value = np.full(states + 1, _NEVER)
        for phone, log_probability in self._entries.items():
            value[phone * STATES] = log_probability + acoustic[0, phone * STATES]
        rows = np.arange(states)
        came = np.zeros(acoustic.shape, np.intp)
        for frame in range(1, len(acoustic)):
            candidates = value[before] + chance
            choice = candidates.argmax(axis=1)
            came[frame] = before[rows, choice]
            value[:states] = candidates[rows, choice] + acoustic[frame]
        last = max((phone * STATES + STATES - 1 for phone in self.exits), key=lambda state: value[state])
        path = np.empty(len(acoustic), np.intp)
        path[-1] = last
        for frame in range(len(acoustic) - 1, 0, -1):
            path[frame - 1] = came[frame, path[frame]]
        words = np.repeat(np.asarray(self._words), STATES)[path]
        return float(value[last]), words, acoustic[np.arange(len(acoustic)), path]


def phone_loop(model: AcousticModel, scores: UtteranceScores) -> tuple[float, NDArray[np.float64]]:
    """Viterbi over any sequence of phones: the best score, and for each frame its acoustic score."""
    bases = np.arange(len(model.phones))
    senones = np.stack([model.lone_senones(base) for base in bases.tolist()])
    acoustic = scores.of(senones.ravel()).reshape(-1, len(bases), STATES)
    enter = np.full(len(bases), LOG_PHONE)
    for name in NOISES:
        enter[model.phones[name]] = LOG_SILENCE if name == "SIL" else LOG_NOISE
    value = np.full((len(bases), STATES), _NEVER)
    value[:, 0] = enter + acoustic[0, :, 0]
    moved = np.zeros(acoustic.shape, bool)
    entered_from = np.zeros(len(acoustic), np.intp)
    arriving = np.empty_like(value)
    for frame in range(1, len(acoustic)):
        leaving = value + model.log_leave
        entered_from[frame] = last = int(leaving[:, -1].argmax())
        arriving[:, 0] = leaving[last, -1] + enter
        arriving[:, 1:] = leaving[:, :-1]
        staying = value + model.log_stay
        moved[frame] = arriving > staying
        value = np.maximum(arriving, staying) + acoustic[frame]
    phone, state = int(value[:, -1].argmax()), STATES - 1
    best = float(value[phone, state])
    frames = np.empty(len(acoustic))
    for frame in range(len(acoustic) - 1, -1, -1):
        frames[frame] = acoustic[frame, phone, state]
        if moved[frame, phone, state]:
            phone, state = (phone, state - 1) if state else (int(entered_from[frame]), STATES - 1)
    return best, frames
