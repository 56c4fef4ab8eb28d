"""Asks the login daemon, for the command line."""

import secrets
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self, TypeVar

from streamauth.errors import LoginDaemonAbsent, LoginProtocolError, StreamAuthError, all_errors
from streamauth.login import protocol

Kind = TypeVar("Kind", bound=protocol.Reply)
_CONNECT_S = 2.0


class LoginClient:
    """One connection to the daemon. Use as a context manager.

    Whatever is asked of it raises the StreamAuthError by which the daemon refuses, or LoginDaemonAbsent where it does
    not answer.

    Args:
        path: Of its socket; the usual one if None.

    Raises:
        LoginDaemonAbsent: Nobody listens there.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._id = secrets.token_hex(8)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(_CONNECT_S)
        self._rest = b""
        try:
            self._socket.connect(str(path or protocol.SOCKET))
        except OSError:
            self._socket.close()
            raise LoginDaemonAbsent from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the daemon ends what it does for this connection. Idempotent."""
        self._socket.close()

    def ask(self, user: str, service: str, *, digits: bool = True, wait_s: float = 15.0) -> protocol.Prompt:
        """Ask what must be said."""
        kind = "digits" if digits else "none"
        request = protocol.Ask(self._id, user, service, kind, round(wait_s * 1000))  # type: ignore[arg-type]
        return _expect(protocol.Prompt, next(self._talk(request, 5.0)))

    def listen(self, on_event: Callable[[dict[str, Any]], None] | None = None, wait_s: float = 20.0) -> protocol.Judged:
        """Have it listen now; the verdict.

        Args:
            on_event: Given each event as an object, as it comes.
            wait_s: For the verdict.
        """
        for reply in self._talk(protocol.Listen(self._id, events=on_event is not None), wait_s):
            if isinstance(reply, protocol.Told) and on_event is not None:
                on_event(reply.data)
            elif not isinstance(reply, protocol.Listening):
                return _expect(protocol.Judged, reply)
        raise LoginDaemonAbsent

    def enroll(self, user: str, phrase: str | None, wait_s: float = 200.0) -> Iterator[dict[str, Any]]:
        """Enroll a person; the events."""
        return self._told(protocol.Enroll(self._id, user, phrase), wait_s)

    def level(self, seconds: float) -> Iterator[dict[str, Any]]:
        """Measure the microphone; the levels as they come."""
        return self._told(protocol.Level(self._id, round(seconds * 1000)), seconds + 10)

    def status(self, user: str) -> dict[str, Any]:
        """How it stands with a person."""
        return _expect(protocol.Told, next(self._talk(protocol.Status(self._id, user), 5.0))).data

    def forget(self, user: str) -> None:
        """Delete a person's voice."""
        self._done(protocol.Forget(self._id, user))

    def unlock(self, user: str) -> None:
        """Forget a person's failed attempts."""
        self._done(protocol.Unlock(self._id, user))

    def enable(self, service: str, on: bool, *, fixed: bool = False) -> None:
        """Let a service ask for voices, or no longer; fixed: for the pass phrase alone."""
        self._done(protocol.Enable(self._id, service, on, fixed))

    def devices(self) -> dict[str, Any]:
        """The microphones: ``names``, the one ``chosen``, and ``why``."""
        return _expect(protocol.Told, next(self._talk(protocol.Devices(self._id), 10.0))).data

    def choose_device(self, name: str) -> None:
        """Take this microphone from now on; the automatic choice if empty."""
        self._done(protocol.Device(self._id, name))

    def _done(self, request: protocol.Request) -> None:
        _expect(protocol.Done, next(self._talk(request, 5.0)))

    def _told(self, request: protocol.Request, wait_s: float) -> Iterator[dict[str, Any]]:
        for reply in self._talk(request, wait_s):
            if isinstance(reply, protocol.Told):
                yield reply.data
            elif not isinstance(reply, protocol.Listening):
                _expect(protocol.Done, reply)
                return

    def _talk(self, request: protocol.Request, wait_s: float) -> Iterator[protocol.Reply]:
        """The replies as they come; refusals as their errors."""
        deadline_s = time.monotonic() + wait_s
        try:
            self._socket.settimeout(_CONNECT_S)
            self._socket.sendall(protocol.encode_request(request))
            while True:
                while b"\n" not in self._rest:
                    if len(self._rest) > protocol.MAX_EVENT_BYTES:
                        raise LoginProtocolError
                    self._socket.settimeout(max(0.001, deadline_s - time.monotonic()))
                    got = self._socket.recv(4096)
                    if not got:
                        raise LoginDaemonAbsent
                    self._rest += got
                line, _, self._rest = self._rest.partition(b"\n")
                reply = protocol.decode_reply(line)
                if reply.id != request.id:
                    raise LoginProtocolError
                if isinstance(reply, protocol.Refused):
                    raise _error_of(reply)
                yield reply
        except OSError:
            raise LoginDaemonAbsent from None


def _expect(kind: type[Kind], reply: protocol.Reply) -> Kind:
    if not isinstance(reply, kind):
        raise LoginProtocolError
    return reply


def _error_of(reply: protocol.Refused) -> StreamAuthError:
    """The error that the daemon met, of its own class where there is one."""
    kind = next((kind for kind in all_errors() if kind.code == reply.code), StreamAuthError)
    return kind(reply.message)
