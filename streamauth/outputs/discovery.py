"""What Home Assistant is told of a door, so that the door appears there automatically (MQTT discovery of a device)."""

from typing import Any

from streamauth.core.door.events import DoorEventKind
from streamauth.core.door.message import UNLOGGED
from streamauth.version import __version__

_EVENTS = [kind.value for kind in DoorEventKind if kind not in UNLOGGED]

# filled in by Home Assistant when the button is pressed, so that a command tells when it was given
_COMMAND = '{"command": "{{ value }}", "at": "{{ utcnow().isoformat() }}"}'


def discovery(prefix: str, door: str, topic: str, *, commands: bool) -> tuple[str, dict[str, Any]]:
    """Topic and payload of the discovery message.

    Without commands the lock is shown by a sensor: Home Assistant's own lock entity always has a button.

    Args:
        prefix: Where Home Assistant looks, usually ``homeassistant``.
        door: Name of the door.
        topic: The door's topics begin with this.
        commands: Whether the door takes commands.
    """
    device_id = topic.replace("/", "_")

    def entity(key: str, platform: str, **more: Any) -> dict[str, Any]:
        return {"platform": platform, "unique_id": f"{device_id}_{key}", "state_topic": f"{topic}/state", **more}

    components = {
        "event": entity("event", "event", name="Event", event_types=_EVENTS) | {"state_topic": f"{topic}/event"},
        "door": entity(
            "door",
            "binary_sensor",
            name="Door",
            device_class="door",
            value_template="{{ 'ON' if value_json.is_open else 'OFF' }}",
        ),
        "problem": entity(
            "problem",
            "binary_sensor",
            name="Problem",
            device_class="problem",
            entity_category="diagnostic",
            value_template="{{ 'ON' if value_json.problem or value_json.state in ['held', 'forced'] else 'OFF' }}",
        ),
        "mode": entity("mode", "sensor", name="Mode", value_template="{{ value_json.mode }}"),
    }
    if commands:
        components["lock"] = entity(
            "lock",
            "lock",
            name="Lock",
            command_topic=f"{topic}/command",
            command_template=_COMMAND,
            payload_lock="lock",
            payload_unlock="open",
            value_template="{{ 'UNLOCKED' if value_json.unlocked else 'LOCKED' }}",
            retain=False,
        )
    else:
        components["lock"] = entity(
            "lock",
            "binary_sensor",
            name="Lock",
            device_class="lock",
            value_template="{{ 'ON' if value_json.unlocked else 'OFF' }}",
        )
    payload = {
        "device": {"identifiers": [device_id], "name": door, "manufacturer": "streamauth", "model": "door"},
        "origin": {"name": "streamauth", "sw_version": __version__},
        "availability_topic": f"{topic}/availability",
        "components": components,
    }
    return f"{prefix}/device/{device_id}/config", payload
