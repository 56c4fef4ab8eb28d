"""Whether the self-test refuses an encoder that a version of ONNX Runtime computes wrongly.

python -m scripts.measure.check_runtime                        with the installed version
python -m scripts.measure.check_runtime --runtime 1.28.0 FOLDER  with another, in a virtual environment made in FOLDER

The encoders are made here with random weights: one without pooling, and two with the ``Pad`` and ``AveragePool`` of
CAM++ (``ceil_mode``), as older and as recent exporters write them. ONNX Runtime 1.21 to 1.28 computes the second
wrongly when it optimizes; all versions below 1.29 compute the third wrongly however they run it, so that only
``requires`` of the registry keeps it out. Exit code 1 where a runtime that pools wrongly has an encoder that pools
accepted, or one that pools rightly has it refused.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

NEEDED = ("numpy", "soxr", "platformdirs", "kaldi-native-fbank")
ENCODERS = {"plain": "no pooling", "campplus": "Pad + AveragePool(ceil)", "recent": "with count_include_pad"}


def make(folder: Path) -> None:
    """Write the encoders, and the pooling alone."""
    from tests.catalog import making

    (folder / "plain.onnx").write_bytes(making.three_d_speaker())
    (folder / "campplus.onnx").write_bytes(making.campplus())
    (folder / "recent.onnx").write_bytes(making.campplus(count_include_pad=True))
    (folder / "pooling.onnx").write_bytes(making.pooling())


def look(folder: Path) -> bool:
    """Load each encoder as the product does; whether the right ones were refused."""
    import numpy as np
    import onnxruntime

    from streamauth.catalog.entries import EncoderEntry
    from streamauth.catalog.registry import check_requirements
    from streamauth.engines.encoder.onnx import OnnxEncoder

    session = onnxruntime.InferenceSession((folder / "pooling.onnx").read_bytes())
    (means,) = session.run(None, {"x": np.ones((1, 1, 150), np.float32)})
    right = bool(np.allclose(means, 1))
    print(f"ONNX Runtime {onnxruntime.__version__}: 150 ones pooled in blocks of 100 give {means.ravel().tolist()}")
    good = True
    for name, what in ENCODERS.items():
        content = (folder / f"{name}.onnx").read_bytes()
        entry = EncoderEntry(
            name=name, file=f"{name}.onnx", bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), licence="",
            source="", language="en", sample_rate_hz=16_000, description="", features="3dspeaker-fbank-1", dim=192,
            window_samples=48_000, min_samples=12_800, max_batch=1,
            requires=() if name == "plain" else ("onnxruntime>=1.29",),
        )  # fmt: skip
        refusals = [
            told(f"{what}: self-test", partial(OnnxEncoder, entry, content)),
            told(f"{what}: requires", partial(check_requirements, entry)),
        ]
        good &= any(refusals) == (not right and name != "plain")
    return good


def told(what: str, test: Callable[[], object]) -> bool:
    """Print the outcome of a test; whether it refused."""
    from streamauth.errors import StreamAuthError

    try:
        test()
    except StreamAuthError as error:
        print(f"  {what}: refused [{error.code}] {error.message}")
        return True
    print(f"  {what}: accepted")
    return False


def look_with(runtime: str, place: Path, folder: Path) -> bool:
    """The same with another version of ONNX Runtime, which is installed for it."""
    python = place / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", f"onnxruntime=={runtime}", *NEEDED], check=True)
    return subprocess.run([python, __file__, "--look", folder], check=False).returncode == 0


def main() -> None:
    """Make the encoders and look."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", help="another version")
    parser.add_argument("--look", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("place", nargs="?", type=Path, help="where its virtual environment is made")
    arguments = parser.parse_args()
    if arguments.look is not None:
        sys.exit(not look(arguments.look))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder)
        place = arguments.place or folder / "venv"
        good = look_with(arguments.runtime, place, folder) if arguments.runtime else look(folder)
    sys.exit(not good)


if __name__ == "__main__":
    main()
