"""Write the recordings anew, or compare with them."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.golden.recordings import PLACES, differences, path_of, read, visit, write


def main() -> None:
    """Go through all places, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("places", nargs="*", metavar="PLACE", help=f"{', '.join(PLACES)}; all, if none is named")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing; exit code 1 if they differ")
    parser.add_argument("--exact", action="store_true", help="with --check: to the last bit, on the same machine")
    wanted = parser.parse_args()
    if unknown := set(wanted.places) - set(PLACES):
        parser.error(f"there is no place {', '.join(sorted(unknown))}")
    differing = 0
    for place in wanted.places or PLACES:
        with TemporaryDirectory() as folder, visit(place, Path(folder) / "home") as here:
            for part in PLACES[place][1]:
                found = here.record(part)
                if not wanted.check:
                    write(place, part, found)
                    print(f"{path_of(place, part).name}: {len(found)} scenes")
                    continue
                told = list(differences(place, read(place, part), found, exact=wanted.exact))
                differing += len(told)
                print(f"{place}, {part}: {len(told)} differences", *told, sep="\n  ")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
