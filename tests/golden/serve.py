"""``streamauth serve`` with the scripted random source, in a process of its own."""

import os
from pathlib import Path

from streamauth.cli.main import main
from tests.golden.fixed import environment

if __name__ == "__main__":
    with environment(Path(os.environ["STREAMAUTH_HOME"])):
        main(["serve", "--port", "0", "--json"])
