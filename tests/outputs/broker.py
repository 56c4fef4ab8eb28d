"""MQTT brokers for the tests: amqtt, and Mosquitto where it is installed."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, within_s: float = 60.0) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError


class Broker:
    """A broker in a process of its own, which can be stopped and started again on its port.

    Args:
        kind: ``amqtt``, of pure Python, or ``mosquitto``.
        folder: Where its configuration goes.
    """

    def __init__(self, kind: str, folder: Path) -> None:
        self.port = free_port()
        config = folder / f"{kind}.conf"
        if kind == "amqtt":
            config.write_text(_AMQTT.format(port=self.port))
            self._command = [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(config)]
        else:
            program = mosquitto()
            assert program is not None
            config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
            self._command = [program, "-c", str(config)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def stop(self) -> None:
        """Stop it as a power cut does. Idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


_AMQTT = """
listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


def mosquitto() -> str | None:
    """Where Mosquitto is; Debian keeps it outside of most people's path."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


class Listener:
    """Another client, which notes all that it gets."""

    def __init__(self, port: int, topic: str = "#") -> None:
        self.got: list[tuple[str, bytes, bool]] = []
        self._topic = topic
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda client, *_: client.subscribe(self._topic, qos=1)
        self.client.on_message = lambda _client, _data, m: self.got.append((m.topic, bytes(m.payload), m.retain))
        self.subscribed = threading.Event()
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self.subscribed.wait(60)

    def wait(self, condition: Any, within_s: float = 60.0) -> None:
        """Wait until something was got for which a condition of (topic, payload, retained) holds."""
        deadline = time.monotonic() + within_s
        while not any(condition(*each) for each in list(self.got)):
            assert time.monotonic() < deadline, self.got
            time.sleep(0.02)

    def close(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()
