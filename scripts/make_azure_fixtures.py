"""Makes the speech of the tests of the Speaker Recognition API: tests/data/azure/. Needs flite, as make_fixtures.py."""

from pathlib import Path

import numpy as np
from make_fixtures import decode, encode, place_in_room, synthesize

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data" / "azure"
ENROLLED, OTHER = "be yourself everyone else is already taken", "apple juice tastes funny after toothpaste"
UTTERANCES = (
    ("awb", "taken-1", ENROLLED, 1.00),
    ("awb", "taken-2", ENROLLED, 1.09),
    ("awb", "taken-3", ENROLLED, 0.93),
    ("awb", "taken-4", ENROLLED, 1.04),
    ("awb", "toothpaste", OTHER, 1.00),
    ("slt", "taken-1", ENROLLED, 1.00),
)


def main() -> None:
    """Make all files; those whose sound would not change are left as they are."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for seed, (voice, name, text, stretch) in enumerate(UTTERANCES):
        path = FOLDER / f"{voice}-{name}.ogg"
        encoded = encode(place_in_room(synthesize(voice, text, stretch), seed))
        if not path.exists() or not np.array_equal(decode(encoded), decode(path.read_bytes())):
            path.write_bytes(encoded)


if __name__ == "__main__":
    main()
