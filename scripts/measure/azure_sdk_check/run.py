"""Runs check.js against a server of its own, on the synthetic speech of the tests.

cd scripts/measure/azure_sdk_check && npm install --ignore-scripts && cd ../../..
python -m scripts.measure.azure_sdk_check.run
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.azure.rig import make_home, serve, speech

FOLDER = Path(__file__).resolve().parent

FILES = {
    **{f"taken-{n}": ("awb", f"taken-{n}") for n in range(1, 5)},
    "other": ("slt", "taken-1"),
    "long-1": ("awb", "long-1"),
    "long-2": ("awb", "long-2"),
    "other-long": ("slt", "long-2"),
}


def main() -> int:
    """Run it; give its exit status."""
    with TemporaryDirectory() as folder:
        home = make_home(Path(folder) / "home")
        for name, (voice, utterance) in FILES.items():
            (Path(folder) / f"{name}.wav").write_bytes(speech(voice, utterance))
        with serve(home) as client:
            command = ["node", str(FOLDER / "check.js"), f"http://{client.host}", home.key, folder]
            return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
