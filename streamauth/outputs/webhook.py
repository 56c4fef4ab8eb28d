"""Signed webhooks, by the Standard Webhooks specification (https://www.standardwebhooks.com, version 1).

A receiver checks three headers with any library of that specification: ``webhook-id`` stays the same when a message
comes again, ``webhook-timestamp`` is that of the sending, ``webhook-signature`` is ``v1`` HMAC-SHA256 of all three.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from http.client import HTTPException
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from streamauth.core.door.message import DoorMessage
from streamauth.errors import BadSetting, OutputUnavailable

_PREFIX = "whsec_"
_MIN_SECRET_BYTES = 24
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class WebhookSink:
    """Posts each event to an address. See ``Sink``.

    Only an answer of 2xx says that the receiver has it. Redirects are not followed: the event has a name in it and
    goes to the one address that was set. Nothing of the receiver's answer is read.

    Args:
        url: Where; HTTPS, or HTTP to this machine.
        secret: ``whsec_`` and 24 to 64 bytes in base64.
        timeout_s: Longest wait for the receiver, in seconds.

    Raises:
        BadSetting: The address or the secret cannot be used.
    """

    name = "webhook"

    def __init__(self, url: str, secret: str, timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise BadSetting("A webhook's address begins with https://, or with http:// on this machine alone.")
        if parts.username or parts.password:
            raise BadSetting("A webhook's address must hold no password; the signature says who sends.")
        self._url = url
        self._secret = webhook_secret(secret)
        self._timeout_s = timeout_s
        # no handler for redirects, errors, files or anything else
        self._opener = OpenerDirector()
        for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler()):
            self._opener.add_handler(handler)

    def deliver(self, message: DoorMessage) -> None:
        """See ``Sink``."""
        data = {name: value for name, value in message.as_dict().items() if name not in ("id", "event", "at")}
        body = json.dumps({"type": f"door.{message.kind}", "timestamp": message.at, "data": data}).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "streamauth",
            "webhook-id": message.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": sign_webhook(self._secret, message.id, timestamp, body),
        }
        request = Request(self._url, body, headers, method="POST")  # noqa: S310 - the scheme was checked
        try:
            reply = self._opener.open(request, timeout=self._timeout_s)
            if reply is None:
                raise OutputUnavailable
            with reply:
                status = reply.status
        except (OSError, URLError, HTTPException) as error:
            raise OutputUnavailable(f"The webhook's receiver cannot be reached ({type(error).__name__}).") from None
        if not 200 <= status < 300:
            raise OutputUnavailable(f"The webhook's receiver answered {status}.")

    def close(self) -> None:
        """See ``Sink``."""
        self._opener.close()


def webhook_secret(text: str) -> bytes:
    """The bytes of a secret ``whsec_...``.

    Raises:
        BadSetting: It is none, or too short.
    """
    try:
        secret = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadSetting("A webhook's secret is whsec_ followed by base64.") from None
    if len(secret) < _MIN_SECRET_BYTES:
        raise BadSetting(f"A webhook's secret has {_MIN_SECRET_BYTES} bytes or more.")
    return secret


def sign_webhook(secret: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """The signature header of a message: ``v1,`` and the HMAC-SHA256 of ``id.timestamp.body`` in base64."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
