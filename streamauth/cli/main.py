"""Runs a command, and turns every failure into its message and exit code."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from streamauth.cli import ahead
from streamauth.errors import StreamAuthError

_INTERRUPTED = 130  # what the parser makes of Ctrl-C


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command; always ends with SystemExit."""
    # of NumPy and Vosk: a stream has nothing for more threads to do, and those that wait keep another core busy
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    arguments = list(sys.argv[1:] if argv is None else argv)
    with _own_words_only(), ahead.loading(arguments):
        sys.exit(run(arguments))


@contextmanager
def _own_words_only() -> Iterator[None]:
    """Keep what libraries of C print (PortAudio, ALSA, decoders) off the screen.

    They write to file descriptor 2, past Python. Python's own stream gets a copy of that descriptor, and theirs leads
    nowhere. Python's development mode (``-X dev``) leaves all as it is.
    """
    # a program that runs commands inside itself has its own way with both
    before = sys.__stderr__
    if sys.flags.dev_mode or before is None or sys.stderr is not before:
        yield
        return
    try:
        screen = os.dup(2)
    except OSError:
        yield
        return
    with open(screen, "w", buffering=1, encoding=before.encoding, errors="backslashreplace") as own:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        sys.stderr = own
        try:
            yield
        finally:
            own.flush()
            os.dup2(screen, 2)
            sys.stderr = before


def run(arguments: list[str]) -> int:
    """Run a command; its exit code."""
    # after the models of a command have begun to load
    import typer

    from streamauth.cli.app import parser
    from streamauth.cli.output import EXIT_INTERNAL, EXIT_MISUSE, EXIT_OK, EXIT_UNDECIDED, report_error

    as_json = "--json" in arguments
    try:
        outcome = parser(arguments)(arguments, prog_name="streamauth", standalone_mode=False)
        if outcome == _INTERRUPTED:
            raise typer.Abort
        return outcome if isinstance(outcome, int) else EXIT_OK
    except StreamAuthError as error:
        report_error(error.code, error.message, as_json)
        return error.exit_code
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        command = "streamauth" if context is None else context.command_path
        report_error("bad_usage", f"{error.format_message()} `{command} --help` tells what there is.", as_json)
        return EXIT_MISUSE
    except (KeyboardInterrupt, typer.Abort):
        report_error("interrupted", "Stopped before a decision; nothing was accepted.", as_json)
        return EXIT_UNDECIDED
    except BrokenPipeError:
        return EXIT_INTERNAL
    except Exception as error:
        # the text of an unexpected exception may hold names or paths, so only its type is told
        report_error("internal_error", f"Unexpected failure ({type(error).__name__}). Nothing was accepted.", as_json)
        return EXIT_INTERNAL
