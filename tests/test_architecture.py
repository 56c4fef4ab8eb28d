"""What must stay true of the code as a whole."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import grimp
import pytest

import streamauth
from streamauth.core.events import REASON_TEXTS, Event, Reason
from streamauth.errors import all_errors
from streamauth.settings import all_settings

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "streamauth"
CORE = sorted((PACKAGE / "core").rglob("*.py"))
ALLOWED_IN_CORE = {
    "__future__",
    "abc", "collections", "dataclasses", "datetime", "enum", "json", "math", "typing", "re", "unicodedata", "hmac",
    "numpy", "soxr", "streamauth",
}  # fmt: skip


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def called(path: Path) -> set[str]:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call))
    return {call.attr for call in calls if isinstance(call, ast.Attribute)}


def test_the_core_is_pure() -> None:
    for path in CORE:
        names = imported(path)
        assert {name.split(".")[0] for name in names} <= ALLOWED_IN_CORE, path
        # dates are values there, never the time of a clock
        assert not {"now", "utcnow", "today"} & called(path), path
        ours = {name for name in names if name.startswith("streamauth")}
        assert all(name.startswith("streamauth.core") or name == "streamauth.errors" for name in ours), path


MOST_FLOORS = 10


def test_the_rooms_stand_on_few_floors() -> None:
    graph = grimp.build_graph("streamauth", exclude_type_checking_imports=True, cache_dir=None)
    rooms = graph.find_children("streamauth")

    def room_of(module: str) -> str:
        return ".".join(module.split(".")[:2])

    below: dict[str, set[str]] = {room: set() for room in rooms}
    for module in graph.modules - {"streamauth"}:
        found = {room_of(other) for other in graph.find_modules_directly_imported_by(module)}
        # the package's front page is for programs that use it, and stands above everything
        assert "streamauth" not in found, module
        below[room_of(module)] |= found - {room_of(module)}

    @cache
    def floor(room: str) -> int:
        return 1 + max(map(floor, below[room]), default=0)

    assert max(map(floor, rooms)) <= MOST_FLOORS


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


UPWARD = "nothing imports what lies above it"


@pytest.mark.parametrize(
    ("added", "broken", "told"),
    [
        (
            {
                "core/events.py": "import streamauth.settings",
                "service/voices.py": "import streamauth.server.app",
                "azure/common.py": "import streamauth.kiosk.app",
            },
            UPWARD,
            [
                "core.events -> streamauth.settings",
                "service.voices -> streamauth.server.app",
                "azure.common -> streamauth.kiosk.app",
            ],
        ),
        ({"core/reasons.py": "import streamauth.core.decision"}, "there is no circle", []),
        ({"somewhere.py": ""}, UPWARD, []),
    ],
    ids=["upward and sideways", "circle", "a room without a place"],
)
def test_the_layers_are_enforced(added: dict[str, str], broken: str, told: list[str], tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "streamauth", ignore=lambda folder, names: [
        name for name in names if not (Path(folder, name).is_dir() or name.endswith(".py"))
    ])  # fmt: skip
    for module, line in added.items():
        with (tmp_path / "streamauth" / module).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert [text for text in done.stdout.splitlines() if text.endswith("BROKEN") and broken in text]
    assert [text for text in told if text not in done.stdout] == []


def test_the_layers_hold() -> None:
    assert lint_imports(ROOT).returncode == 0


def loaded_by(code: str) -> set[str]:
    script = f"import sys; {code}; print(' '.join(sorted(name.split('.')[0] for name in sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {
    *("numpy", "onnxruntime", "vosk", "kaldi_native_fbank", "sounddevice", "soundfile", "sqlalchemy", "websockets"),
    *("soxr", "fastapi", "starlette", "pydantic", "uvicorn", "jwt", "prometheus_client", "cryptography"),
}


def test_importing_the_package_loads_no_engine() -> None:
    assert not loaded_by("import streamauth") & (HEAVY | {"typer", "rich"})


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["--version"], ["login", "setup", "--help"], ["completion", "bash"]]
)
def test_the_command_line_loads_no_engine_before_a_command_runs(arguments: list[str]) -> None:
    ran = f"from streamauth.cli.main import run; assert run({arguments!r}) == 0; print()" if arguments else "pass"
    found = loaded_by(f"import streamauth.cli.main; {ran}")
    assert not found & HEAVY - {"pydantic"}  # by which the parser itself checks arguments
    assert arguments or "rich" not in found


def test_one_command_needs_not_the_parsers_of_all_others() -> None:
    script = (
        "import sys; from streamauth.cli.app import parser; parser(['verify', 'ada']); "
        "print(*(name for name in sys.modules if name.startswith('streamauth.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {f"streamauth.cli.{name}" for name in ("app", "options", "output", "verify")}


def test_no_http_client_is_loaded_with_vosk() -> None:
    assert "urllib3" not in loaded_by("import streamauth.engines.phrase.vosk")


def test_every_public_name_resolves() -> None:
    for name in streamauth.__all__:
        assert getattr(streamauth, name).__doc__ or callable(getattr(streamauth, name))
    with pytest.raises(AttributeError):
        streamauth.nothing_of_that_name  # noqa: B018


def test_error_codes_are_unique_and_have_a_sentence() -> None:
    errors = all_errors()
    codes = [error.code for error in errors]
    assert len(set(codes)) == len(codes)
    assert all(error.default_message.endswith(".") for error in errors)
    assert {error.exit_code for error in errors} <= {1, 2, 3, 4}


def test_every_reason_has_a_sentence() -> None:
    assert set(REASON_TEXTS) == set(Reason)


def test_event_types_are_unique() -> None:
    names: dict[str, str] = {}
    for event in Event.__subclasses__():
        assert event.type
        assert names.setdefault(event.type, event.__name__) == event.__name__


def test_settings_have_help_and_defaults_in_range() -> None:
    for _, item in all_settings():
        assert item.metadata["help"]
        assert isinstance(item.default, str | int | float | bool)


def test_modules_are_one_thing_each() -> None:
    modules = sorted(PACKAGE.rglob("*.py"))
    assert len(modules) > 300
    for path in modules:
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= 400, path
        assert ast.get_docstring(ast.parse(text)), f"{path}: a module says its place in its first line"


def test_the_architecture_page_names_what_is_there() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    (table,) = re.findall(r"## Where a change goes\n(.*?)\n## ", page, re.S)
    named = [name for name in re.findall(r"`([\w./]+)`", table) if "/" in name and "NAME" not in name]
    assert len(named) > 20
    assert not [name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()]


def test_the_reference_page_is_up_to_date() -> None:
    done = subprocess.run([sys.executable, "-m", "scripts.refresh_docs", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run: python -m scripts.refresh_docs"


def test_every_dependency_is_bounded_above() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    everything = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    assert not [each for each in everything if "<" not in each.partition(";")[0]]
