"""Writes the decoding graph of a Vosk model folder, graph/, with the OpenFst command line tools.

Needs Debian's libfst-tools. The graph is in two parts, joined by libvosk while it decodes: HCLr.fst takes
transition ids to words, Gr.fst says which words may follow each other.
"""

import math
import os
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.train.vosk.vosk_format import POSITIONS, SILENCE_PHONE, TRANSITIONS, enter, phone_id, stay
from streamauth.engines.phrase.alignment import PHONES

Pronunciation = Sequence[str]
_LOOKAHEAD = Path("/usr/lib/x86_64-linux-gnu/libfstlookahead.so.22")
_HALF = math.log(2)


@dataclass(frozen=True)
class Bigrams:
    """Which words may follow each other, as natural-log probabilities; ``""`` is the begin or the end.

    Attributes:
        words: Of each word after a back-off.
        followers: For a word, of the words that often follow it.
        back_off: Of a back-off after a word; 0 where it is missing.
    """

    words: Mapping[str, float]
    followers: Mapping[str, Mapping[str, float]]
    back_off: Mapping[str, float]


def write_graph(folder: Path, lexicon: Sequence[tuple[str, Pronunciation]], bigrams: Bigrams) -> None:
    """Write graph/.

    Args:
        folder: The model folder.
        lexicon: Words and their pronunciations; a word may come several times.
        bigrams: Of the same words.
    """
    graph = folder / "graph"
    (graph / "phones").mkdir(parents=True, exist_ok=True)
    words = sorted({word for word, _ in lexicon})
    with tempfile.TemporaryDirectory() as scratch:
        # the look-ahead type is a plug-in that OpenFst finds by a name that Debian does not give it
        (Path(scratch) / "olabel_lookahead-fst.so").symlink_to(_LOOKAHEAD)
        tools = _Tools(Path(scratch))
        lines, ambiguous = _lexicon_arcs(lexicon, {word: number for number, word in enumerate(words, 1)})
        minimize = "fstcompile | fstrmepsilon | fstdeterminize | fstminimize --allow_nondet=false | fstprint"
        looped = _with_self_loops(tools.run(minimize, lines))
        tools.run(
            "fstcompile | fstarcsort --sort_type=olabel | fstconvert --fst_type=olabel_lookahead "
            f"--save_relabel_opairs={scratch}/pairs > '{graph}/HCLr.fst'",
            looped,
        )
        pairs = (line.split() for line in (Path(scratch) / "pairs").read_text("ascii").splitlines())
        relabelled = {int(old): int(new) for old, new in pairs}
        ids = {word: relabelled[number] for number, word in enumerate(words, 1)}
        tools.run(
            f"fstcompile | fstarcsort --sort_type=ilabel | fstconvert --fst_type=const > '{graph}/Gr.fst'",
            _grammar_arcs(ids, bigrams),
        )
    entries = sorted((("<eps>", 0), *ids.items()), key=lambda entry: entry[1])
    (graph / "words.txt").write_text("".join(f"{word} {number}\n" for word, number in entries), "utf-8")
    (graph / "disambig_tid.int").write_text("".join(f"{label}\n" for label in ambiguous), "ascii")
    places = [f"{phone_id(phone, place)} {place}\n" for phone in PHONES for place in POSITIONS]
    (graph / "phones" / "word_boundary.int").write_text(f"{SILENCE_PHONE} nonword\n" + "".join(places), "ascii")


class _Tools:
    """OpenFst's programs, with a folder of plug-ins."""

    def __init__(self, plugins: Path) -> None:
        self._environment = {**os.environ, "LD_LIBRARY_PATH": str(plugins)}

    def run(self, pipeline: str, lines: Sequence[str]) -> list[str]:
        """Lines of text through a pipeline of programs."""
        command = ["bash", "-o", "pipefail", "-c", pipeline]
        text = "\n".join(lines) + "\n"
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, env=self._environment)
        return done.stdout.splitlines()


