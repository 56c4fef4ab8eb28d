"""One program that asks the login daemon: its requests are read strictly, and answered within limits."""

import logging
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import InitVar, asdict, dataclass

import numpy as np

from streamauth.core.audio.pcm import PcmDecoder
from streamauth.core.audio.quality import dbfs
from streamauth.core.events import REASON_TEXTS, Decided, Event, LevelMeasured, Verdict
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.errors import (
    InternalError,
    LoginNotPermitted,
    LoginProtocolError,
    MicrophoneMuted,
    ServiceNotEnabled,
    StreamAuthError,
)
from streamauth.login import protocol
from streamauth.login.state import OWN_SERVICE, DaemonState
from streamauth.login.users import UnixUser, unix_user
from streamauth.login.voices import LoginVoices, Offer
from streamauth.protocol.answers import Pronunciation
from streamauth.protocol.disclosure import Disclosure, DisclosurePolicy, told_reasons
from streamauth.protocol.events import event_object
from streamauth.protocol.strict_json import json_object

_log = logging.getLogger("streamauth.login")
_REQUEST_S = 5.0  # for the rest of a line that has begun, and for the peer to take an answer
_IDLE_S = 90.0  # somebody may think at the prompt; longer than a prompt lives
_MARGIN_MS = 2000  # the daemon ends so much before the module stops to wait
_MAX_REQUESTS = 16
_OF_ROOT = (protocol.Enroll, protocol.Level, protocol.Unlock, protocol.Enable, protocol.Devices, protocol.Device)


@dataclass(frozen=True, slots=True)
class Peer:
    """The program at the other end, as the kernel tells.

    Attributes:
        uid: Its user when it connected.
    """

    uid: int

    @classmethod
    def of(cls, connection: socket.socket) -> "Peer":
        """The peer of a connected Unix socket."""
        form = struct.Struct("3i")
        _, uid, _ = form.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size))
        return cls(uid)

    def check(self, user: UnixUser | None = None) -> None:
        """Refuse whoever is neither root nor that user.

        Raises:
            LoginNotPermitted: It is not.
        """
        if self.uid != 0 and (user is None or self.uid != user.uid):
            raise LoginNotPermitted


class HungUp(Exception):
    """The peer is gone, or does not speak the protocol in time."""


