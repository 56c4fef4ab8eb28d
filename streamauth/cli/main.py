"""The parser: names the commands, and turns every failure into its message and exit code."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from streamauth.cli import (
    ahead,
    audit,
    calibrate,
    completion,
    config,
    demo,
    doctor,
    doors,
    enroll,
    evaluate,
    identify,
    key,
    keys,
    kiosk,
    listen,
    login,
    microphones,
    models,
    phrase,
    profiles,
    prompt,
    serve,
    store,
    stream,
    verify,
)
from streamauth.cli.output import EXIT_INTERNAL, EXIT_MISUSE, EXIT_OK, EXIT_UNDECIDED, report_error
from streamauth.errors import StreamAuthError
from streamauth.version import __version__

_INTERRUPTED = 130  # what the parser makes of Ctrl-C

app = typer.Typer(
    name="streamauth",
    help="Real-time voice authentication: who speaks, and what is said. Exit codes: 0 accept or success, 1 reject, "
    "2 misuse or bad input, 3 undecided, 4 internal failure, 5 enrollment not complete.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("enroll")(enroll.enroll)
app.command("verify")(verify.verify)
app.command("identify")(identify.identify)
app.command("listen")(listen.listen)
app.command("phrase")(phrase.check)
app.add_typer(profiles.app, name="profiles")
app.add_typer(prompt.app, name="prompt")
app.add_typer(models.app, name="models")
app.command("serve")(serve.serve)
app.command("kiosk")(kiosk.kiosk)
app.add_typer(doors.app, name="doors")
app.command("stream")(stream.stream)
app.command("demo")(demo.demo)
app.command("evaluate")(evaluate.evaluate)
app.command("calibrate")(calibrate.calibrate)
app.add_typer(config.app, name="config")
app.add_typer(microphones.app, name="microphones")
app.command("doctor")(doctor.doctor)
app.command("completion")(completion.completion)
app.add_typer(store.app, name="store")
app.add_typer(key.app, name="key")
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.add_typer(login.app, name="login")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"streamauth {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


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
    as_json = "--json" in arguments
    try:
        outcome = app(arguments, prog_name="streamauth", standalone_mode=False)
        if outcome == _INTERRUPTED:
            raise typer.Abort
        return outcome if isinstance(outcome, int) else EXIT_OK
    except StreamAuthError as error:
        report_error(error.code, error.message, as_json)
        return error.exit_code
    except typer.TyperException as error:
        report_error("bad_usage", f"{error.format_message()} `streamauth --help` tells what there is.", as_json)
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
