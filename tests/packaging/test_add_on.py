"""The Home Assistant add-on: its description by Home Assistant's rules, its options as settings of ours."""

import http.server
import importlib.util
import json
import threading
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
import yaml
from jsonschema import Draft202012Validator

from streamauth.errors import BadSetting
from streamauth.kiosk.build import door_sinks, visit_rule
from streamauth.settings import load_settings
from streamauth.version import __version__

FOLDER = Path(__file__).resolve().parents[2] / "packaging" / "home-assistant" / "streamauth_door"
TYPE = r"^(str|bool|int(\(-?\d*,-?\d*\))?|float(\(-?[\d.]*,-?[\d.]*\))?|list\([^()|]+(\|[^()|]+)*\))\??$"
SCHEMA = {  # what developers.home-assistant.io says of config.yaml, as far as we use it
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "version", "slug", "description", "arch"],
    "properties": {
        "name": {"type": "string"},
        "version": {"type": "string"},
        "slug": {"type": "string", "pattern": "^[a-z0-9_]+$"},
        "description": {"type": "string", "maxLength": 120},
        "arch": {"type": "array", "items": {"enum": ["aarch64", "amd64"]}, "minItems": 1},
        "startup": {"enum": ["initialize", "system", "services", "application", "once"]},
        "boot": {"enum": ["auto", "manual", "manual_only"]},
        "init": {"type": "boolean"},
        "audio": {"type": "boolean"},
        "gpio": {"type": "boolean"},
        "devices": {"type": "array", "items": {"type": "string", "pattern": "^/dev/"}},
        "services": {"type": "array", "items": {"type": "string", "pattern": "^[a-z]+:(provide|want|need)$"}},
        "ports": {"type": "object", "patternProperties": {r"^\d+/(tcp|udp)$": {"type": ["integer", "null"]}}},
        "ports_description": {"type": "object"},
        "backup": {"enum": ["hot", "cold"]},
        "options": {"type": "object"},
        "schema": {"type": "object", "additionalProperties": {"type": "string", "pattern": TYPE}},
    },
}


@pytest.fixture(scope="module")
def run() -> ModuleType:
    """The add-on's program."""
    spec = importlib.util.spec_from_file_location("add_on_run", FOLDER / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def described() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((FOLDER / "config.yaml").read_text())
    return read


def test_the_description() -> None:
    config = described()
    Draft202012Validator(SCHEMA).validate(config)
    assert config["version"] == __version__
    assert set(config["options"]) == set(config["schema"])
    assert "privileged" not in config
    assert not config.get("full_access"), "no more than the pins and the microphone"
    build = yaml.safe_load((FOLDER / "build.yaml").read_text())
    assert set(build["build_from"]) == set(config["arch"])
    texts = yaml.safe_load((FOLDER / "translations" / "en.yaml").read_text())
    assert set(texts["configuration"]) == set(config["options"])


def test_each_option_is_a_setting(run: ModuleType, tmp_path: Path) -> None:
    config = described()
    assert set(run.OPTIONS) == set(config["options"])
    settings = load_settings(tmp_path, environment=run.settings_of(config["options"]))
    assert settings.kiosk.identify == "claim"
    assert settings.decision.operating_point == "strict"
    assert settings.door.relay_pin == -1
    visit_rule(settings)
    for name, kind in config["schema"].items():
        if kind.startswith("list("):
            for choice in kind.removeprefix("list(").rstrip(")").split("|"):
                load_settings(tmp_path, environment=run.settings_of({name: choice}))
            with pytest.raises(BadSetting):
                load_settings(tmp_path, environment=run.settings_of({name: "neither"}))


class _Supervisor(http.server.BaseHTTPRequestHandler):
    answer: ClassVar[dict[str, Any] | None] = None
    asked: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        type(self).asked.append((self.path, self.headers["Authorization"]))
        body = json.dumps({"result": "ok", "data": type(self).answer}).encode()
        self.send_response(200 if type(self).answer else 400)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


def test_home_assistants_broker(run: ModuleType, tmp_path: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _Supervisor) as supervisor:
        thread = threading.Thread(target=supervisor.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        address = f"http://127.0.0.1:{supervisor.server_port}"
        try:
            assert run.broker_of("token", address, tmp_path) == {}, "without a broker there is none"
            _Supervisor.answer = {
                **{"host": "core-mosquitto", "port": 1883, "ssl": False},
                **{"username": "addons", "password": "MARKER"},
            }
            found = run.broker_of("token", address, tmp_path)
        finally:
            supervisor.shutdown()
            thread.join()
    assert _Supervisor.asked[-1] == ("/services/mqtt", "Bearer token")
    assert "MARKER" not in str(found)
    secret = Path(found["STREAMAUTH_DOOR_MQTT_PASSWORD_FILE"])
    assert secret.read_text() == "MARKER"
    assert secret.stat().st_mode & 0o077 == 0
    door = load_settings(tmp_path, environment=found).door
    assert (door.mqtt_host, door.mqtt_port, door.mqtt_user) == ("core-mosquitto", 1883, "addons")
    (sink,) = door_sinks(door, [])
    assert sink.name == "mqtt"
    sink.close()
