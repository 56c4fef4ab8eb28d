import base64
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from standardwebhooks import Webhook

from streamauth.core.door.events import DoorEventKind
from streamauth.errors import BadSetting, OutputUnavailable
from streamauth.outputs.webhook import WebhookSink
from tests.outputs.making import message

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Receiver:
    """A webhook receiver on loopback that checks signatures with the specification's own library."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.bodies: list[dict[str, object]] = []
        self.ids: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.bodies.append(Webhook(SECRET).verify(body, dict(self.headers)))
                outer.ids.append(self.headers["webhook-id"])
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_a_library_of_the_specification_accepts_it(receiver: Receiver) -> None:
    sink = WebhookSink(receiver.url, SECRET)
    sink.deliver(message(kind=DoorEventKind.FORCED, person=None, reason=""))
    sink.close()
    assert receiver.ids == ["m-1"]
    assert receiver.bodies == [
        {"type": "door.forced", "timestamp": "2026-05-28T20:26:40.001Z", "data": {"door": "front door"}}
    ]


@pytest.mark.parametrize("status", [301, 307, 400, 410, 500])
def test_anything_but_success_is_sent_again_under_the_same_id(receiver: Receiver, status: int) -> None:
    receiver.answers = [status]
    sink = WebhookSink(receiver.url, SECRET)
    with pytest.raises(OutputUnavailable):
        sink.deliver(message())
    sink.deliver(message())
    sink.close()
    assert receiver.ids == ["m-1", "m-1"]


def test_nobody_there() -> None:
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = server.server_port
    server.server_close()
    with pytest.raises(OutputUnavailable):
        WebhookSink(f"http://127.0.0.1:{port}/", SECRET, 1.0).deliver(message())


def test_the_specifications_own_example() -> None:
    from streamauth.outputs.webhook import sign_webhook, webhook_secret

    secret, moment = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", datetime(2021, 2, 25, 17, 1, tzinfo=UTC)
    body = json.dumps({"test": 2432232314})
    expected = Webhook(secret).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", moment, body)
    found = sign_webhook(
        webhook_secret(secret), "msg_p5jXN8AQM9LWM0D4loKWxJek", str(int(moment.timestamp())), body.encode()
    )
    assert found == expected


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("http://example.org/hook", SECRET),
        ("ftp://example.org/hook", SECRET),
        ("https://user:password@example.org/", SECRET),
        ("https://example.org/", "whsec_short"),
        ("https://example.org/", "whsec_" + base64.b64encode(b"short").decode()),
        ("https://example.org/", "whsec_***"),
    ],
)
def test_settings_that_cannot_be_used(url: str, secret: str) -> None:
    with pytest.raises(BadSetting):
        WebhookSink(url, secret)
