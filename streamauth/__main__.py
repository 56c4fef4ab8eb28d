"""``python -m streamauth``."""

from streamauth.cli.main import main

if __name__ == "__main__":
    main()
