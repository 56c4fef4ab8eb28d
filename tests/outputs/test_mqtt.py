import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamauth.core.door.command import DoorCommand
from streamauth.core.door.events import DoorEventKind, DoorMode, DoorState
from streamauth.errors import OutputUnavailable
from streamauth.outputs.mqtt import MqttBroker, MqttSink
from streamauth.outputs.ports import DoorView
from tests.outputs.broker import Broker, Listener, free_port, mosquitto
from tests.outputs.making import message

VIEW = DoorView(DoorState.LOCKED, DoorMode.NORMAL, unlocked=False, is_open=False, problem=False)
BROKERS = ["amqtt", pytest.param("mosquitto", marks=pytest.mark.mosquitto)]


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    if request.param == "mosquitto" and mosquitto() is None:
        pytest.skip("Mosquitto is not installed. Debian and Ubuntu: apt-get install mosquitto")
    made = Broker(request.param, tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    made = Listener(broker.port)
    yield made
    made.close()


def sink(port: int, commands: list[DoorCommand] | None = None) -> MqttSink:
    made = MqttSink(
        "front door",
        MqttBroker("127.0.0.1", port),
        None if commands is None else commands.append,
        ack_s=3.0,
    )
    made.show(VIEW)
    return made


def deliver(to: MqttSink, *numbers: int, kind: DoorEventKind = DoorEventKind.GRANTED, within_s: float = 60.0) -> None:
    """Deliver as the outbox does: in order, each until it is confirmed."""
    deadline = time.monotonic() + within_s
    for number in numbers:
        while True:
            try:
                to.deliver(message(number, kind))
                break
            except OutputUnavailable:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def test_events_state_and_discovery(broker: Broker, listener: Listener) -> None:
    ours = sink(broker.port)
    deliver(ours, 1, 2)
    listener.wait(lambda topic, payload, _: topic == "streamauth/front_door/event" and b"m-2" in payload)
    listener.wait(lambda topic, payload, _: topic.endswith("/availability") and payload == b"online")
    listener.wait(lambda topic, payload, _: topic.endswith("/state") and json.loads(payload)["state"] == "locked")
    (found,) = [json.loads(p) for t, p, _ in listener.got if t == "homeassistant/device/streamauth_front_door/config"]
    assert set(found["components"]) == {"event", "door", "problem", "mode", "lock"}
    assert found["components"]["lock"]["platform"] == "binary_sensor", "shown, without a button"
    assert "duress" not in json.dumps(found)
    events = [json.loads(payload) for topic, payload, _ in listener.got if topic.endswith("/event")]
    assert [event["id"] for event in events] == ["m-1", "m-2"]
    assert events[0]["event_type"] == "granted"
    ours.close()
    listener.wait(lambda topic, payload, _: topic.endswith("/availability") and payload == b"offline")


def test_duress_has_a_topic_of_its_own_that_is_not_retained(broker: Broker, listener: Listener) -> None:
    ours = sink(broker.port)
    deliver(ours, 1, kind=DoorEventKind.DURESS)
    listener.wait(lambda topic, *_: topic == "streamauth/front_door/duress")
    assert not [topic for topic, payload, _ in listener.got if b"duress" in payload and not topic.endswith("/duress")]
    late = Listener(broker.port)
    late.wait(lambda topic, *_: topic.endswith("/availability"))
    assert not [topic for topic, *_ in late.got if topic.endswith(("/duress", "/event"))]
    late.close()
    ours.close()


def command(action: str, at: datetime) -> bytes:
    return json.dumps({"command": action, "at": at.isoformat()}).encode()


def test_fresh_commands_are_taken_and_retained_or_stale_ones_refused(broker: Broker, listener: Listener) -> None:
    now = datetime.now(UTC)
    listener.client.publish("streamauth/front_door/command", command("open", now), qos=1, retain=True).wait_for_publish(
        5
    )
    taken: list[DoorCommand] = []
    ours = sink(broker.port, taken)
    deliver(ours, 1)
    deadline = time.monotonic() + 60
    while not ours.refused_commands:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert taken == [], "a retained command opened a door"
    for payload in (command("open", now - timedelta(minutes=1)), b"open", command("open", now)):
        listener.client.publish("streamauth/front_door/command", payload, qos=1).wait_for_publish(5)
    while len(taken) < 1:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert [each.action for each in taken] == ["open"]
    assert ours.refused_commands >= 3, "a broker may give a retained one out twice"
    ours.close()


def test_the_lock_has_a_button_where_commands_are_taken(broker: Broker, listener: Listener) -> None:
    ours = sink(broker.port, [])
    listener.wait(lambda topic, *_: topic.startswith("homeassistant/"))
    (found,) = [json.loads(payload) for topic, payload, _ in listener.got if topic.startswith("homeassistant/")]
    lock = found["components"]["lock"]
    assert lock["platform"] == "lock"
    assert "utcnow()" in lock["command_template"]
    assert lock["retain"] is False
    ours.close()


def test_a_broker_that_goes_away_and_comes_back(broker: Broker) -> None:
    ours = sink(broker.port)
    deliver(ours, 1)
    broker.stop()
    with pytest.raises(OutputUnavailable):
        ours.deliver(message(2))
    broker.start()
    listener = Listener(broker.port)
    deliver(ours, 2, 3)
    listener.wait(lambda topic, payload, _: b"m-3" in payload)
    ids = [json.loads(payload)["id"] for topic, payload, _ in listener.got if topic.endswith("/event")]
    assert list(dict.fromkeys(ids)) == ["m-2", "m-3"]
    listener.close()
    ours.close()


def test_nobody_there() -> None:
    ours = sink(free_port())
    with pytest.raises(OutputUnavailable):
        ours.deliver(message())
    ours.close()
