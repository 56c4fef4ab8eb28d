"""A whole kiosk with a broker and a webhook: everybody is told everything, in order, through outages."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamauth.core.door.command import DoorAction
from streamauth.kiosk.screen import View
from tests.kiosk.card import SoundCard
from tests.kiosk.rig import eventually
from tests.kiosk.running import Running, card, enrolled, home, running
from tests.outputs.broker import Broker, Listener, mosquitto
from tests.outputs.test_webhook import SECRET, Receiver, receiver

__all__ = ["card", "enrolled", "home", "receiver"]  # fixtures

pytestmark = pytest.mark.system


@pytest.fixture(params=["amqtt", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    if request.param == "mosquitto" and mosquitto() is None:
        pytest.skip("Mosquitto is not installed. Debian and Ubuntu: apt-get install mosquitto")
    made = Broker(request.param, tmp_path)
    made.start()
    yield made
    made.stop()


def passes(ours: Running, count: int) -> None:
    """Somebody is let in by an operator and goes through."""
    ours.authenticator.store.doors.tell("front", DoorAction.OPEN)
    ours.wait_for("granted", count)
    eventually(lambda: ours.relay)
    ours.moves(True)
    ours.moves(False)
    ours.wait_for("closed", count)


def test_everybody_is_told_everything(
    home: Path, card: SoundCard, broker: Broker, receiver: Receiver, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    assert base64.b64decode(SECRET.removeprefix("whsec_"))
    door = {
        "strike_s": 20.0,
        "held_s": 60.0,
        "mqtt_host": "127.0.0.1",
        "mqtt_port": broker.port,
        "webhook_url": receiver.url,
        "webhook_secret_file": str(secret),
    }
    listener = Listener(broker.port)
    with running(home, card, door=door) as ours:
        card.says("slt", "long-2")
        ours.wait_for("granted")
        eventually(lambda: ours.relay)
        ours.moves(True)
        ours.moves(False)
        ours.wait_for("closed")
        listener.wait(
            lambda topic, payload, _: topic.endswith("/event") and b'"granted"' in payload and b"Ada" in payload
        )
        broker.stop()
        receiver.answers = [500, 500]
        passes(ours, 2)
        ours.moves(True)
        ours.moves(False)
        ours.wait_for("forced_ended")
        broker.start()
        last = [message.id for message in ours.authenticator.store.outbox.log()][-1]
        listener.wait(lambda topic, payload, _: topic.endswith("/event") and last.encode() in payload)
        eventually(lambda: last in receiver.ids)
        eventually(lambda: ours.authenticator.store.outbox.waiting("front") == 0)
        told = [json.loads(payload)["id"] for topic, payload, _ in listener.got if topic.endswith("/event")]
        written = [message.id for message in ours.authenticator.store.outbox.log()]
    listener.close()
    once = list(dict.fromkeys(receiver.ids))
    assert once == written[: len(once)], "at least once, and in order"
    # the other client may come back to the broker after the kiosk, and has missed what came between
    places = [written.index(each) for each in dict.fromkeys(told)]
    assert places == sorted(places)


VISITS = {
    "strangers": (
        ("2468", "kal16", "door-4", "denied", "not_recognized"),
        ("1357", "rms", "door-4", "denied", "outside_schedule"),
    ),
    "a threat, and its recording": (
        ("2468", "slt", "passport", "granted", "voice"),
        ("2468", "slt", "passport", "denied", "heard_before"),
    ),
}
"""PIN, voice, words, and what becomes of them."""
TOLD = {
    "strangers": ["door.denied", "door.denied"],
    "a threat, and its recording": ["door.granted", "door.duress", "door.denied"],
}


@pytest.mark.parametrize("who", VISITS)
def test_what_every_visitor_comes_to_is_told(
    home: Path, card: SoundCard, broker: Broker, receiver: Receiver, tmp_path: Path, who: str
) -> None:
    """By voice, through the broker and the webhook."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    door = {
        "strike_s": 0.3,
        "mqtt_host": "127.0.0.1",
        "mqtt_port": broker.port,
        "webhook_url": receiver.url,
        "webhook_secret_file": str(secret),
    }
    visits = VISITS[who]
    came_in = sum(kind == "granted" for _, _, _, kind, _ in visits)
    listener = Listener(broker.port)
    with running(home, card, door=door, kiosk={"identify": "claim", "tries": 1}, replay={"refuse": True}) as ours:
        for pin, voice, words, kind, reason in visits:
            eventually(lambda: ours.views[-1] is View.IDLE)
            count = [each[0] for each in ours.log()].count(kind)
            ours.claims(pin)
            card.says(voice, words)
            ours.wait_for(kind, count + 1)
            assert [each[2] for each in ours.log() if each[0] == kind][-1] == reason
        last = [message.id for message in ours.authenticator.store.outbox.log()][-1]
        listener.wait(lambda topic, payload, _: topic.endswith("/event") and last.encode() in payload)
        if came_in:
            listener.wait(lambda topic, payload, _: topic.endswith("/duress") and b"Ada" in payload)
        eventually(lambda: ours.authenticator.store.outbox.waiting("front") == 0)
        assert len(ours.pulses_s) == came_in
    listener.close()
    events = [json.loads(payload) for topic, payload, _ in listener.got if topic.endswith("/event")]
    told = [(each["event"], each.get("reason", "")) for each in events if each["event"] in ("granted", "denied")]
    assert told == [(kind, reason) for _, _, _, kind, reason in visits]
    assert "duress" not in {each["event"] for each in events}, "it goes to a topic of its own"
    kinds = ("door.granted", "door.denied", "door.duress")
    assert not any(retained for topic, _, retained in listener.got if topic.endswith("/duress"))
    assert [each["type"] for each in receiver.bodies if each["type"] in kinds] == TOLD[who]