class Lines:
    """Lines over a socket, bounded in size and time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""

    def read(self, most_bytes: int, idle_s: float) -> bytes:
        """The next line without its newline.

        Args:
            most_bytes: Longest line.
            idle_s: Time until its first byte, in seconds.

        Raises:
            HungUp: There is none.
            LoginProtocolError: It is too long.
        """
        deadline_s = time.monotonic() + idle_s
        while b"\n" not in self._rest:
            if len(self._rest) > most_bytes:
                raise LoginProtocolError
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise HungUp
            self._connection.settimeout(left_s)
            try:
                got = self._connection.recv(4096)
            except OSError:
                raise HungUp from None
            if not got:
                raise HungUp
            if not self._rest:
                deadline_s = min(deadline_s, time.monotonic() + _REQUEST_S)
            self._rest += got
        line, _, self._rest = self._rest.partition(b"\n")
        if len(line) > most_bytes:
            raise LoginProtocolError
        return line

    def write(self, line: bytes) -> None:
        """Send a line.

        Raises:
            HungUp: It does not get through in time.
        """
        self._connection.settimeout(_REQUEST_S)
        try:
            self._connection.sendall(line)
        except OSError:
            raise HungUp from None

    def interrupted(self) -> bool:
        """Whether the peer hung up, or said something although it is to wait."""
        return bool(self._rest) or bool(select.select([self._connection], [], [], 0)[0])


@dataclass(eq=False, repr=False)
class Conversation:
    """Answers one connection until it ends.

    Attributes:
        connection: The socket; closed by whoever made it.
        peer: Who is at its other end.
        voices: Judges and enrolls.
        state: Which services may ask, and the microphone.
        user_of: Finds a Unix user; raises UnknownUser.
    """

    connection: InitVar[socket.socket]
    peer: Peer
    voices: LoginVoices
    state: DaemonState
    user_of: Callable[[str], UnixUser] = unix_user

    def __post_init__(self, connection: socket.socket) -> None:
        self._lines = Lines(connection)
        self._offer: Offer | None = None
        self._wait_s = 0.0
        self._service = ""

    def run(self) -> None:
        """Answer until the peer hangs up, breaks the protocol, or has asked often enough."""
        try:
            for _ in range(_MAX_REQUESTS):
                request = protocol.decode_request(self._lines.read(protocol.MAX_REQUEST_BYTES, _IDLE_S))
                self._answer(request)
        except (HungUp, LoginProtocolError):
            pass
        finally:
            self._withdraw()

    def _withdraw(self) -> None:
        offer, self._offer = self._offer, None
        if offer is not None:
            self.voices.withdraw(offer)

    def _answer(self, request: protocol.Request) -> None:
        try:
            self._carry_out(request)
        except (HungUp, LoginProtocolError):
            raise
        except StreamAuthError as error:
            _log.info("refused: %s", error.code)
            self._reply(protocol.Refused(request.id, error.code, error.message))
        except Exception as error:
            # the text of an unexpected exception may hold a name, so only its type is told
            _log.error("failed: %s", type(error).__name__)
            self._reply(protocol.Refused(request.id, InternalError.code, InternalError.default_message))

    def _carry_out(self, request: protocol.Request) -> None:
        if isinstance(request, _OF_ROOT):
            self.peer.check()
        match request:
            case protocol.Ask():
                return self._ask(request)
            case protocol.Listen():
                return self._listen(request)
            case protocol.Devices():
                return self._reply(protocol.Told(request.id, self.voices.devices()))
            case protocol.Status():
                standing = asdict(self.voices.standing(self._permitted(request.user)))
                return self._reply(protocol.Told(request.id, standing | {"services": sorted(self.state.enabled())}))
            case protocol.Enroll():
                self._enroll(request)
            case protocol.Level():
                self._level(request)
            case protocol.Forget():
                self.voices.forget(self._permitted(request.user))
            case protocol.Unlock():
                self.voices.unlock(self.user_of(request.user))
            case protocol.Enable():
                self.state.enable(request.service, request.on, fixed=request.fixed)
            case protocol.Device():
                self.voices.check_device(request.name)
                self.state.choose_device(request.name)
            case _:
                raise LoginProtocolError
        self._reply(protocol.Done(request.id))

    def _permitted(self, name: str) -> UnixUser:
        """A user about whom the peer may ask."""
        user = self.user_of(name)
        self.peer.check(user)
        return user

    def _ask(self, request: protocol.Ask) -> None:
        self._withdraw()
        if request.v != protocol.VERSION:
            raise LoginProtocolError
        if request.service != OWN_SERVICE and request.service not in self.state.enabled():
            raise ServiceNotEnabled
        user = self._permitted(request.user)
        digits = request.prompt == "digits" and request.service not in self.state.fixed()
        offer = self._offer = self.voices.offer(user, digits=digits)
        self._wait_s = max(0, request.wait_ms - _MARGIN_MS) / 1000
        self._service = request.service
        self._reply(protocol.Prompt(request.id, offer.say, offer.after_phrase))

    def _listen(self, request: protocol.Listen) -> None:
        offer, self._offer = self._offer, None
        if offer is None:
            raise LoginProtocolError
        decided = None
        # all is told to root alone, who asks for it, and not to whoever stands before sudo: numbers and reasons would
        # guide an imitator, and words would make a bug of the microphone for any program of a user
        level = Disclosure.NUMBER if self.peer.uid == 0 and request.events else Disclosure.LEAST
        try:
            with self.voices.listen(offer, self._wait_s) as (attempt, events):
                self._reply(protocol.Listening(request.id))
                policy = DisclosurePolicy(level, attempt.session.threshold)
                for event in self._watched(events):
                    decided = event if isinstance(event, Decided) else decided
                    if request.events:
                        self._tell(request.id, event, policy)
        finally:
            self.voices.withdraw(offer)  # where it was not used
        if decided is None:
            raise InternalError
        _log.info("%s: %s (%s)", self._service, decided.verdict, ", ".join(decided.reasons))
        self._reply(judged(request.id, decided, level))

    def _enroll(self, request: protocol.Enroll) -> None:
        user = self.user_of(request.user)
        with self.voices.enroll(user, request.phrase) as (attempt, events):
            self._reply(protocol.Listening(request.id))
            if attempt.proposed_sounds:
                words = asdict(Pronunciation(attempt.proposed_sounds))
                self._reply(protocol.Told(request.id, {"type": "pronunciation"} | words))
            for event in self._watched(events):
                self._reply(protocol.Told(request.id, event_object(event)))
            complete = attempt.session.complete
        _log.info("enrollment: %s", "complete" if complete else "not complete")

    def _level(self, request: protocol.Level) -> None:
        seconds = min(max(request.ms, 100), 30_000) / 1000
        began_s = time.monotonic()
        with self.voices.record(seconds) as microphone:
            self._reply(protocol.Listening(request.id))
            decoder, only_zeros, at_s = PcmDecoder(microphone.format), True, 0.0
            for chunk in microphone:
                samples = decoder.feed(chunk)
                at_s += samples.size / microphone.format.sample_rate_hz
                peak = float(np.max(np.abs(samples), initial=0.0))
                only_zeros = only_zeros and peak == 0.0
                if only_zeros and at_s > 0.8:
                    raise MicrophoneMuted
                power = float(np.mean(np.square(samples))) if samples.size else 0.0
                level = LevelMeasured(round(at_s * SAMPLE_RATE_HZ), dbfs(power), peak, peak >= 0.985)
                self._reply(protocol.Told(request.id, event_object(level)))
                if at_s >= seconds or time.monotonic() - began_s >= seconds + 1 or self._lines.interrupted():
                    break

    def _watched(self, events: Iterator[Event]) -> Iterator[Event]:
        """The events, for as long as the peer waits for them."""
        for event in events:
            if self._lines.interrupted():
                raise HungUp
            yield event

    def _tell(self, request_id: str, event: Event, policy: DisclosurePolicy) -> None:
        if (text := policy.text(event)) is not None:
            self._reply(protocol.Told(request_id, json_object(text)))

    def _reply(self, reply: protocol.Reply) -> None:
        self._lines.write(protocol.encode_reply(reply))


def judged(request_id: str, decided: Decided, level: Disclosure) -> protocol.Judged:
    """A decision as a module is told of it: never the words, the scores or the name."""
    reasons = told_reasons(decided, level)
    sentences = "" if decided.verdict is Verdict.ACCEPT else " ".join(REASON_TEXTS[reason] for reason in reasons)
    return protocol.Judged(request_id, decided.verdict.value, " ".join(reasons), sentences)
