"""The add-on: its options and Home Assistant's broker as settings, then the kiosk and the operators' server.

Both are processes of their own and share the store in /data; whichever ends, the other is ended too, and the
supervisor starts the add-on anew.
"""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

OPTIONS = {
    "door_name": "DOOR_NAME",
    "zone": "DOOR_ZONE",
    "relay_pin": "DOOR_RELAY_PIN",
    "contact_pin": "DOOR_CONTACT_PIN",
    "exit_pin": "DOOR_EXIT_PIN",
    "strike_s": "DOOR_STRIKE_S",
    "identify": "KIOSK_IDENTIFY",
    "prompt": "KIOSK_PROMPT",
    "operating_point": "DECISION_OPERATING_POINT",
    "languages": "KIOSK_LANGUAGES",
    "operator": "KIOSK_OPERATOR",
    "contact": "KIOSK_CONTACT",
}
"""Which setting each option is."""

PROGRAM = "/opt/streamauth/bin/streamauth"
SUPERVISOR = "http://supervisor"
_TIMEOUT_S = 10.0
_END_S = 15.0


def settings_of(options: Mapping[str, Any]) -> dict[str, str]:
    """The environment that says what the options say; an empty one is left to its default."""
    return {f"STREAMAUTH_{OPTIONS[name]}": str(value) for name, value in options.items() if value not in ("", None)}


def broker_of(token: str, supervisor: str = SUPERVISOR, folder: Path = Path("/run")) -> dict[str, str]:
    """The settings of Home Assistant's broker; none where it has none. The password goes into a file."""
    request = urllib.request.Request(f"{supervisor}/services/mqtt")  # noqa: S310 - the supervisor's own address
    request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - as above
            data = json.load(answer)["data"]
    except (urllib.error.URLError, ValueError, KeyError):
        return {}
    found = {
        "STREAMAUTH_DOOR_MQTT_HOST": str(data["host"]),
        "STREAMAUTH_DOOR_MQTT_PORT": str(data["port"]),
        "STREAMAUTH_DOOR_MQTT_TLS": "true" if data.get("ssl") else "false",
    }
    if data.get("username"):
        secret = folder / "mqtt-password"
        secret.touch(mode=0o600)
        secret.write_text(str(data.get("password", "")), "utf-8")
        found |= {"STREAMAUTH_DOOR_MQTT_USER": str(data["username"]), "STREAMAUTH_DOOR_MQTT_PASSWORD_FILE": str(secret)}
    return found


def main() -> int:
    """Run until one of both ends, or until told to."""
    options = json.loads(Path("/data/options.json").read_text("utf-8"))
    environment = {**os.environ, "STREAMAUTH_HOME": "/data/streamauth", **settings_of(options)}
    environment |= broker_of(environment.pop("SUPERVISOR_TOKEN", ""))
    running = [subprocess.Popen([PROGRAM, "kiosk"], env=environment)]

    def stop(number: int, frame: FrameType | None) -> None:
        for process in running:
            process.terminate()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    keys = subprocess.run(
        [PROGRAM, "keys", "list", "--json"], env=environment, capture_output=True, text=True, check=False
    )
    if keys.returncode == 0 and json.loads(keys.stdout).get("keys"):
        # without an API key nobody may reach it, so there is nothing to serve
        running.append(subprocess.Popen([PROGRAM, "serve", "--host", "0.0.0.0"], env=environment))  # noqa: S104
    process_id, status = os.wait()
    for process in running:
        if process.pid != process_id and process.poll() is None:
            process.terminate()
            process.wait(_END_S)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
