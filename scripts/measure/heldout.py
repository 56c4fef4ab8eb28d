"""The people who are held out: nothing is fitted or trained on them.

    python -m scripts.measure.heldout        write heldout.tsv, the list of those in ../shared/audio/people

The rule looks at names alone, so that every script comes to the same people without the list: about one in ten of each
set.
"""

import hashlib
from pathlib import Path

LIST = Path(__file__).with_name("heldout.tsv")
PEOPLE = Path(__file__).resolve().parents[3] / "shared" / "audio" / "people"
_BYTES_BELOW = 26
_TUNED = 171


def is_held_out(people_set: str, person: str) -> bool:
    """Whether a person is held out.

    Args:
        people_set: Name of the set, such as ``gsc``.
        person: Name of the person in it.
    """
    return hashlib.sha256(f"{people_set}/{person}".encode()).digest()[0] < _BYTES_BELOW


def tuned_on(source: str, person: str, name: str) -> bool:
    """Whether Whisper's encoder was tuned to noise on a recording (``scripts.train.whisper.noise``): two thirds.

    Args:
        source: Name of the set, such as ``gsc``.
        person: Who spoke.
        name: Of the recording. A set that has one person alone is parted by its sentences, one that is grouped by
            words by its recordings.
    """
    match source:
        case "kathleen":
            unit = name.rpartition("_")[0]
        case "precise":
            unit = name
        case _:
            unit = person
    return not is_held_out(source, person) and hashlib.sha256(f"tuned/{source}/{unit}".encode()).digest()[0] < _TUNED


def listed() -> tuple[tuple[str, str], ...]:
    """(set, person) of all who are held out of the sets in ``PEOPLE``, as the committed list has them."""
    lines = (line.split("\t") for line in LIST.read_text("utf-8").splitlines())
    return tuple((people_set, person) for people_set, person in lines)


def main() -> None:
    """Write the list."""
    found = set()
    for path in PEOPLE.glob("*.tsv"):
        for line in path.read_text("utf-8").splitlines():
            person = line.split("\t")[3]
            if is_held_out(path.stem, person):
                found.add((path.stem, person))
    LIST.write_text("".join(f"{people_set}\t{person}\n" for people_set, person in sorted(found)), "utf-8")
    print(f"{len(found)} people held out")


if __name__ == "__main__":
    main()
