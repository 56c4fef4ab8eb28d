"""Compares free decoding with a grammar of the phrase, on right and wrong phrases: why free decoding is the default.

python -m scripts.measure.compare_grammar   on the demo's synthetic voices, with the words of the embedded model alone

A grammar helps with what free decoding gets almost right, but as readily makes the phrase of one that differs in a
word. Requiring free decoding to agree in a share of the words does not tell the two apart.
"""

import json
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import soundfile
import vosk

from streamauth.catalog.registry import Catalog
from streamauth.demo_data import demo_utterances

PHRASE = "please open the door and let me come in"
RATE_HZ = 16_000
GROUPS = {"door-": "the phrase", "window": "one word replaced", "coffee": "another", "passport": "another"}


def heard(recognizer: Any, pcm: bytes) -> list[str]:
    """The words that a recognizer hears."""
    recognizer.SetWords(True)
    results = [recognizer.Result() for at in range(0, len(pcm), 6400) if recognizer.AcceptWaveform(pcm[at : at + 6400])]
    results.append(recognizer.FinalResult())
    return [word["word"] for result in results for word in json.loads(result).get("result", ())]


def main() -> None:
    """Print a line for each utterance."""
    vosk.SetLogLevel(-1)
    model, expected = vosk.Model(str(Catalog().recognizer_folder("vosk-en"))), PHRASE.split()
    counts: dict[str, list[tuple[bool, bool, float]]] = {}
    for (_, name), clip in sorted(demo_utterances().items()):
        group = next((what for begin, what in GROUPS.items() if name.startswith(begin) and name != "door-half"), None)
        if group is None:
            continue
        samples, _ = soundfile.read(clip.path, dtype="float32")
        pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        free = heard(vosk.KaldiRecognizer(model, RATE_HZ), pcm)
        forced = heard(vosk.KaldiRecognizer(model, RATE_HZ, json.dumps([PHRASE, "[unk]"])), pcm)
        blocks = SequenceMatcher(None, free, expected, autojunk=False).get_matching_blocks()
        common = sum(block.size for block in blocks)
        share = common / max(len(free), len(expected))
        counts.setdefault(group, []).append((free == expected, forced == expected, share))
    for group, rows in counts.items():
        free_right, forced_right = (sum(row[index] for row in rows) for index in (0, 1))
        shares = [row[2] for row in rows if row[1]]
        agreed = f", where free decoding has {min(shares):.2f} to {max(shares):.2f} of the words" if shares else ""
        print(f"{group}: of {len(rows)} taken by free decoding {free_right}, by a grammar {forced_right}{agreed}")


if __name__ == "__main__":
    main()
