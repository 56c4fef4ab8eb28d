"""The container's files: by the rules of good images, and its health check against a real server."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamauth.settings import KioskSettings, ServerSettings
from tests.server.rig import server

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "packaging" / "container"
FILES = [FOLDER / "Containerfile", ROOT / "packaging" / "home-assistant" / "streamauth_door" / "Dockerfile"]


@dataclass(frozen=True)
class Step:
    """One instruction."""

    name: str
    text: str

    def words(self) -> list[str]:
        """Of an instruction in JSON form."""
        found: list[str] = json.loads(self.text)
        return found


def steps(path: Path) -> list[Step]:
    """All instructions; a line that ends with a backslash goes on."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found = (line.partition(" ") for line in whole.splitlines() if line.strip())
    return [Step(name.upper(), text.strip()) for name, _, text in found]


def stages(path: Path) -> Iterator[list[Step]]:
    """The instructions of each stage."""
    stage: list[Step] = []
    for step in steps(path):
        if step.name == "FROM":
            if stage:
                yield stage
            stage = []
        stage.append(step)
    yield stage


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_rules_of_good_images(path: Path) -> None:
    known = {"ARG", "FROM", "WORKDIR", "COPY", "RUN", "LABEL", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL"}
    known |= {"HEALTHCHECK", "ENTRYPOINT", "CMD"}
    for step in steps(path):
        assert step.name in known, step
        if step.name == "RUN":
            assert not re.search(r"\b(curl|wget|sudo)\b", step.text), "nothing is fetched by hand"
            if "apt-get install" in step.text:
                assert "--no-install-recommends" in step.text
                assert "rm -rf /var/lib/apt/lists/*" in step.text
            if "pip install" in step.text:
                assert "--no-cache-dir" in step.text
        if step.name in ("CMD", "ENTRYPOINT"):
            assert step.words(), "in JSON form, so that signals arrive"
        if step.name == "COPY" and "--from" not in step.text:
            *sources, _ = step.text.split()
            places = (ROOT, path.parent)
            assert all(any((place / source).exists() for place in places) for source in sources), step


def test_the_image_is_nobodys_and_writes_nothing_but_its_data() -> None:
    build, final = list(stages(FOLDER / "Containerfile"))[-2:]
    tags = [step.text for step in steps(FOLDER / "Containerfile") if step.name == "ARG"]
    assert re.search(r":[0-9][\w.-]*$", tags[0]), "a version, never the latest"
    assert [step.text for step in build if step.name == "FROM"] == ["${PYTHON} AS build"]
    by_name = {step.name: step.text for step in final}
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", by_name["USER"])
    names = [step.name for step in final]
    assert names.index("USER") > max(i for i, name in enumerate(names) if name in ("RUN", "COPY"))
    assert by_name["VOLUME"] == "/data"
    assert "STREAMAUTH_HOME=/data" in by_name["ENV"]
    assert by_name["EXPOSE"] == str(ServerSettings().port)
    assert "CMD" in by_name["HEALTHCHECK"]
    assert not any(step.name == "RUN" and "pip install" in step.text for step in final), "no builder in the image"


def test_the_build_has_what_the_wheel_takes() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {*wheel["force-include"], *(hook["path"] for hook in wheel["hooks"].values()), "scripts/man_pages.py"}
    build = [step for stage in stages(FOLDER / "Containerfile") for step in stage if step.name == "COPY"]
    copied = {source for step in build for source in step.text.split()[:-1]}
    assert all(any(Path(path).is_relative_to(source) for source in copied) for path in wanted), wanted - copied


def test_the_extras_that_it_installs_are_there() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    (extras,) = re.findall(r"'\.\[([\w,]+)\]'", (FOLDER / "Containerfile").read_text())
    for extra in extras.split(","):
        assert f"\n{extra} = [" in text


def test_the_versions_come_from_the_lock_file() -> None:
    """What the build makes of the lock file is a list of versions that pip takes as constraints."""
    (script,) = re.findall(r"RUN (sed .*requirements\.lock) >", (FOLDER / "Containerfile").read_text())
    made = subprocess.run(["sh", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    lines = made.stdout.splitlines()
    assert len(lines) > 50
    assert all(re.fullmatch(r"[\w.-]+==[\w.+-]+( ; .*)?", line) for line in lines)


def test_compose() -> None:
    read: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    ours = read["services"]["streamauth"]
    assert ours["read_only"] is True
    assert ours["cap_drop"] == ["ALL"]
    assert ours["security_opt"] == ["no-new-privileges:true"]
    assert (FOLDER / ours["build"]["context"] / ours["build"]["dockerfile"]).is_file()
    assert all(port.startswith("127.0.0.1:") for port in ours["ports"]), "others by a proxy with TLS"
    for service in read["services"].values():
        assert "latest" not in service.get("image", "")
        secret = {value for name, value in service["environment"].items() if "PASS" in name}
        assert all(value.startswith("/run/secrets/") for value in secret)
        named = [each if isinstance(each, str) else each["source"] for each in service["secrets"]]
        assert set(named) <= set(read["secrets"])


def health(**environment: object) -> int:
    command = [sys.executable, str(FOLDER / "healthcheck.py")]
    return subprocess.run(command, env={name: str(value) for name, value in environment.items()}).returncode


@pytest.mark.system
def test_the_health_check(tmp_path: Path) -> None:
    with server(tmp_path) as (url, _):
        port = url.rpartition(":")[2].partition("/")[0]
        assert health(STREAMAUTH_SERVER_PORT=port, STREAMAUTH_KIOSK_PORT=9) == 0
    assert health(STREAMAUTH_SERVER_PORT=9, STREAMAUTH_KIOSK_PORT=9) == 1
    source = (FOLDER / "healthcheck.py").read_text()
    assert f'"{ServerSettings().port}"' in source
    assert f'"{KioskSettings().port}"' in source
