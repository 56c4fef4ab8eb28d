"""``streamauth models``."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_INTERNAL, EXIT_OK, Output

if TYPE_CHECKING:
    from streamauth.catalog.download import Progress
    from streamauth.catalog.installed import Model
    from streamauth.catalog.registry import Catalog

app = typer.Typer(help="List, get, check, add or time speaker encoders and other models.")
NameArgument = Annotated[str, typer.Argument(help="The model's name.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="The licences that are shown are accepted.")]
_MB = 1_000_000


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Option("--kind", help="Only models of this kind.", show_default=False)] = None,
    json: options.Json = False,
) -> None:
    """All models, and which are installed."""
    from streamauth.catalog.registry import Catalog

    output = Output(json)
    rows = [_described(model) for model in Catalog().all().values() if kind in (None, model.entry.kind)]
    output.listed(
        {"models": rows},
        ("name", "kind", "language", "size", "licence", "state"),
        [
            (row["name"], row["kind"], row["language"], _size(row["bytes"]), row["licence"], row["state"])
            for row in rows
        ],
        whole=("name", "kind", "language", "size", "state"),
    )


@app.command()
def pull(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="The models' names.")],
    yes: YesOption = False,
    json: options.Json = False,
) -> None:
    """Download models, check and install them."""
    from streamauth.catalog import installer
    from streamauth.catalog.calibrations import is_calibrated
    from streamauth.catalog.registry import Catalog
    from streamauth.engines.encoder.load import load_encoder, with_references
    from streamauth.settings import load_settings

    output, settings, catalog = Output(json), load_settings().models, Catalog()
    results = []
    for model in [catalog.find(name) for name in names]:  # an unknown name is told before anything is downloaded
        name = model.entry.name
        if model.embedded or (model.contents is not None and installer.check(catalog, name, load_encoder) is None):
            results.append({"name": name, "state": "installed already", "path": str(model.path)})
            continue
        _ask(catalog, model, yes, output)
        with _progress(name, output) as tell:
            path = installer.pull(catalog, name, settings, tell, with_references)
        results.append({"name": name, "state": "installed", "path": str(path)})
    lines = [f"{each['name']}: {each['state']}. {each['path']}" for each in results]
    lines += [
        f"{name} has no calibration yet: fit one with `streamauth calibrate` before voice.encoder names it."
        for name in names
        if catalog.find(name).entry.kind == "encoder" and not is_calibrated(catalog, name)
    ]
    output.result({"models": results}, "\n".join(lines))


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Only these models.", show_default=False)
    ] = None,
    json: options.Json = False,
) -> int:
    """Check the files of all installed models, and that the encoders give right results."""
    from streamauth.catalog import installer
    from streamauth.catalog.installed import installed_names
    from streamauth.catalog.registry import Catalog, models_folder, read_registry
    from streamauth.engines.encoder.load import load_encoder

    output, catalog = Output(json), Catalog()
    embedded = [name for name, entry in read_registry(models_folder()).items() if not entry.urls]
    results: list[dict[str, Any]] = []
    with output.busy("Checking"):
        for name in names or [*embedded, *installed_names(catalog.folder)]:
            error = installer.check(catalog, name, load_encoder)
            results.append({"name": name, "ok": error is None, "error": error.as_dict() if error else None})
    lines = [f"{each['name']}: {each['error']['message'] if each['error'] else 'right'}" for each in results]
    output.result({"models": results}, "\n".join(lines))
    return EXIT_OK if all(each["ok"] for each in results) else EXIT_INTERNAL


@app.command()
def remove(name: NameArgument, json: options.Json = False) -> None:
    """Take a model from the data folder."""
    from streamauth.catalog import installer
    from streamauth.catalog.registry import Catalog

    installer.remove(Catalog(), name)
    Output(json).result({"name": name, "removed": True}, f"{name} is removed.")


@app.command()
def path(name: NameArgument, json: options.Json = False) -> None:
    """Where an installed model lies."""
    from streamauth.catalog.registry import Catalog
    from streamauth.errors import ModelMissing

    model = Catalog().find(name)
    if model.contents is None:
        raise ModelMissing(f"The model {name} is not installed. Run: streamauth models pull {name}")
    if json:
        Output(json).result({"name": name, "path": str(model.path)}, "")
    else:
        print(model.path)


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="An ONNX file.")],
    name: Annotated[
        str | None, typer.Option("--name", help="How to call it; the file's name if not given.", show_default=False)
    ] = None,
    recipe: Annotated[
        str, typer.Option("--recipe", help="How its features are made; recognized by its metadata if not given.")
    ] = "",
    window_s: Annotated[float, typer.Option("--window-s", help="Length of its windows.", min=0.8, max=10)] = 3.0,
    language: Annotated[str, typer.Option("--language", help="Of the speech that it was trained on.")] = "und",
    licence: Annotated[str, typer.Option("--licence", help="Its terms, for the list.")] = "not told",
    json: options.Json = False,
) -> None:
    """Add a speaker encoder of your own, after a self-test."""
    from streamauth.catalog.registry import Catalog
    from streamauth.engines.encoder.own import Described, add_encoder
    from streamauth.errors import BadModel

    output = Output(json)
    try:
        content = file.read_bytes()
    except OSError:
        raise BadModel("There is no readable file at this path.") from None
    told = Described((name or file.stem).lower(), recipe, licence, language, window_s)
    with output.busy("Testing"):
        entry = add_encoder(Catalog(), content, told)
    data = {"name": entry.name, "recipe": entry.features, "dim": entry.dim, "max_batch": entry.max_batch}
    text = f"{entry.name} is added: {entry.features}, {entry.dim} numbers. Fit a calibration before it is used."
    output.result(data, text)


@app.command()
def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Encoders; all installed ones if none is named.")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="Time for each figure.", min=0.0, max=60)] = 1.0,
    json: options.Json = False,
) -> None:
    """Time encoders: milliseconds for a second of speech, by batch size and threads."""
    from rich.table import Table

    from streamauth.catalog.registry import Catalog
    from streamauth.engines.encoder.load import load_encoder
    from streamauth.engines.encoder.speed import BATCHES, THREADS, timing
    from streamauth.settings import load_settings

    output, hop_ms = Output(json), load_settings().voice.hop_ms
    installed = [n for n, m in Catalog().all().items() if m.entry.kind == "encoder" and m.contents is not None]
    rows: list[dict[str, Any]] = []
    with output.busy("Timing"):
        for name in names or installed:
            for threads in THREADS:
                encoder = load_encoder(name, threads)
                rows += [{"name": name, **vars(timing(encoder, threads, batch, hop_ms, seconds))} for batch in BATCHES]
    if json:
        output.result({"hop_ms": hop_ms, "timings": rows}, "")
        return
    columns = [f"batch {batch}" for batch in BATCHES]
    table = Table("encoder", "threads", *columns, f"live, hop {hop_ms} ms", title="ms per second of speech")
    for start in range(0, len(rows), len(BATCHES)):
        group = rows[start : start + len(BATCHES)]
        times = [f"{row['ms_per_s']:.1f}" for row in group]
        table.add_row(group[0]["name"], str(group[0]["threads"]), *times, f"{group[0]['live_ms_per_s']:.1f}")
    output.console.print(table)


def _described(model: "Model") -> dict[str, Any]:
    entry = model.entry
    return {
        "name": entry.name,
        "kind": entry.kind,
        "language": entry.language,
        "bytes": entry.bytes,
        "licence": entry.licence,
        "state": "embedded" if model.embedded else "installed" if model.contents is not None else "",
        "description": entry.description,
        "source": entry.source,
        "note": entry.note,
        "requires": list(entry.requires),
        "urls": list(entry.urls),
        "mirror_file": entry.mirror_file if entry.urls else None,
        "sha256": entry.sha256,
    }


def _ask(catalog: "Catalog", model: "Model", yes: bool, output: Output) -> None:
    """Show the licence of a model, once, and go on only where it is accepted."""
    from streamauth.catalog import installer
    from streamauth.errors import LicenceNotAccepted

    entry = model.entry
    if not installer.needs_acceptance(catalog, entry):
        return
    lines = [f"{entry.name}: {entry.description} ({_size(entry.bytes)})", f"Licence: {entry.licence}", entry.source]
    for line in [*lines, *([entry.note] if entry.note else [])]:
        output.messages.print(line, markup=False)
    # a program has nobody to ask
    asked = not output.json and output.messages.is_terminal
    if not yes and not (asked and typer.confirm("Do you accept the licence?", err=True)):
        raise LicenceNotAccepted
    installer.accept(catalog, entry)


@contextmanager
def _progress(name: str, output: Output) -> "Iterator[Progress]":
    """A bar on a terminal, nothing elsewhere."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.messages, disable=not output.messages.is_terminal) as bar:
        task = bar.add_task(name, total=None)
        yield lambda came, total: bar.update(task, completed=came, total=total)


def _size(size: int) -> str:
    return f"{size / _MB:.1f} MB" if size else "unknown"
