"""Makes models/vosk-en/, the Vosk model of the embedded pass-phrase recognizer, from trained networks.

    python -m scripts.train.vosk.make_folder NETWORK.pt PHRASE.pt BIGRAM.npy [--folder models/vosk-en]

Beside the files that libvosk reads it writes phrase/: the same network and the second one of the phrase check as ONNX,
the bigram of phones and the pronunciations, with which ``streamauth.engines.phrase.evidence`` measures how well a
phrase explains an utterance. Words and their bigram are those of the language model that travels in the package
pocketsphinx (CMU, BSD-style license); of its bigrams the ones that matter most are kept. Needs Debian's libfst-tools
and the dependencies ``build``.
"""

import argparse
import gzip
import math
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from scripts.train.vosk.cmu_dictionary import dictionary
from scripts.train.vosk.export import export_phrase, export_recognizer
from scripts.train.vosk.network import load_network
from scripts.train.vosk.second_network import load
from scripts.train.vosk.speech import KEYWORD_FOLDS
from scripts.train.vosk.vosk_format import write_model
from scripts.train.vosk.vosk_graph import Bigrams, write_graph
from streamauth.catalog.registry import folder_digest

FOLDER = Path(__file__).resolve().parents[3] / "models" / "vosk-en"
_LN10 = math.log(10)

# the binding writes the words and pairs and then ends the process over the triples, which are not wanted anyway
_DUMP = """
import sys, pocketsphinx
config, logs = pocketsphinx.Config(lm=None), pocketsphinx.LogMath()
model = pocketsphinx.NGramModel(config, logs, pocketsphinx.get_model_path("en-us/en-us.lm.bin"))
model.write(sys.argv[1])
"""


def language_model(known: set[str], pairs: int) -> Bigrams:
    """Log probabilities of words and of the pairs that matter most."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.arpa"
        subprocess.run([sys.executable, "-c", _DUMP, str(path)], check=False, capture_output=True)
        lines = path.read_text("utf-8", errors="ignore").splitlines()
    ones = lines.index("\\1-grams:")
    twos = lines.index("\\2-grams:")
    wanted = known | {"<s>", "</s>"}
    single: dict[str, float] = {}
    backing: dict[str, float] = {}
    for line in lines[ones + 1 : twos - 1]:
        log10, word, log10_back = line.split("\t")
        if word in wanted:
            single[word], backing[word] = float(log10) * _LN10, float(log10_back) * _LN10
    assert 2 < -single["the"] < 5, "the language model was not read right"
    found = []
    for line in lines[twos + 1 :]:
        parts = line.split("\t")
        if len(parts) == 4 and parts[1] in single and parts[2] in single:
            log_probability = float(parts[0]) * _LN10
            gain = log_probability - backing[parts[1]] - single[parts[2]]
            found.append((math.exp(single[parts[1]] + log_probability) * gain, parts[1], parts[2], log_probability))
    found.sort(reverse=True)
    names = {"<s>": "", "</s>": ""}
    followers: dict[str, dict[str, float]] = defaultdict(dict)
    for _, first, second, log_probability in found[:pairs]:
        followers[names.get(first, first)][names.get(second, second)] = log_probability
    words = {names.get(word, word): value for word, value in single.items() if word != "<s>"}
    words.update({word: min(words.values()) for word in KEYWORD_FOLDS if word not in words})
    back_off = {names.get(word, word): backing[word] for word in single if word != "</s>"}
    return Bigrams(words, dict(followers), back_off)


def main() -> None:
    """Make the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", type=Path, help="that libvosk decodes with")
    parser.add_argument("second", type=Path, help="of the phrase check, on an encoder's lower layers")
    parser.add_argument("bigram", type=Path)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--pairs", type=int, default=250_000, help="pairs of words that are kept")
    parser.add_argument("--phrase-only", action="store_true", help="only phrase/, for evaluate_phrase.py")
    arguments = parser.parse_args()
    network = load_network(arguments.network)
    folder: Path = arguments.folder
    sounds = dictionary()
    model = language_model(set(sounds), arguments.pairs)
    if not arguments.phrase_only:
        for name in ("am", "conf", "graph"):
            shutil.rmtree(folder / name, ignore_errors=True)
        # trained on whole sequences, without priors
        write_model(folder, network.layers(), np.zeros(0, np.float32), acoustic_scale=1.0)
        lexicon = [(word, phones) for word in sorted(model.words) if word for phones in sounds[word]]
        write_graph(folder, lexicon, model)
    (folder / "phrase").mkdir(parents=True, exist_ok=True)
    export_recognizer(network, folder / "phrase" / "network.onnx")
    export_phrase(load(arguments.second), folder / "phrase" / "encoder.onnx")
    np.save(folder / "phrase" / "bigram.npy", np.load(arguments.bigram).astype(np.float32))
    least = min(model.words.values())
    lines = [
        f"{word}\t{round(-model.words.get(word, least) / math.log(2), 1)}\t{'|'.join(map(' '.join, sounds[word]))}\n"
        for word in sorted(sounds)
    ]
    packed = gzip.compress("".join(lines).encode("utf-8"), mtime=0)
    (folder / "phrase" / "dictionary.tsv.gz").write_bytes(packed)
    print(f"{len(model.words)} words that libvosk hears, {len(sounds)} in the dictionary")
    print("for models/registry.toml: bytes = {}, sha256 = {}".format(*folder_digest(folder)))


if __name__ == "__main__":
    main()
