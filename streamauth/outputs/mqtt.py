"""MQTT: events and state of a door to a broker, with Home Assistant's discovery, and commands back if allowed.

| topic | retained | what |
|---|---|---|
| ``streamauth/<door>/availability`` | yes | ``online``, or ``offline`` by last will |
| ``streamauth/<door>/state`` | yes | state, mode, lock, contact, problem |
| ``streamauth/<door>/event`` | no | one event, once it happened |
| ``streamauth/<door>/duress`` | no | one event of duress; nothing that Home Assistant shows |
| ``streamauth/<door>/command`` | refused if so | commands, where they are allowed |
"""

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from streamauth.core.door.command import DoorCommand, Freshness, parse_command
from streamauth.core.door.events import DoorEventKind
from streamauth.core.door.message import DoorMessage
from streamauth.errors import BadSetting, DoorError, OutputUnavailable
from streamauth.outputs.discovery import discovery
from streamauth.outputs.ports import DoorView

AVAILABLE, UNAVAILABLE = "online", "offline"
_QOS = 1
_ACK_S = 10.0


@dataclass(frozen=True, slots=True)
class MqttBroker:
    """How to reach a broker.

    Attributes:
        host: Its address.
        port: Its port; usually 1883, with TLS 8883.
        user: Empty for none.
        password: Of the user.
        tls: Whether to speak TLS and check the broker's certificate.
        discovery_prefix: Where Home Assistant looks for devices; empty tells it nothing.
        base: First part of all other topics.
        keep_alive_s: Time after which a silent connection is dead, in seconds.
    """

    host: str
    port: int = 1883
    user: str = ""
    password: str = ""
    tls: bool = False
    discovery_prefix: str = "homeassistant"
    base: str = "streamauth"
    keep_alive_s: int = 30


class MqttSink:
    """One door at a broker. See ``Sink``.

    The connection is made in the background and made anew after each loss. What the broker has not confirmed counts
    as not delivered; the client's own queue is not relied on, because it does not survive a restart.

    Args:
        door: Name of the door.
        broker: Where.
        on_command: Called for each fresh command, by the client's thread; None takes none.
        clock: Seconds since the epoch.
        ack_s: Longest wait for the broker's confirmation, in seconds.

    Raises:
        BadSetting: paho-mqtt is missing, or a setting cannot be used.
    """

    name = "mqtt"

    def __init__(
        self,
        door: str,
        broker: MqttBroker,
        on_command: Callable[[DoorCommand], None] | None = None,
        *,
        clock: Callable[[], float] = time.time,
        ack_s: float = _ACK_S,
    ) -> None:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError:
            raise BadSetting("paho-mqtt is missing: pip install 'streamauth[mqtt]'.") from None
        self._door = door
        self._broker = broker
        self._on_command = on_command
        self._clock = clock
        self._ack_s = ack_s
        self._fresh = Freshness()
        self._view: DoorView | None = None
        self.refused_commands = 0
        self.topic = f"{broker.base}/{topic_part(door)}"
        client = self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"streamauth-{topic_part(door)}")
        if broker.user:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            client.tls_set()
        client.will_set(f"{self.topic}/availability", UNAVAILABLE, qos=_QOS, retain=True)
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        client.on_connect = self._connected
        client.on_message = self._received
        try:
            client.connect_async(broker.host, broker.port, keepalive=broker.keep_alive_s)
        except ValueError:
            raise BadSetting("The broker's address or port cannot be used.") from None
        client.loop_start()

    def deliver(self, message: DoorMessage) -> None:
        """See ``Sink``."""
        topic = "duress" if message.kind is DoorEventKind.DURESS else "event"
        payload = {"event_type": message.kind.value, **message.as_dict()}
        if not self._client.is_connected():
            raise OutputUnavailable("The MQTT broker cannot be reached.")
        try:
            sent = self._client.publish(f"{self.topic}/{topic}", json.dumps(payload), qos=_QOS)
            sent.wait_for_publish(self._ack_s)
            confirmed = sent.is_published()
        except (RuntimeError, ValueError):
            confirmed = False
        if not confirmed:
            raise OutputUnavailable("The MQTT broker does not confirm a message.")

    def show(self, view: DoorView) -> None:
        """Tell how the door stands; the newest is told again after each connection."""
        self._view = view
        if self._client.is_connected():
            self._publish_view(view)

    def close(self) -> None:
        """See ``Sink``."""
        if self._client.is_connected():
            # the last will is only for an end that was not foreseen
            farewell = self._client.publish(f"{self.topic}/availability", UNAVAILABLE, qos=_QOS, retain=True)
            # where the connection was lost just now, the last will does it
            with suppress(RuntimeError, ValueError):
                farewell.wait_for_publish(2.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: Any, data: object, flags: object, reason: Any, properties: object) -> None:
        if reason.is_failure:
            return
        if self._on_command is not None:
            client.subscribe(f"{self.topic}/command", qos=0)
        if self._broker.discovery_prefix:
            topic, payload = discovery(
                self._broker.discovery_prefix, self._door, self.topic, commands=self._on_command is not None
            )
            client.publish(topic, json.dumps(payload), qos=_QOS, retain=True)
        client.publish(f"{self.topic}/availability", AVAILABLE, qos=_QOS, retain=True)
        if self._view is not None:
            self._publish_view(self._view)

    def _publish_view(self, view: DoorView) -> None:
        self._client.publish(f"{self.topic}/state", json.dumps(asdict(view)), qos=_QOS, retain=True)

    def _received(self, client: object, data: object, message: Any) -> None:
        if self._on_command is None:
            return
        try:
            command = parse_command(bytes(message.payload))
            self._fresh.check(command, self._clock(), retained=bool(message.retain))
        except DoorError:
            self.refused_commands += 1
            return
        self._on_command(command)


def topic_part(text: str) -> str:
    """A name as one part of a topic, of an id: letters, digits, hyphen, underscore."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text) or "door"
