"""Makes the speech of some tests: tests/data/azure/ and tests/data/names/. Needs flite, as make_fixtures.py."""

from pathlib import Path

import numpy as np
from make_fixtures import decode, encode, place_in_room, synthesize

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data"
ENROLLED, OTHER = "be yourself everyone else is already taken", "apple juice tastes funny after toothpaste"
NAMED, OTHERWISE = "my friend kelvandro opens the door", "my friend kaylvendrew opens the door"
UTTERANCES = {
    "azure": (
        ("awb", "taken-1", ENROLLED, 1.00),
        ("awb", "taken-2", ENROLLED, 1.09),
        ("awb", "taken-3", ENROLLED, 0.93),
        ("awb", "taken-4", ENROLLED, 1.04),
        ("awb", "toothpaste", OTHER, 1.00),
        ("slt", "taken-1", ENROLLED, 1.00),
    ),
    "names": (
        ("slt", "kelvandro-1", NAMED, 1.00),
        ("slt", "kelvandro-2", NAMED, 1.09),
        ("slt", "kelvandro-3", NAMED, 0.93),
        ("slt", "kelvandro-4", NAMED, 1.04),
        ("slt", "otherwise", OTHERWISE, 1.00),
        ("awb", "kelvandro-1", NAMED, 1.00),
        ("awb", "otherwise", OTHERWISE, 1.00),
    ),
}


def main() -> None:
    """Make all files; those whose sound would not change are left as they are."""
    for folder, utterances in UTTERANCES.items():
        (FOLDER / folder).mkdir(parents=True, exist_ok=True)
        for seed, (voice, name, text, stretch) in enumerate(utterances):
            path = FOLDER / folder / f"{voice}-{name}.ogg"
            encoded = encode(place_in_room(synthesize(voice, text, stretch), seed))
            if not path.exists() or not np.array_equal(decode(encoded), decode(path.read_bytes())):
                path.write_bytes(encoded)


if __name__ == "__main__":
    main()