def _lexicon_arcs(lexicon: Sequence[tuple[str, Pronunciation]], numbers: Mapping[str, int]) -> tuple[list[str], range]:
    """Arcs from phones to words, and the labels that only keep the transducer determinizable.

    The input labels are already the transition ids that enter a phone. Words that sound alike end on a label of
    their own; so does the choice of a pause, which may stand at the begin and after each word.
    """
    spoken = [(word, tuple(phones)) for word, phones in lexicon]
    homophones = Counter(phones for _, phones in spoken)
    most = max(homophones.values())
    pause = TRANSITIONS + most + 1
    start, between, silent, word_end = 0, 1, 2, 3
    arcs = []
    for state in (start, word_end):
        arcs += [f"{state} {between} 0 0 {_HALF}", f"{state} {silent} {pause} 0 {_HALF}"]
    arcs.append(f"{silent} {between} {enter(SILENCE_PHONE)} 0 0")
    states = 4
    alike: Counter[tuple[str, ...]] = Counter()
    for word, phones in spoken:
        labels = [enter(phone_id(phone, _place(index, len(phones)))) for index, phone in enumerate(phones)]
        if homophones[phones] > 1:
            alike[phones] += 1
            labels.append(TRANSITIONS + alike[phones])
        state = between
        for index, label in enumerate(labels):
            following = word_end if index == len(labels) - 1 else states
            arcs.append(f"{state} {following} {label} {0 if index else numbers[word]} 0")
            state = following
            states += following == states
    return [*arcs, f"{between} 0"], range(TRANSITIONS + 1, pause + 1)


def _place(index: int, count: int) -> str:
    if count == 1:
        return "singleton"
    return "begin" if index == 0 else "end" if index == count - 1 else "internal"


def _with_self_loops(lines: Sequence[str]) -> list[str]:
    """Let each phone go on: split states by the phone that enters them, then loop on its other transition id."""
    arcs: dict[int, list[tuple[int, int, int, float]]] = defaultdict(list)
    final: dict[int, float] = {}
    for line in lines:
        fields = line.split()
        if len(fields) >= 4:
            weight = float(fields[4]) if len(fields) > 4 else 0.0
            arcs[int(fields[0])].append((int(fields[1]), int(fields[2]), int(fields[3]), weight))
        else:
            final[int(fields[0])] = float(fields[1]) if len(fields) > 1 else 0.0
    start = (int(lines[0].split()[0]), 0)
    numbers = {start: 0}
    todo, result = [start], []
    while todo:
        state, entered = key = todo.pop(0)
        for following, label, word, weight in arcs[state]:
            target = (following, label if label <= TRANSITIONS else 0)
            if target not in numbers:
                numbers[target] = len(numbers)
                todo.append(target)
            result.append(f"{numbers[key]} {numbers[target]} {label} {word} {weight:.6g}")
        if entered:
            result.append(f"{numbers[key]} {numbers[key]} {stay(entered // 2)} 0 0")
        if state in final:
            result.append(f"{numbers[key]} {final[state]:.6g}")
    return result


def _grammar_arcs(ids: Mapping[str, int], bigrams: Bigrams) -> list[str]:
    """An acceptor of the bigrams, whose words back off to any word."""
    anything = 1
    states = {"": 0, **{word: number for number, word in enumerate(bigrams.followers, 2) if word}}
    # a word of whom no pair is kept needs no state of its own
    lines = []

    def arcs(state: int, chances: Mapping[str, float]) -> None:
        for following, log_probability in chances.items():
            if following:
                target = states.get(following, anything)
                cost = -log_probability - (0 if following in states else bigrams.back_off.get(following, 0.0))
                lines.append(f"{state} {target} {ids[following]} {ids[following]} {cost:.4g}")
            else:
                lines.append(f"{state} {-log_probability:.4g}")

    for word, state in states.items():
        arcs(state, bigrams.followers.get(word, {}))
        lines.append(f"{state} {anything} 0 0 {-bigrams.back_off.get(word, 0.0):.4g}")
    arcs(anything, bigrams.words)
    return lines
